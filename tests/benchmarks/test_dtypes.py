"""Dtypes beside each other: how predictions are compared, and that each is measured."""

import json
from math import log

import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from benchmarks.__main__ import benchmarks
from benchmarks.dtypes import (
    JUDGED,
    REFERENCE,
    Agreement,
    compare_predictions,
    runner_of,
    table,
    time_passes,
)
from tests.completer.engine.test_attention import random_ids
from tests.models.quantised_cpu import needs_int8
from tests.tiny import save_tiny, tiny_model

PASSES = {"prefill_256", "verify_1", "verify_8"}


def nothing(done, total):
    """A progress bar that nobody sees."""


def test_agreement_counts_what_differs_and_what_was_nearly_tied():
    reference = torch.tensor([[2.0, 0.0], [2.0, 0.0], [0.1, 0.0], [0.0, 3.0]])
    logits = torch.tensor([[9.0, 0.0], [0.0, 1.0], [0.0, 0.1], [0.0, 3.0]])
    found = Agreement()
    found.add(reference, logits)

    assert (found.positions, found.same) == (4, 2)
    assert found.figures["share"] == 0.5
    assert found.figures["low"] < 0.5 < found.figures["high"]
    assert found.figures["clearly_other"] == 1


def test_the_divergence_is_the_mean_over_positions_of_float32s_from_the_others():
    found = Agreement()
    found.add(torch.tensor([[log(3.0), 0.0]]), torch.zeros(1, 2))
    found.add(torch.zeros(1, 2), torch.zeros(1, 2))

    expected = (0.75 * log(0.75 / 0.5) + 0.25 * log(0.25 / 0.5)) / 2
    assert found.figures["kl"] == pytest.approx(expected, abs=1e-6)


def test_a_model_agrees_with_itself_and_hardly_with_another():
    runners = {
        REFERENCE: runner_of(tiny_model("llama", 64)),
        "same": runner_of(tiny_model("llama", 64)),
        "other": runner_of(tiny_model("llama", 64, seed=1)),
    }
    texts = [random_ids(20), random_ids(JUDGED + 30, 1)]
    found = compare_predictions(runners, texts, nothing)

    assert found.keys() == {"same", "other"}
    assert found["same"].positions == 20 + JUDGED
    assert found["same"].figures["share"] == 1.0
    assert found["same"].figures["kl"] == pytest.approx(0, abs=1e-6)
    assert found["other"].figures["share"] < 0.5


def test_every_pass_is_timed_in_every_dtype():
    runners = {
        "float32": runner_of(tiny_model("llama", 64)),
        "bfloat16": runner_of(tiny_model("llama", 64).to(torch.bfloat16)),
    }
    found = time_passes(runners, 2, nothing)

    assert found.keys() == runners.keys()
    for passes in found.values():
        assert passes.keys() == PASSES
        assert all(0 < each["p50"] <= each["p95"] for each in passes.values())


def bench(*options):
    command = ["dtypes", "--device", "cpu", "--rounds", "1", *map(str, options)]
    result = CliRunner().invoke(benchmarks, command)
    assert result.exit_code == 0, result.output
    return result.stdout


def _printed(report):
    console = Console(width=80)
    with console.capture() as printed:
        console.print(table(report))
    return printed.get()


@needs_int8
def test_a_shape_is_timed_in_the_dtypes_that_are_named():
    report = json.loads(bench("--shape", "tiny", "--dtype", "int8", "--json"))

    assert report["dtypes"].keys() == {"int8"}
    assert report["dtypes"]["int8"].keys() == {"weights_mb", "passes_ms"}
    assert "int8" in bench("--shape", "tiny")


@pytest.mark.slow  # tunes a model in three dtypes
@needs_int8
@pytest.mark.usefixtures("threads_as_before")
def test_a_model_is_compared_with_itself_in_float32(tmp_path, monkeypatch):
    monkeypatch.setenv("COMPLETER_CACHE_FOLDER", str(tmp_path / "cache"))
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number in range(4):
        lines = [f"value_{number}_{line} = compute({line})\n" for line in range(90)]
        (corpus / f"module_{number}.py").write_text("".join(lines))
    options = ("--model", save_tiny("llama", tmp_path / "model"), "--corpus", corpus)
    options += ("--held-out", 1, "--prompts", 2)
    report = json.loads(bench(*options, "--json"))

    dtypes = report["dtypes"]
    assert list(dtypes) == ["float32", "bfloat16", "int8"]
    assert report["positions"] > 0
    assert dtypes["int8"]["weights_mb"] < dtypes["bfloat16"]["weights_mb"]
    assert "agreement" not in dtypes["float32"]
    for name in ("bfloat16", "int8"):
        assert 0.5 < dtypes[name]["agreement"]["share"] <= 1.0
    for each in dtypes.values():
        assert each["completions"]["decode_ms"]["p50"] >= 0
        assert each["completions"]["tokens_per_step"] > 0
    assert "…" not in _printed(report)  # it fits into 80 columns
