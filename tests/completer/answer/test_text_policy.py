"""Text rules: stop strings, line and block ends, and what may be streamed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.answer.blocks import BlockEnd
from completer.answer.suffix_overlap import SuffixOverlap
from completer.answer.text_policy import TextPolicy, _begun, block_end, line_end, repetition_end
from completer.context.surroundings import Surroundings
from completer.secrets.answer_guard import AnswerGuard
from tests.canaries import canaries
from tests.tiny import byte_tokenizer

TOKENIZER = byte_tokenizer()


def policy(**options):
    return TextPolicy(TOKENIZER.backend_tokenizer.decode, **options)


def take(policy: TextPolicy, ids: list[int], start: int, end: int):
    """Have a policy take the tokens `start:end` of a text, as the engine does after a step."""
    for count in range(start + 1, end + 1):
        if stop := policy.after_token(ids[:count], None, ended=False):
            return stop
    return None


def run(policy: TextPolicy, text: str, step: int = 1):
    """Feed a text `step` bytes at a time; return the stop and all that was released on the way."""
    ids = TOKENIZER(text).input_ids
    released = []
    for end in range(step, len(ids) + step, step):
        stop = take(policy, ids, end - step, min(end, len(ids)))
        released.append(policy.release(final=stop is not None))
        if stop:
            return stop, released
    return None, [*released, policy.release(final=True)]


def test_a_stop_string_ends_the_text_before_it():
    stop, _ = run(rules := policy(stop=["END"]), "some text END more")

    assert rules.text == "some text "
    assert stop.keep == len("some text ")


def test_the_earliest_stop_string_counts():
    rules = policy(stop=["bb", "a"])
    run(rules, "xxabb", step=5)

    assert rules.text == "xx"


def test_keep_counts_the_tokens_that_write_the_text():
    ids = TOKENIZER("x = é\ny").input_ids
    stop = policy(ends=[line_end]).after_token(ids, None, ended=False)

    assert stop.keep == len("x = é".encode())


@pytest.mark.parametrize("step", [1, 2, 3, 7])
def test_released_pieces_never_contain_what_is_cut(step):
    _, released = run(policy(stop=["STOP"]), "a STOx STO STOP b", step)

    assert "".join(released) == "a STOx STO "


def test_half_a_character_is_not_released():
    rules = policy()
    ids = TOKENIZER("aé").input_ids
    take(rules, ids, 0, 2)

    assert rules.release(final=True) == "a"


TOKEN = next(each for each in canaries() if each.kind == "npm token").secrets[0]


@pytest.mark.parametrize("step", [1, 5, 80])
def test_a_text_ends_before_a_secret_and_nothing_of_it_is_released(step):
    rules = policy(guard=AnswerGuard("x = 1\n", ""))
    stop, released = run(rules, f"call('{TOKEN}')", step)

    assert stop.reason == "secret"
    assert stop.keep == len("call('")
    assert rules.withheld
    assert rules.text == "".join(released) == "call('"


def test_what_is_cut_off_inside_of_a_secret_ends_before_it():
    rules = policy(guard=AnswerGuard("x = 1\n", ""))
    stop, released = run(rules, f"call('{TOKEN[:20]}", 5)

    assert stop is None
    assert rules.withheld
    assert rules.text == "".join(released) == "call('"


def test_a_secret_behind_the_end_of_a_text_is_no_reason():
    rules = policy(ends=[line_end], guard=AnswerGuard("", ""))
    stop, _ = run(rules, f"x = 1\n'{TOKEN}'", 80)

    assert (stop.reason, rules.text, rules.withheld) == ("stop", "x = 1", False)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("f(a_b" + ", cd, cd_" * 5, "f(a_b, cd, cd_"),
        ("mpl.x = mpl.x = mpl.x = ", "mpl.x = "),
        ("None, None, None, None, None, None", None),
        ("x = 1\n" * 4, "x = 1\n"),
        ("x.append(1)\n" * 3, "x.append(1)"),
        ("a(1)\nb(2)\n" * 3, "a(1)\nb(2)"),
        ("row(1)\nrow(1)\nb = 2\n", None),
        ("    }\n    }\n    }\n", None),
        ("    0,\n    0,\n    0,\n    0,\n", None),
        ("[0, 0, 0, 0, 0, 0, 0, 0, 0, 0", None),
        ("-" * 40, None),
        ("a, b, a, b, a, b", None),
        (" " * 40, None),
    ],
)
def test_a_text_that_goes_round_ends_after_the_first_round(text, kept):
    end = repetition_end(text)

    assert (None if end is None else text[:end]) == kept


def test_without_rules_everything_is_released():
    assert "".join(run(policy(), "a\nb\nc")[1]) == "a\nb\nc"


@pytest.mark.parametrize(
    ("prefix", "text", "expected"),
    [
        ("def f():\n    ", "y = 2\n    return y\n\nz = 3", "y = 2\n    return y"),
        ("def f():\n    ", "y = 2\n", None),
        ("class A:\n    ", "b = 1\nc = 2\n", "b = 1"),
    ],
)
def test_a_block_ends_before_a_line_that_does_not_belong_to_it(prefix, text, expected):
    end = block_end(BlockEnd(Surroundings.of(prefix, "", "python")), 10)(text)

    assert (None if end is None else text[:end].rstrip("\n")) == expected


def test_a_block_has_at_most_so_many_lines():
    assert block_end(BlockEnd(Surroundings("")), 2)("a\nb\nc\n") == len("a\nb")


@settings(max_examples=300, deadline=None)
@given(string=st.text("ab", min_size=1, max_size=8), text=st.text("abc", max_size=12))
def test_the_end_that_may_begin_a_stop_string_is_the_longest(string, text):
    lengths = (length for length in range(len(string)) if text.endswith(string[:length]))
    assert _begun(string, text) == max(lengths)


def overlap(suffix: str, prefix: str = "    x = ", language: str = "python") -> SuffixOverlap:
    return SuffixOverlap(Surroundings.of(prefix, suffix, language))


SUFFIX = " + 1\n    return x\n    y = 2\n    z = 3\n"


@pytest.mark.parametrize("step", [1, 2, 5, 40])
@pytest.mark.parametrize("runs_on", [0, 1, 5, 20, len(SUFFIX)])
def test_what_stands_behind_the_caret_is_neither_said_nor_released(step, runs_on):
    rules = policy(overlap=overlap(SUFFIX))
    stop, released = run(rules, "y.z" + SUFFIX[:runs_on], step)

    assert rules.text == "".join(released) == "y.z"
    assert (stop is not None) == (runs_on == len(SUFFIX))


def test_what_only_begins_as_the_suffix_does_is_released_when_it_goes_on_otherwise():
    rules = policy(overlap=overlap("\n    self.height = height\n"))
    _, released = run(rules, "width\n    self.depth = depth", 1)

    assert rules.text == "".join(released) == "width\n    self.depth = depth"
