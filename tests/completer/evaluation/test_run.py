"""What is asked for a span, and what is made of the answer."""

from pathlib import Path

from completer.evaluation.kinds import Kind
from completer.evaluation.parsed_file import ParsedFile
from completer.evaluation.run import answers, request_for
from completer.evaluation.spans import Span
from tests.fakes import FakeService

TEXT = "import os\n\n\ndef f(x):\n    y = x + 1\n    return y\n"
ROOT = Path("/somewhere")


def span(kind: Kind, truth: str) -> Span:
    start = TEXT.index(truth)
    return Span(ParsedFile(ROOT / "f.py", "python", TEXT), kind, start, start + len(truth))


def test_a_request_shows_both_sides_and_never_the_middle():
    asked = request_for(span(Kind.REST_OF_LINE, "x + 1"), ROOT)

    assert asked.prefix == "import os\n\n\ndef f(x):\n    y = "
    assert asked.suffix == "\n    return y\n"
    assert (asked.path, asked.language, asked.workspace) == (ROOT / "f.py", "python", ROOT)
    assert asked.polish
    assert asked.max_tokens is None  # as the settings say


def test_several_lines_are_asked_for_where_several_are_masked():
    assert request_for(span(Kind.LINES, "y = x + 1\n    return y"), ROOT).multiline is True
    assert request_for(span(Kind.SYNTAX_NODE, "y = x + 1\n    return y"), ROOT).multiline is True
    assert request_for(span(Kind.SYNTAX_NODE, "x + 1"), ROOT).multiline is False
    assert request_for(span(Kind.WHOLE_LINE, "return y"), ROOT).multiline is False


async def test_answers_come_scored_and_with_their_costs():
    service = FakeService(lambda request: "x + 1" if "y = " in request.prefix else "return x")
    spans = [span(Kind.REST_OF_LINE, "x + 1"), span(Kind.SYNTAX_NODE, "def f(x)")]
    found = [answer async for answer in answers(service.complete, ROOT, spans)]

    assert [answer.score.exact for answer in found] == [True, False]
    assert [answer.text for answer in found] == ["x + 1", "return x"]
    assert all(answer.stats.total_ms == 10.0 for answer in found)
    assert len(service.requests) == 3  # one of them to warm up
    assert service.requests[0].workspace == ROOT
