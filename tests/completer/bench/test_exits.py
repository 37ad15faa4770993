"""The benchmark of self-speculation compares two engines on the same prompts and weights."""

from pathlib import Path

import pytest
import torch

from completer.bench.exits import SETTLING, SYNTHETIC_LAYERS, Pair, bench_exits, nearly_identity
from completer.bench.spans import Span
from completer.cli.assembly import build_engine
from completer.context.prompt import PromptBuilder
from completer.engine.cost import ASSUMED
from completer.engine.tuning import Tuning
from completer.settings import Settings
from models.errors import ModelError
from models.int8 import quantise
from models.loading import LoadedModel, load_model
from tests.models.int8_cpu import needs_int8
from tests.tiny import save_tiny


@pytest.fixture
def model(tmp_path: Path) -> LoadedModel:
    return load_model(str(save_tiny("llama", tmp_path)), device="cpu")


def test_the_layers_on_top_change_next_to_nothing(model):
    deep = nearly_identity(model)
    ids = torch.arange(60, 90)[None]
    with torch.inference_mode():
        states = deep.model(ids, output_hidden_states=True).hidden_states
    early, late = states[6], states[SYNTHETIC_LAYERS - 1]

    assert len(states) == SYNTHETIC_LAYERS + 1
    assert (late - early).norm() < 0.3 * early.norm()
    assert model.model.config.num_hidden_layers == 2


@needs_int8
def test_int8_weights_are_not_copied(model):
    quantise(model.model)

    with pytest.raises(ModelError, match="int8"):
        nearly_identity(model)


def test_both_engines_answer_alike_and_the_result_says_why(model):
    tuning = Tuning("float32", 1, True, ASSUMED, ())
    settings = Settings()
    off = settings.drafting.model_copy(update={"self_speculation": False})
    pair = Pair(
        build_engine(model, tuning, settings.model_copy(update={"drafting": off})),
        build_engine(model, tuning, settings),
        None,
    )
    prompts = PromptBuilder(
        model.tokenizer.backend_tokenizer, model.layout, budget=64, suffix_share=0.25
    )
    spans = [Span(Path("a.py"), f"x = {n} +", "1", "\n") for n in range(SETTLING + 3)]
    seen = []
    result = bench_exits(pair, model, prompts, spans, lambda done, total: seen.append(done))
    pair.without.close()
    pair.speculating.close()

    assert result["identical"]
    assert result["prompts"] == len(spans) - len(spans) // 2
    assert result["speed_ratio"]["low"] <= result["speed_ratio"]["value"]
    assert result["active"] or "pay" in result["reason"]
    assert set(result["agreement"]) == {"1"}
    assert seen[-1] == len(spans)
