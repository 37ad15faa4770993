"""From answers to the figures that are printed."""

from pathlib import Path

import pytest

from completer.evaluation.figures import Examined, comparison, figures, report
from completer.evaluation.kinds import Kind
from completer.evaluation.parsed_file import ParsedFile
from completer.evaluation.run import Answer
from completer.evaluation.scoring import Score
from completer.evaluation.spans import Span
from completer.evaluation.statistics import wilson
from completer.request import DecodeStats

SOURCE = ParsedFile(Path("f.py"), "python", "value = 12345\n")


def answer(
    *, exact: bool, kind: Kind = Kind.LINES, tokens: int = 6, steps: int = 2, ms: float = 10.0
) -> Answer:
    stats = DecodeStats(generated_tokens=tokens, steps=steps, total_ms=ms)
    return Answer(Span(SOURCE, kind, 0, 5), "text", Score(exact, 1.0 if exact else 0.5), stats)


def answered(*exact: bool, kind: Kind = Kind.LINES) -> list[Answer]:
    return [answer(exact=each, kind=kind) for each in exact]


def test_figures_of_one_kind():
    costs = [(6, 2, 10.0), (8, 4, 20.0), (4, 0, 30.0)]
    found = figures(
        [answer(exact=n == 0, tokens=t, steps=s, ms=ms) for n, (t, s, ms) in enumerate(costs)]
    )

    assert found["n"] == 3
    assert found["exact_match"] == pytest.approx(1 / 3, abs=1e-4)
    assert (found["low"], found["high"]) == pytest.approx(wilson(1, 3), abs=1e-4)
    assert found["edit_similarity"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["tokens"] == 6.0
    assert found["steps"] == 3.0  # with the pass over the prompt
    assert found["tokens_per_step"] == 2.0
    assert found["latency_ms"] == {"p50": 20.0, "p95": 29.0}


def test_a_report_is_by_kind_overall_and_by_repository():
    found = report(
        Examined(
            "some-model",
            "bfloat16",
            {
                "/a": answered(True, False) + answered(True, kind=Kind.WHOLE_LINE),
                "/b": answered(False, False),
            },
        )
    )

    assert (found["model"], found["repo"]) == ("some-model", "/a, /b")
    assert {kind: each["n"] for kind, each in found["spans"].items()} == {
        "lines": 4,
        "whole_line": 1,
    }
    assert found["spans"]["lines"]["exact_match"] == 0.25
    assert found["by_repo"]["/a"]["lines"]["exact_match"] == 0.5
    assert found["by_repo"]["/b"].keys() == {"lines"}


def test_a_comparison_pairs_the_answers_to_the_same_span():
    first = Examined("one", "float32", {"/a": answered(True, True), "/b": answered(True, False)})
    second = Examined("two", "int8", {"/a": answered(False, True), "/b": answered(False, False)})
    found = comparison(first, second)

    assert found["model"] == "two"
    assert found["spans"]["lines"]["exact_match"] == 0.25
    paired = found["paired"]["lines"]
    assert (paired["n"], paired["only_first"], paired["only_second"]) == (4, 2, 0)
    assert paired["difference"] == 0.5
    assert paired["low"] < 0.5 < paired["high"]
    assert paired["p_value"] == 0.5
