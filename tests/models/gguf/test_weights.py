"""A model from a GGUF file says what its safetensors weights say, as exactly as its type allows."""

import pytest
import torch
from transformers import GraniteConfig

from models.decoder import BareDecoder
from models.errors import ModelError
from models.int4 import Int4Linear
from models.loading import load_model
from tests.gguf_files import save_gguf
from tests.models.quantised_cpu import needs_int4, needs_int8
from tests.tiny import FAMILIES, Family

STORED = (
    "llama",
    "code-llama",
    "deepseek",
    "qwen2",
    "qwen3",
    "starcoder2",
    "mistral",
    "gemma",
    "gemma2",
)
IDS = torch.arange(40)[None] % 200


def logits(model):
    with torch.no_grad():
        return model(IDS).logits


@pytest.mark.parametrize("family", STORED)
@pytest.mark.parametrize("kind", ["f32", "bf16", "q8_0", "q4_0"])
def test_logits_are_those_of_the_weights_that_were_stored(family, kind, tmp_path):
    model = save_gguf(family, tmp_path / "m.gguf", kind)

    loaded = load_model(str(tmp_path / "m.gguf"), device="cpu")

    torch.testing.assert_close(logits(loaded.own_code), logits(model), atol=1e-5, rtol=1e-5)
    assert loaded.layout.layout.name == FAMILIES[family].layout


def test_the_base_and_the_scaling_of_positions_are_read(tmp_path):
    rope = {"rope_type": "linear", "factor": 4.0, "rope_theta": 100_000.0}
    said = {"llama.rope.scaling.type": "linear", "llama.rope.scaling.factor": 4.0}
    model = save_gguf("deepseek", tmp_path / "m.gguf", said=said, rope_parameters=rope)

    loaded = load_model(str(tmp_path / "m.gguf"), device="cpu")

    assert torch.allclose(logits(loaded.own_code), logits(model), atol=1e-5)


def test_the_factors_of_granite_are_read(tmp_path, monkeypatch):
    marks = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
    granite = Family(GraniteConfig, marks, "<|endoftext|>", "starcoder")
    monkeypatch.setitem(FAMILIES, "granite", granite)
    factors = {"embedding_multiplier": 3.0, "residual_multiplier": 0.5, "logits_scaling": 4.0}
    keys = {"embedding_scale": 3.0, "residual_scale": 0.5, "logit_scale": 4.0}
    said = {f"granite.{key}": value for key, value in keys.items()} | {
        "granite.attention.scale": 0.25
    }
    model = save_gguf(
        "granite", tmp_path / "m.gguf", said=said, attention_multiplier=0.25, **factors
    )

    loaded = load_model(str(tmp_path / "m.gguf"), device="cpu")

    assert torch.allclose(logits(loaded.own_code), logits(model), atol=1e-5)


def test_a_llama_model_needs_no_code_of_transformers(tmp_path):
    model = save_gguf("llama", tmp_path / "m.gguf")

    loaded = load_model(str(tmp_path / "m.gguf"), device="cpu", own_code=False)

    assert isinstance(loaded.model, BareDecoder)
    weights = model.state_dict()
    for name, weight in loaded.model.state_dict().items():
        assert torch.equal(weight, weights[name])


@needs_int8
def test_q8_0_can_be_quantised_anew(tmp_path):
    save_gguf("llama", tmp_path / "m.gguf", "q8_0")

    loaded = load_model(str(tmp_path / "m.gguf"), device="cpu", dtype="int8")

    assert loaded.dtype_name == "int8"


@needs_int4
@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_q4_0_is_not_rounded_once_more_in_int4(family, tmp_path):
    sizes = {"hidden_size": 128, "intermediate_size": 256, "head_dim": 32}
    model = save_gguf(family, tmp_path / "m.gguf", "q4_0", **sizes)

    loaded = load_model(str(tmp_path / "m.gguf"), device="cpu", dtype="int4").model

    layers = {n: each for n, each in loaded.named_modules() if isinstance(each, Int4Linear)}
    assert len(layers) == 14
    for name, layer in layers.items():
        weight, bias = model.get_submodule(name).weight.float(), layer.bias
        columns = layer(torch.eye(weight.shape[1]).bfloat16()) - (0 if bias is None else bias)
        torch.testing.assert_close(columns.T.float(), weight, rtol=2**-7, atol=1e-5)


def test_that_weights_are_rounded_is_said(tmp_path, caplog):
    caplog.set_level("INFO", "models")
    save_gguf("llama", tmp_path / "m.gguf", "q4_0")

    load_model(str(tmp_path / "m.gguf"), device="cpu", dtype="bfloat16")

    assert "tensors in Q4_0, " in caplog.text
    assert "dequantised and rounded to bfloat16" in caplog.text


def test_a_model_larger_than_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    save_gguf("llama", tmp_path / "m.gguf")
    monkeypatch.setattr("models.gguf.weights.available_bytes", lambda: 1000)

    with pytest.raises(ModelError, match=r"takes 0\.0 GB in float32") as refused:
        load_model(str(tmp_path / "m.gguf"), device="cpu")

    assert "smaller model" in refused.value.hint


def test_weights_without_a_place_are_refused(tmp_path):
    save_gguf("qwen2", tmp_path / "m.gguf", said={"general.architecture": "qwen2"})
    damaged = (tmp_path / "m.gguf").read_bytes().replace(b"blk.1.attn_q.bias", b"blk.1.attn_z.bias")
    (tmp_path / "m.gguf").write_bytes(damaged)

    with pytest.raises(ModelError, match=r"it has no blk\.1\.attn_q\.bias"):
        load_model(str(tmp_path / "m.gguf"), device="cpu")
