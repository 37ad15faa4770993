"""Candidates are measured on the model itself; one that says something else is never chosen."""

import pytest
import torch

from completer.engine.tuning import thread_counts, tune
from tests.completer.engine.test_attention import random_ids
from tests.tiny import tiny_model

pytestmark = pytest.mark.usefixtures("threads_as_before")


def model():
    return tiny_model("llama", 64)


def test_every_dtype_is_tried_with_every_thread_count():
    chosen, tuning = tune(model(), random_ids(50), may_change_dtype=True)

    tried = {(trial.dtype, trial.threads) for trial in tuning.trials}
    assert {dtype for dtype, _ in tried} == {"float32", "bfloat16"}
    assert {threads for _, threads in tried} == set(thread_counts(torch.device("cpu")))
    assert str(chosen.dtype) == f"torch.{tuning.dtype}"
    assert torch.get_num_threads() == tuning.threads


def test_the_fastest_that_agrees_is_chosen():
    _, tuning = tune(model(), random_ids(50), may_change_dtype=True)

    agreeing = [trial for trial in tuning.trials if trial.agrees]
    best = min(agreeing, key=lambda trial: trial.completion_ms)
    assert (tuning.dtype, tuning.threads) == (best.dtype, best.threads)
    assert all(trial.agrees for trial in tuning.trials if trial.dtype == "float32")


def test_a_dtype_that_must_not_change_stays():
    _, tuning = tune(model(), random_ids(50), may_change_dtype=False)

    assert {trial.dtype for trial in tuning.trials} == {"float32"}


def test_a_dtype_that_says_something_else_does_not_agree(monkeypatch):
    wrong = tiny_model("llama", 64, seed=9).to(torch.bfloat16)
    monkeypatch.setattr("completer.engine.tuning._in_bfloat16", lambda _: wrong)
    monkeypatch.setattr("completer.engine.tuning.CLEAR_MARGIN", 0.0)
    _, tuning = tune(model(), random_ids(50), may_change_dtype=True)

    assert tuning.dtype == "float32"
    assert not any(trial.agrees for trial in tuning.trials if trial.dtype == "bfloat16")


def test_graphs_are_not_tried_on_a_cpu():
    _, tuning = tune(model(), random_ids(50), may_change_dtype=False)

    assert not tuning.graphs
    assert not any(trial.graphs for trial in tuning.trials)


def test_where_graphs_are_tried_the_faster_way_is_chosen(monkeypatch):
    """Static shapes stand in for graphs where nothing can be captured."""
    monkeypatch.setattr("completer.engine.tuning.graph_choices", lambda _: (False, True))
    _, tuning = tune(model(), random_ids(50), may_change_dtype=False)

    assert {trial.graphs for trial in tuning.trials if trial.agrees} == {False, True}
    best = min(tuning.trials, key=lambda trial: trial.completion_ms)
    assert tuning.graphs == best.graphs


def test_graphs_that_cannot_be_captured_are_not_chosen_and_it_says_why(monkeypatch):
    """What was timed then was the packed pass, however fast it was."""

    def prepare(work):
        raise RuntimeError("view size is not compatible\nwith more to say")

    monkeypatch.setattr("completer.engine.tuning.graph_choices", lambda _: (False, True))
    monkeypatch.setattr("completer.engine.graphs._preparation", lambda _: prepare)
    _, tuning = tune(model(), random_ids(50), may_change_dtype=False)

    assert not tuning.graphs
    assert tuning.why_no_graphs == "view size is not compatible"
    assert [trial.agrees for trial in tuning.trials if trial.graphs] == [False] * len(
        thread_counts(torch.device("cpu"))
    )


def test_graphs_are_tried_on_a_gpu(device):
    if device.type != "cuda":
        pytest.skip("run with --device cuda")
    _, tuning = tune(model().to(device), random_ids(50), may_change_dtype=False)

    assert {trial.graphs for trial in tuning.trials if trial.agrees} == {False, True}
