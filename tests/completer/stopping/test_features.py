"""Named numbers about a completion: right ones, and never its text."""

import math
import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.context.surroundings import Surroundings
from completer.engine.stop_policy import TokenSignals
from completer.stopping.features import _PLACES, CaretFeatures, Progress, _first_found, _statement


def caret(prefix, suffix="", language="python"):
    return CaretFeatures.of(Surroundings.of(prefix, suffix, language), several_lines=False)


@pytest.mark.parametrize(
    ("line", "place"),
    [("    ", 0), ("nam", 1), ("self.", 2), ("f(", 3), ("f(a, ", 4), ("x = ", 5), ("a + ", 6)],
)
def test_what_stands_before_the_caret(line, place):
    assert caret("import os\n" + line).place == place


@pytest.mark.parametrize(
    ("line", "statement"),
    [
        ("from os import ", 0),
        ("    def run", 1),
        ("    if x == ", 2),
        ("    return ", 3),
        ("    self.total[0] = ", 4),
        ("    print(", 5),
        ("    [", 6),
    ],
)
def test_how_the_carets_line_begins(line, statement):
    assert caret("x = 1\n" + line).statement == statement


def test_strings_comments_and_the_rest_of_the_line():
    assert caret('name = "ab').in_text
    assert caret("x = 1  # as").in_text
    assert not caret('name = "ab" + ').in_text
    assert caret("f(", ")\nmore").inside_line
    assert not caret("f(", "  \nmore").inside_line
    assert caret("    x = y").column == len("x = y")


def test_features_sum_up_all_tokens():
    progress = Progress(caret("x = "))
    first = TokenSignals(0.5, 0.3, 1.0, 0.25, repository=0.9)
    second = TokenSignals(0.8, 0.7, 0.5, 0.8)
    progress.tokens += [first, second]
    found = progress.features(" ab(\n  c\n", ended=True)

    assert found["tokens"] == 2
    assert found["characters"] == len("ab(\n  c")
    assert found["lines"] == 1
    assert found["ended"] == 1
    assert found["log_probability"] == pytest.approx(math.log(0.5) + math.log(0.8))
    assert found["lowest_log_probability"] == pytest.approx(math.log(0.5))
    assert found["last_log_probability"] == pytest.approx(math.log(0.8))
    assert found["lowest_model_log_probability"] == pytest.approx(math.log(0.25))
    assert (found["lowest_margin"], found["last_margin"]) == (0.3, 0.7)
    assert (found["mean_entropy"], found["highest_entropy"]) == (0.75, 1.0)
    assert (found["first_repository"], found["lowest_repository"]) == (0.9, 0.0)
    assert found["whole_log_probability"] == found["log_probability"]
    unfinished = progress.features(" ab(", ended=False)
    assert unfinished["whole_log_probability"] == unfinished["whole_characters"] == 0.5
    assert all(isinstance(value, int | float) for value in found.values())


FORMER_STATEMENTS = (  # as the shipped calibration was fitted to them; slow on long lines
    re.compile(r"\s*(?:from|import|use|using|#include|package)\b"),
    re.compile(r"\s*(?:async\s+)?(?:def|class|fn|func|function|struct|interface)\b|\s*@"),
    re.compile(r"\s*(?:if|elif|else|while|for|with|switch|case|match|try|except|catch)\b"),
    re.compile(r"\s*(?:return|yield|raise|throw|assert|await)\b"),
    re.compile(r"\s*[\w.\[\]'\"]+\s*(?::[^=]*)?="),
    re.compile(r"\s*[\w.]+\("),
)
PIECES = ["a", ":", "=", " ", "\t", ".", "[", "'", "(", "@", "#", "é", "async ", "def", "use", "if"]
lines = st.lists(st.sampled_from([*PIECES, "return", "import ", "self.x", ": int = "])).map("".join)


@settings(max_examples=500, deadline=None)
@given(line=lines)
def test_a_statement_is_what_it_was_when_the_calibration_was_fitted(line):
    former = next((i for i, each in enumerate(FORMER_STATEMENTS) if each.search(line)), 6)
    assert caret(line).statement == former


@pytest.mark.parametrize("text", [*'a("\\ \t\r:=,[.@', "a:", "a =", "😀", "async ", "a, "])
def test_the_work_grows_no_faster_than_the_line(text):
    """The patterns on lines of any length: what reads a window must be linear in it as well."""

    def work(length: int) -> float:
        line = (text * length)[:length]
        started = time.thread_time()
        _first_found(_PLACES, line)
        _statement(line)
        return time.thread_time() - started

    short, long = (min(work(n) for _ in range(5)) for n in (20_000, 40_000))
    assert long < 3 * short + 0.002
