"""Whether a file parses no worse with an edit."""

import pytest

from completer.next_edit import parsing
from completer.next_edit.parsing import errors_of, parses_no_worse


@pytest.mark.parametrize(
    ("before", "after", "language", "fine"),
    [
        ("f(a)\n", "f(a, b)\n", "python", True),
        ("f(a)\n", "f(a,, b)\n", "python", False),
        ("f(a\n", "f(b\n", "python", True),
        ("f(a);", "f(a;", "javascript", False),
        ("f(a);", "f(a;", None, True),
    ],
)
def test_an_edit_brings_no_new_error(before, after, language, fine):
    assert parses_no_worse(before, after, language) is fine


def test_errors_are_counted():
    assert errors_of("x = 1\n", "python") == 0
    assert errors_of("x = = 1\n", "python") == 1


def test_the_text_before_is_parsed_only_if_the_other_one_has_errors(monkeypatch):
    parsed = []
    monkeypatch.setattr(
        parsing, "errors_of", lambda text, _: parsed.append(text) or text.count("?")
    )
    assert parses_no_worse("a?", "a", "python")
    assert parsed == ["a"]
    assert not parses_no_worse("a?", "a??", "python")
    assert parsed == ["a", "a??", "a?"]
