"""Typing and accepting as benchmarks: what is asked, and what is made of the answers."""

import random
from pathlib import Path

import pytest

from benchmarks.accepting import measure_accepting
from benchmarks.spans import Span
from benchmarks.type import Answer, closing, keystrokes, requests_while_typing
from completer.cli.assembly import build_service
from models.loading import load_model
from tests.completer.serving.test_service import NO_TUNING, settings
from tests.tiny import save_tiny

SPANS = [Span(Path(f"{i}.py"), f"x{i} = ", "value", "\n") for i in range(3)]


def answer(computed, prefill_ms, **more):
    return Answer(prefill_ms, 1.0, 1, 1, prompt_tokens=100, reused_tokens=100 - computed, **more)


def test_a_request_comes_after_pauses_and_at_the_end():
    asked = list(requests_while_typing(SPANS[0], random.Random(0)))
    carets = [request.prefix.removeprefix("x0 = ") for request in asked]
    assert carets[-1] == "value"
    assert all("value".startswith(typed) for typed in carets)
    assert carets == sorted(set(carets), key=len)


def test_keys_are_compared_with_the_first_request_of_their_line():
    # keys 10, 20 and 30 ms, median 20; cold ones 80 and 120 ms, median 100; what typing through
    # a completion answers is no work of the model
    given = [
        answer(100, 80.0, first=True),
        answer(1, 10.0),
        answer(64, 20.0),
        answer(0, 0.1, cached=True),
        answer(100, 120.0, first=True),
        answer(65, 30.0),
    ]
    found = keystrokes(given)
    assert found["n"] == 3
    assert found["prefilled_tokens"]["p50"] == 64
    assert found["at_most_64_share"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["first_token_ratio"] == 20 / 100


@pytest.mark.parametrize(
    ("text", "line", "is_like"),
    [("a)", "f(a)", True), ("a", "f(a", True), ("b", "f(b)", False)],
    ids=["closes it", "does not", "another"],
)
def test_answers_that_make_the_same_line_are_alike(text, line, is_like):
    closed = answer(1, 1.0, text="a", line="f(a)")
    assert closed.is_like(answer(1, 1.0, text=text, line=line)) is is_like


def test_without_keys_there_is_nothing_to_say():
    assert keystrokes([answer(100, 80.0, first=True)]) == {"n": 0}


async def test_who_accepts_and_who_asks_meanwhile_are_both_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.accepting.READING_S", 0.2)
    model = load_model(str(save_tiny("llama", tmp_path / "model")), device="cpu")
    services = {
        name: build_service(
            model,
            NO_TUNING,
            settings(tmp_path, completion={"decode_ahead": name == "with", "check_syntax": False}),
        )
        for name in ("without", "with")
    }
    result = await measure_accepting(services, SPANS)
    for service in services.values():
        service.close()

    assert result["accepted"] >= 1
    assert result["others_median_ratio"] > 0
    assert result["without"]["at_hand_share"] == 0
    assert result["with"]["at_hand_share"] > 0
    assert result["with"]["next_ms"]["p50"] > 0


@pytest.mark.parametrize(
    ("typed", "closers"),
    [("f(a[", "])"), ("f('a", "')"), ("f(a)", ""), ("x = {'a': [", "]}")],
)
def test_what_an_editor_closes(typed, closers):
    assert closing(typed, Path("a.py")) == closers
