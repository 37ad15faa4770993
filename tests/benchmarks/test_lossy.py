"""The benchmark of lossy exits: the whole model, exits, and exits with stops on the same spans."""

from pathlib import Path

import pytest
import torch

from benchmarks.lossy import build_engines, compare, fit_gates
from benchmarks.spans import Span, prompts_at
from completer.context.prompt import PromptBuilder
from completer.engine.cost import ASSUMED
from completer.engine.tuning import Tuning
from completer.settings import Settings
from models.exit_gates import ExitGate
from models.gate_fitting import NEVER, FittedGates
from models.loading import LoadedModel, load_model
from tests.tiny import save_tiny

SPANS = [Span(Path("a.py"), f"value_{n} = ", "1", "\n") for n in range(4)]


@pytest.fixture
def model(tmp_path: Path) -> LoadedModel:
    return load_model(str(save_tiny("llama", tmp_path)), device="cpu")


def measured(model, gate):
    fitted, tuning = FittedGates({1: gate}, ()), Tuning("float32", 1, True, ASSUMED, ())
    settings = Settings(engine={"kv_cache_mb": 8})
    engines = build_engines(model, tuning, settings, fitted.gates)
    prompts = PromptBuilder(
        model.tokenizer.backend_tokenizer, model.layout, budget=64, suffix_share=0.25
    )
    asked = prompts_at(SPANS, prompts)
    return compare(engines, model, asked, SPANS, fitted, lambda done, total: None)["runs"]


def test_exits_skip_layers_and_stops_end_completions(model):
    weight, bias = torch.zeros(2, 32), torch.zeros(2)
    exiting = measured(model, ExitGate(weight, bias, 0.0, NEVER))
    stopping = measured(model, ExitGate(weight, bias, NEVER, 0.0))

    assert list(exiting) == ["full", "exit", "exit_or_stop"]
    assert exiting["full"]["layers_skipped"] == 0
    assert exiting["full"]["same_as_full"] == len(SPANS)
    assert exiting["exit"]["layers_skipped"] == 1
    assert exiting["exit"]["stopped"] == 0
    assert stopping["exit"] == {**stopping["exit"], "layers_skipped": 0, "stopped": 0}
    assert stopping["exit"]["same_as_full"] == len(SPANS)
    assert stopping["exit_or_stop"]["stopped"] > 0
    assert stopping["exit_or_stop"]["tokens"] < stopping["full"]["tokens"]


def test_gates_are_fitted_within_the_budget_on_files_apart(model):
    texts = [f"name_{n} = {n}\n" * 40 for n in range(20)]
    seen = []
    fitted = fit_gates(model, texts, 4000, 0, lambda done, total: seen.append(total))

    assert fitted.gates.keys() == {1}
    assert set(seen) == {4000 // 256}  # whole windows, both parts together
