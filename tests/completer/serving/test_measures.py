"""Flat numbers of a completion."""

from __future__ import annotations

import pytest

from completer.request import Choice, Completion, DecodeStats, FinishReason
from completer.serving.measures import measures, outcome


def completion(text: str, reason: FinishReason = "stop", **stats: object) -> Completion:
    choice = Choice(text=text, finish_reason=reason)
    return Completion(id="1", model="m", choices=(choice,), stats=DecodeStats(**stats))  # type: ignore[arg-type]


def test_measures_take_their_names_from_reports():
    spent = measures(
        completion(
            "x",
            prompt_tokens=9,
            reused_tokens=8,
            drafted=7,
            accepted=6,
            prefill_ms=1.5,
            decode_ms=2.5,
            draft_sources=(("static", 2), ("live", 5)),
        ),
        total_ms=10.0,
    )
    assert (spent["engine_ms"], spent["total_ms"]) == (4.0, 10.0)
    assert (spent["drafted_tokens"], spent["accepted_draft_tokens"]) == (7, 6)
    assert (spent["prompt_tokens"], spent["reused_tokens"]) == (9, 8)
    assert spent["draft_source"] == "live"
    assert measures(completion("x"), 1.0)["draft_source"] == ""


def test_what_was_remembered_cost_nothing():
    spent = measures(completion("x", prompt_tokens=9, reused_tokens=9, cached=True), 1.0)
    assert (spent["prompt_tokens"], spent["reused_tokens"], spent["total_ms"]) == (0, 0, 1.0)


@pytest.mark.parametrize(
    ("text", "reason", "expected"),
    [
        ("x", "deadline", "returned"),
        ("", "deadline", "timeout"),
        ("", "low_confidence", "filtered"),
        ("", "stop", "empty"),
        ("", "length", "empty"),
    ],
)
def test_outcome(text, reason, expected):
    assert outcome(completion(text, reason)) == expected
