"""The window around a caret is a bounded one, and begins in code."""

import random
from pathlib import Path

import pytest

from completer.context.lexical import where
from completer.context.surroundings import WINDOW, Surroundings

LIBRARY = sorted(Path(random.__file__).parent.glob("*.py"))
CARETS = 5_000


def test_a_caret_stands_where_all_of_the_text_before_it_says():
    """5,000 carets in files of the standard library."""
    chance = random.Random(1)
    texts = [file.read_text(encoding="utf-8") for file in LIBRARY]
    long = [text for text in texts if len(text) > 2 * WINDOW]
    seen = []
    for _ in range(CARETS):
        text = chance.choice(long)
        at = chance.randrange(len(text))
        around = Surroundings.of(text[:at], text[at:], "python")
        seen.append(around.where)
        assert around.where == where(text[:at], "python")
        assert len(around.before) <= WINDOW + 3
    assert min(map(seen.count, ("code", "comment", "string"))) > 200


def test_a_window_begins_at_the_top_level_of_code():
    text = "".join(f"def f{i}():\n    '''\nText.\n'''\n    return {i}\n" for i in range(900))
    around = Surroundings.of(text, "", "python")
    assert around.before.startswith("def f")
    assert text.endswith(around.before)
    assert not around.from_start
    assert around.from_top_level
    assert around.lines == text.count("\n")


@pytest.mark.parametrize(
    ("start", "expected"),
    [('x = """\n', '"""'), ("# ", ""), ('x = "', ""), ("x = 1\n", "")],
)
def test_the_mark_of_a_token_that_goes_over_the_start_stands_there(start, expected):
    before = Surroundings.of(start + "it's text\n" * 2_000, "", "python").before
    assert before == expected + before.removeprefix(expected)
    assert before.removeprefix(expected).startswith("it's text\n")


def test_line_ends_are_newlines():
    around = Surroundings.of("a\r\nb", "c\r\nd", "python")
    assert (around.line, around.rest, around.lines) == ("b", "c", 1)
    assert (around.lines_before, around.lines_after) == (["a"], ["d"])


@pytest.mark.parametrize(
    ("prefix", "lead"),
    [
        ("a = 1\nb = ", "b = "),
        ('a = """x\ny', '"""x\ny'),
        ("a = 'x\\\n", "'x\\\n"),
        ('a = """x\ny"""\nb = ', "b = "),
    ],
)
def test_a_line_is_led_by_the_token_that_goes_over_its_start(prefix, lead):
    assert Surroundings.of(prefix, "", "python").lead == lead
