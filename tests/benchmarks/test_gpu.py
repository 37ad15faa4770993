"""The device benchmark on a model that any machine can run: `--device cuda` measures a GPU."""

import json

import pytest
import torch
from typer.testing import CliRunner

from benchmarks.__main__ import benchmarks
from benchmarks.shapes import SHAPES, bytes_read, find_shape, random_model
from completer.engine.cost import MEASURED_LENGTHS
from completer.errors import CompleterError


def test_every_step_is_measured_beside_its_floor(device):
    size = f"--device {device.type} --context 64 --rounds 2 --texts 1 --max-tokens 8 --sequences 2"
    command = ["gpu", "--shape", "tiny", *size.split(), "--json"]
    result = CliRunner().invoke(benchmarks, command, catch_exceptions=False)
    report = json.loads(result.stdout)

    assert report["captured"] == (device.type == "cuda")
    assert report["largest_logit_gap"] < (0.25 if report["dtype"] == "bfloat16" else 1e-4)
    assert [row["tokens"] for row in report["steps"]] == list(MEASURED_LENGTHS)
    for row in report["steps"]:
        floor = row["bytes"] / report["bandwidth_gb_per_s"] / 1e6
        assert row["floor_ms"] == pytest.approx(floor, rel=0.01, abs=1e-4)
        assert row["static_over_floor"] == pytest.approx(row["static_ms"] / floor, rel=0.02)
    steps = {name: run["tokens_per_step"] for name, run in report["texts"].items()}
    assert steps["engine_packed"] == steps["engine_static"] == steps["generate"] == 1.0
    assert min(steps["engine_drafting"], steps["generate_prompt_lookup"]) >= 1.0


def test_a_person_gets_tables():
    options = ["--shape", "tiny", "--device", "cpu", "--rounds", "1", "--texts", "0"]
    result = CliRunner().invoke(benchmarks, ["gpu", *options], catch_exceptions=False)

    assert "0.107 M parameters in float32 on cpu" in result.stdout
    assert "floor" in result.stdout


@pytest.mark.parametrize("tied", [True, False])
def test_an_embedding_that_is_only_looked_up_is_not_read(tied):
    shape = {**SHAPES["tiny"], "tie_word_embeddings": tied}
    model = random_model(shape, torch.device("cpu"), "float32", 32)
    embedding = model.get_input_embeddings().weight

    layers = sum(each.nbytes for each in model.model.layers.parameters())
    norm = model.model.norm.weight.nbytes
    assert bytes_read(model) == layers + norm + embedding.nbytes  # the head has that size, too


def test_the_default_shape_is_the_one_it_is_named_after():
    shape = SHAPES["qwen2.5-coder-1.5b"]
    model = random_model(shape, torch.device("meta"), "bfloat16", 32)

    assert sum(each.numel() for each in model.parameters()) == 1_543_714_304
    assert bytes_read(model) == 2 * 1_543_714_304


def test_a_shape_may_be_json():
    shape = find_shape('{"model_type": "llama", "hidden_size": 32, "num_attention_heads": 4}')

    assert shape["hidden_size"] == 32


@pytest.mark.parametrize("wanted", ["qwen9", "[1]", '{"hidden_size": 3}', "{"])
def test_what_is_no_shape_is_refused(wanted):
    with pytest.raises(CompleterError, match="is not a model's shape") as refusal:
        find_shape(wanted)
    assert "qwen2.5-coder-1.5b" in refusal.value.hint


def test_an_unknown_architecture_is_refused():
    with pytest.raises(CompleterError, match="No model has this shape"):
        random_model({"model_type": "nonsense"}, torch.device("cpu"), "float32", 32)
