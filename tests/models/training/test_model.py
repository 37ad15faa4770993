from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM

from models.training.export import export_model
from models.training.model import Decoder, ModelShape
from models.training.tokenizer import train_tokenizer
from models.training.warm_start import load_decoder, load_weights

SHAPE = ModelShape(
    vocabulary=384, width=32, layers=3, heads=4, feed_forward=64, context=64, key_value_heads=2
)


@pytest.fixture
def decoder() -> Decoder:
    torch.manual_seed(0)
    return Decoder(SHAPE)


@pytest.fixture
def folder(decoder: Decoder, tmp_path: Path) -> Path:
    return export_model(decoder, train_tokenizer(["import os\n"], 300), tmp_path / "model")


def test_transformers_computes_the_same_logits_from_the_exported_folder(folder: Path):
    ids = torch.arange(40)[None] % SHAPE.vocabulary
    mine = load_decoder(folder, 64)
    reference = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.no_grad():
        logits = mine(ids)[-1] @ mine.embed_tokens.weight.T
        assert torch.allclose(logits, reference(ids).logits, atol=1e-5)


def test_exits_are_what_a_shallower_model_says(decoder: Decoder):
    ids = torch.arange(20)[None]
    states = decoder(ids, exits=(1, 2))
    assert len(states) == 3
    shallow = Decoder(replace(SHAPE, layers=1))
    shallow.load_state_dict(decoder.state_dict(), strict=False)
    assert torch.equal(shallow(ids)[-1], states[0])


def test_what_comes_later_changes_nothing_before(decoder: Decoder):
    ids = torch.arange(20)[None]
    changed = ids.clone()
    changed[0, 15] = 99
    assert torch.equal(decoder(ids)[-1][:, :15], decoder(changed)[-1][:, :15])


def test_new_marks_start_as_the_mean_embedding(folder: Path):
    larger = Decoder(replace(SHAPE, vocabulary=448))
    load_weights(larger, folder)
    known = load_decoder(folder, 64).embed_tokens.weight
    assert torch.equal(larger.embed_tokens.weight[:384], known)
    assert torch.allclose(larger.embed_tokens.weight[400], known.mean(0))


@pytest.mark.parametrize("change", [{"layers": 2}, {"key_value_heads": 4}])
def test_a_model_of_another_shape_is_refused(folder: Path, change: dict[str, int]):
    with pytest.raises(ValueError, match="another shape"):
        load_weights(Decoder(replace(SHAPE, **change)), folder)


def test_heads_have_to_share_the_width():
    with pytest.raises(ValueError, match="cannot be shared out among 3 heads"):
        ModelShape(384, 32, 2, 3, key_value_heads=1)
    with pytest.raises(ValueError, match="4 heads cannot share 3 key/value heads"):
        ModelShape(384, 32, 2, 4, key_value_heads=3)
