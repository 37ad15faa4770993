"""Whether answers parse and their names exist."""

from pathlib import Path

import pytest

from completer.evaluation.kinds import Kind
from completer.evaluation.parsed_file import ParsedFile
from completer.evaluation.spans import Span, draw_spans
from completer.evaluation.validity import Judge, parses

CODE = "import os\n\n\ndef join(one):\n    return os.path.join(one)\n"


def span(at: str, code: str = CODE) -> Span:
    source = ParsedFile(Path("/nowhere/pack/f.py"), "python", code)
    start = code.index(at)
    return Span(source, Kind.REST_OF_LINE, start, source.line_end(start))


@pytest.mark.parametrize(
    ("text", "parsed"), [("join(one)", True), ("join(one", False), ("a if one else 2", True)]
)
def test_whether_an_answer_parses(text, parsed):
    assert parses(span("join(one)\n"), text) is parsed


def test_a_header_may_lack_its_body():
    assert parses(span("return"), "if one:") is True


def test_nothing_is_said_of_a_file_that_does_not_parse():
    assert parses(span("x", "(((\nx = 1\n"), "x = 1") is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "exist"),
    [("join(one)", True), ("joined(one)", False), ("join(one).foo", None)],
)
def test_whether_names_exist(text, exist):
    with Judge() as judge:
        found = judge.of(span("join(one)\n"), text, Path("/nowhere/pack"))
    assert found.truth_kept
    if exist is not None:
        assert found.names_exist is exist


def test_spans_behind_dots_begin_with_an_attribute():
    code = "import os.path\nx = 1.5\ny = 'a.bcdef'\n" + CODE.replace("\n\n\ndef", "\ndef")
    source = ParsedFile(Path("f.py"), "python", code)
    spans = draw_spans([source], Kind.ATTRIBUTE, 10, seed=0)

    assert {each.truth for each in spans} == {"path.join(one)", "join(one)"}
