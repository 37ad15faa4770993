"""A beginning of the truth is right where something ends."""

from pathlib import Path

import pytest

from completer.evaluation.kinds import Kind
from completer.evaluation.parsed_file import ParsedFile
from completer.evaluation.rightness import is_right
from completer.evaluation.spans import Span

CODE = "def f(reader):\n    total = reader.close(1, [2, 3]) + 4\n    return total\n"
START = CODE.index("reader.close")
END = CODE.index("\n    return")
LINES_START, LINES_END = CODE.index("total ="), CODE.rindex("\n")


def span(start=START, end=END):
    return Span(ParsedFile(Path("a.py"), "python", CODE), Kind.REST_OF_LINE, start, end)


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("reader.close(1, [2, 3]) + 4", True),  # all of it
        ("reader.close(1, [2, 3]) + 4  ", True),
        ("reader.close(1, [2, 3])", True),  # a call ends there
        ("reader.close(1, [2, 3]", False),  # its arguments go on, though a list ends there
        ("reader.close(1, [2", False),
        ("reader.close(1", False),
        ("reader", False),  # a part of `reader.close`
        ("reader.close", False),
        ("reader.clo", False),
        ("reader.close(1, [2, 3]) - 4", False),
        ("reader.close(1, [2, 3]) + 4\n    return", False),  # more than stood there
        ("", False),
        ("  ", False),
    ],
)
def test_what_a_person_could_go_on_from(text, right):
    assert is_right(span(), text) is right


def test_whole_lines_of_several_are_right():
    lines = span(LINES_START, LINES_END)

    assert is_right(lines, "total = reader.close(1, [2, 3]) + 4")
    assert is_right(lines, "total = reader.close(1, [2, 3]) + 4 \n    return total")
    assert not is_right(lines, "total = reader.close(1, [2, 3]) + 4\n    return tot")
    assert not is_right(lines, "total = reader.close(1, [2, 3]) + 5\n    return total")
