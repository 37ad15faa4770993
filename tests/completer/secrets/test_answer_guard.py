"""Answers that become secrets end before them, and streams give nothing of one away."""

import pytest

from completer.secrets.answer_guard import AnswerGuard
from tests.canaries import Canary, canaries


def given_away(prefix: str, answer: str, suffix: str = "", step: int = 5) -> str:
    """What is released of an answer that is written `step` characters at a time."""
    guard, released = AnswerGuard(prefix, suffix), 0
    for end in range(step, len(answer) + step, step):
        text = answer[:end]
        found = guard.find(text)
        if found is not None:
            assert found >= released
            return text[:found]
        settled = guard.settled(text)
        assert settled <= len(text)
        released = max(released, settled)
    found = guard.find_at_end(answer)
    if found is not None:
        assert found >= released
    return answer[:found]


@pytest.mark.parametrize("step", [1, 4, 64])
@pytest.mark.parametrize("canary", canaries(), ids=lambda canary: canary.kind)
def test_nothing_of_a_secret_is_given_away(canary: Canary, step: int):
    begin = canary.source.index(canary.secrets[0])
    before, secret = canary.source[:begin], canary.source[begin:]

    assert not canary.leaked(given_away("import os\n", f"x = 1\n{canary.source}\n", step=step))
    assert given_away("import os\n", f"x = 1\n{canary.source}\n", step=step).startswith("x = 1\n")
    assert not canary.leaked(given_away(f"import os\n{before}", secret, step=step))
    assert not canary.leaked(
        given_away(f"import os\n{before}", secret.rstrip("\"')"), '")\n', step)
    )


@pytest.mark.parametrize("canary", canaries(), ids=lambda canary: canary.kind)
def test_a_secret_that_was_begun_by_hand_is_not_ended(canary: Canary):
    middle = canary.source.index(canary.secrets[-1]) + len(canary.secrets[-1]) // 2
    answer = given_away(canary.source[:middle], canary.source[middle:] + "\nx = 1\n")
    assert not canary.leaked(answer)


TOLD_BY_A_PART = tuple(
    canary
    for canary in canaries()
    if canary.source.startswith("value = ") and not canary.kind.startswith(("SendGrid", "Discord"))
)  # the first parts of these two are no secrets


@pytest.mark.parametrize("canary", TOLD_BY_A_PART, ids=lambda canary: canary.kind)
def test_little_of_a_secret_is_given_away_where_the_answer_is_cut_off(canary: Canary):
    """By a limit on tokens, or a deadline, anywhere."""
    for length in range(1, len(canary.source)):
        assert not canary.leaked(given_away("import os\n", canary.source[:length]))


@pytest.mark.parametrize(
    "answer",
    [
        "    return token[0] + self.tokens.get(key, 'a b')\n",
        "assert len(password) > 8, f'{password}'",
        "x = 'https://example.org:80/a?b=c@d'\n",
        'PEM = "-----BEGIN CERTIFICATE-----"\n' + "y = 1\n" * 100,
        "",
    ],
)
def test_other_answers_are_given_whole(answer: str):
    assert given_away("def f(token, key):\n", answer, "\n    pass\n", step=3) == answer


def test_what_is_settled_is_all_but_the_word_being_written():
    guard = AnswerGuard("x = ", "")
    assert guard.settled("f(a, b.c") == len("f(a, ")
    assert guard.settled("f(a, 'b.c(d") == len("f(a, '")
    assert guard.settled("f(a, 'b.c') ") == len("f(a, 'b.c') ")
    assert guard.settled("a\n-----BEGIN EC PRIVATE K") == len("a\n")
    assert AnswerGuard("x = 'ab", "").settled("cd") == 0


def test_a_secret_before_the_caret_is_no_reason_to_stop():
    token = next(each for each in canaries() if each.kind == "npm token").secrets[0]
    assert given_away(f"f('{token}', ", "g(1))\n") == "g(1))\n"
    assert given_away(f"f('{token}", "')\n") == "')\n"
