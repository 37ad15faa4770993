"""Folders in our own format are read without transformers, and say what transformers says."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from completer.calibration import Calibrations
from completer.engine.attention import Segment
from completer.engine.kv_cache import KVPool
from completer.engine.runner import Runner, kv_layers
from completer.engine.tuning import forward_of
from models.decoder import BareDecoder, shape_of
from models.errors import ModelError
from models.layers import DecoderLayers, why_not
from models.loading import convert, load_model, load_tokenizer
from models.own_format import read_config, read_tokenizer
from models.quantising import quantised_dtype
from models.source import BUNDLED_FOLDER
from models.with_transformers import read_tokenizer as read_tokenizer_with_transformers
from tests.models.quantised_cpu import needs_int8
from tests.tiny import save_tiny

CAPACITY = 300


@pytest.fixture
def folder(tmp_path):
    """The embedded model as anyone may have it."""
    return shutil.copytree(BUNDLED_FOLDER, tmp_path / "model")


def change(folder, name, **values):
    file = folder / name
    file.write_text(json.dumps({**json.loads(file.read_text()), **values}))


def logits(model, *, lean):
    """What a model says of a prompt and of a tree behind it."""
    layers = kv_layers(model)
    pool = KVPool(
        layers, slots=1, capacity=CAPACITY, dtype=torch.float32, device=torch.device("cpu")
    )
    runner = Runner(forward_of(model, lean=lean, positions=CAPACITY), pool)
    ids = np.random.default_rng(0).integers(5, 8000, 260).tolist()
    tree = Segment(0, 250, 1, np.array([-1, 0, 0, 1, -1, 4, 5, 6, 7], np.int32))
    prompt = runner.forward([Segment(0, 0, 250)], ids[:250], np.arange(250))
    return torch.cat([prompt, runner.forward([tree], ids[250:], np.arange(10))]).float()


def test_it_says_what_the_models_own_code_says():
    bare, whole = (load_model(device="cpu", own_code=own_code) for own_code in (False, True))
    assert isinstance(bare.model, BareDecoder)
    assert not isinstance(whole.model, BareDecoder)
    assert kv_layers(bare.model) == kv_layers(whole.model)

    expected = logits(whole.model, lean=False)
    torch.testing.assert_close(logits(bare.model, lean=True), expected, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_it_has_the_same_weights_and_positions(dtype):
    tables, weights = [], []
    for own_code in (False, True):
        model = load_model(device="cpu", dtype=dtype, own_code=own_code).model
        weights.append(model.state_dict())
        layers = DecoderLayers(model, 2080)
        tables.append((layers._cos, layers._sin))

    assert weights[0].keys() == weights[1].keys()
    assert all(torch.equal(weight, weights[1][name]) for name, weight in weights[0].items())
    assert all(torch.equal(*pair) for pair in zip(*tables, strict=True))


def test_it_is_known_by_the_same_name_and_shape(tmp_path):
    bare, whole = (load_model(device="cpu", own_code=own_code) for own_code in (False, True))

    assert shape_of(bare.model) == shape_of(whole.model)
    assert why_not(bare.model) == ""
    assert bare.layout == whole.layout
    assert bare.context_tokens == whole.context_tokens
    assert Calibrations(bare, tmp_path).file(None) == Calibrations(whole, tmp_path).file(None)
    assert sum(each.nbytes for each in bare.model.parameters()) == sum(
        each.nbytes for each in whole.model.parameters()
    )


def test_the_tokenizer_is_the_one_that_transformers_reads():
    own = read_tokenizer(BUNDLED_FOLDER)
    theirs = read_tokenizer_with_transformers(str(BUNDLED_FOLDER))
    text = "def f(x):\n    return '<|fim_middle|>é\U0001f600'  # <|endoftext|>\n"

    assert (own.begin_ids, own.special_ids) == (theirs.begin_ids, theirs.special_ids)
    for one, other in [(own.backend_tokenizer, theirs.backend_tokenizer)]:
        assert one.get_vocab(True) == other.get_vocab(True)
        ids = one.encode(text, add_special_tokens=False).ids
        assert ids == other.encode(text, add_special_tokens=False).ids
        assert one.encode(text).ids == other.encode(text).ids
        assert one.decode(ids) == other.decode(ids)


@needs_int8
def test_its_linear_layers_can_be_int8():
    model = load_model(device="cpu", dtype="int8", own_code=False).model

    assert quantised_dtype(model)
    whole = load_model(device="cpu", dtype="int8").model
    assert torch.equal(logits(model, lean=True), logits(whole, lean=True))


@pytest.mark.parametrize("own_code", [False, True])
def test_weights_that_are_converted_are_those_that_were_loaded_so(own_code):
    """Positions too: their frequencies, rounded, would be others."""
    converted = load_model(device="cpu", own_code=own_code).model
    convert(converted, torch.bfloat16)
    loaded = load_model(device="cpu", dtype="bfloat16", own_code=own_code).model

    assert converted.dtype == torch.bfloat16
    one, other = (DecoderLayers(model, 2080) for model in (converted, loaded))
    assert torch.equal(one._cos, other._cos)
    assert torch.equal(one._sin, other._sin)
    assert torch.equal(one._head.weight, other._head.weight)
    assert converted.lm_head.weight is converted.get_input_embeddings().weight


@pytest.mark.parametrize(
    "values",
    [
        {"model_type": "qwen2"},
        {"attention_bias": True},
        {"rope_parameters": {"rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0}},
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4}},
        {"hidden_act": "gelu"},
        {"something_new": 1},
        {"sliding_window": 128},
    ],
    ids=str,
)
def test_whatever_else_a_config_says_is_for_transformers(values, folder):
    assert read_config(folder) is not None
    change(folder, "config.json", **values)

    assert read_config(folder) is None


def test_what_changes_nothing_may_be_said(folder):
    change(folder, "config.json", transformers_version="5.0", use_cache=True)

    assert read_config(folder) is not None


def test_a_config_that_leaves_something_out_is_for_transformers(folder):
    config = json.loads((folder / "config.json").read_text())
    del config["head_dim"]
    (folder / "config.json").write_text(json.dumps(config))

    assert read_config(folder) is None


@pytest.mark.parametrize("values", [{"tokenizer_class": "LlamaTokenizer"}, {"add_bos_token": True}])
def test_whatever_else_a_tokenizer_says_is_for_transformers(values, folder):
    change(folder, "tokenizer_config.json", **values)

    assert read_tokenizer(folder) is None


def test_other_families_are_read_by_transformers(tmp_path):
    loaded = load_model(str(save_tiny("qwen2", tmp_path)), device="cpu", own_code=False)

    assert not isinstance(loaded.model, BareDecoder)


@pytest.mark.parametrize("tied", [True, False])
def test_a_head_of_its_own_is_the_head(tied, folder):
    weights = load_file(folder / "model.safetensors")
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"] * 2
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    change(folder, "config.json", tie_word_embeddings=tied)
    bare, whole = (
        load_model(str(folder), device="cpu", own_code=own_code).model for own_code in (False, True)
    )

    assert torch.equal(bare.lm_head.weight, whole.lm_head.weight)
    assert not torch.equal(bare.lm_head.weight, bare.model.embed_tokens.weight)


@pytest.mark.parametrize("damage", ["cut short", "missing", "of another shape"])
def test_damaged_weights_are_an_error_that_names_the_folder(damage, folder):
    file = folder / "model.safetensors"
    weights = load_file(file)
    if damage == "cut short":
        file.write_bytes(file.read_bytes()[:100_000])
    elif damage == "missing":
        del weights["model.norm.weight"]
        save_file(weights, file)
    else:
        save_file({**weights, "model.norm.weight": torch.ones(3)}, file)

    with pytest.raises(ModelError, match="could not be loaded") as refusal:
        load_model(str(folder), device="cpu", own_code=False)
    assert str(folder) in str(refusal.value)


def test_a_damaged_tokenizer_is_an_error(folder):
    (folder / "tokenizer.json").write_text("{}")

    with pytest.raises(ModelError, match="No tokenizer could be loaded"):
        load_tokenizer(str(folder))


HEAVY = ("transformers", "sympy", "torch._dynamo", "torch._inductor", "pandas", "matplotlib")
COMPLETING = """
import asyncio, sys
from completer.cli.assembly import build_model, build_service
from completer.request import CompletionRequest
from completer.settings import Settings
from pathlib import Path

settings = Settings(cache_folder=Path(sys.argv[1]))
model, tuning = build_model(settings, own_code=False)
service = build_service(model, tuning, settings)
asyncio.run(service.complete(CompletionRequest(prefix="import os\\nos.", suffix="\\n")))
service.close()
print(*[name for name in sys.argv[2:] if name in sys.modules])
"""


@pytest.mark.slow  # a start from nothing
def test_a_completion_of_the_embedded_model_imports_nothing_heavy(tmp_path):
    run = [sys.executable, "-c", COMPLETING, str(tmp_path), *HEAVY]
    done = subprocess.run(run, capture_output=True, text=True, check=True)

    assert done.stdout.split() == []
