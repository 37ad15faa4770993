"""The stop controller: what it gives up, what it keeps, what it lets through."""

import pytest

from completer.answer.text_policy import TextPolicy, line_end
from completer.context.surroundings import Surroundings
from completer.engine.stop_policy import TokenSignals
from completer.stopping.beginnings import is_beginning
from completer.stopping.controller import CutRule, Rule, StopController
from completer.stopping.features import CaretFeatures
from completer.stopping.scorecard import Scale, Scorecard
from tests.tiny import byte_tokenizer

TOKENIZER = byte_tokenizer()
# sure of the last token: 0.73, else 0.27
BY_LAST = Scorecard(0.0, {"last_log_probability": Scale((-0.7,), (-1.0, 1.0))})


def controller(rule, ends=(), **options):
    rules = TextPolicy(TOKENIZER.backend_tokenizer.decode, ends=ends)
    caret = CaretFeatures.of(Surroundings("x = "), several_lines=not ends)
    return StopController(rules, caret, rule, **options)


def feed(policy, *pieces):
    """Feed pieces of text, each with the probability of its tokens; stop where the policy does."""
    text, released = "", []
    for piece, probability in pieces:
        text += piece
        token = TokenSignals(probability, 0.1, 1.0, probability)
        ids = TOKENIZER(text).input_ids
        stop = None
        for count in range(len(text) - len(piece) + 1, len(text) + 1):
            stop = stop or policy.after_token(ids[:count], token, ended=False)
        released.append(policy.release(final=stop is not None))
        if stop is not None:
            return stop, released
    return None, released


def test_below_the_threshold_nothing_is_shown():
    policy = controller(Rule(BY_LAST, 0.5), ends=[line_end])
    stop, released = feed(policy, ("foo", 0.9), ("(ba", 0.1), ("r)", 0.9))

    assert (stop.reason, stop.keep) == ("low_confidence", 0)
    assert policy.text == ""
    assert released == ["", ""]
    assert [each.probability for each in policy.judged] == pytest.approx(
        [0.7311] * 3 + [0.2689], abs=1e-4
    )


def test_lines_that_were_worth_showing_are_kept():
    policy = controller(Rule(BY_LAST, 0.5))
    stop, released = feed(policy, ("a = 1\nb", 0.9), (" = 2\n", 0.9), ("    c = ", 0.1))

    assert policy.text == "a = 1"
    assert stop.reason == "low_confidence"
    assert stop.keep == len("a = 1")
    assert "".join(released) == "a = 1"


def test_a_line_end_makes_the_line_safe_once_the_next_one_has_begun_well():
    policy = controller(Rule(BY_LAST, 0.5))
    stop, released = feed(policy, ("a = 1\nb = 2\n", 0.9), ("c", 0.9), (" =", 0.1))

    assert policy.text == "a = 1\nb = 2"
    assert stop.keep == len("a = 1\nb = 2")
    assert released == ["a = 1", "\nb = 2", ""]


def test_above_the_threshold_the_rules_about_text_decide():
    policy = controller(Rule(BY_LAST, 0.2), ends=[line_end])
    stop, _ = feed(policy, ("foo", 0.9), ("(bar)\nmore", 0.1))

    assert (stop.reason, policy.text) == ("stop", "foo(bar)")
    assert policy.judged[-1].propensity == 1.0
    assert policy.judged[-1].features["ended"]


def test_what_explores_is_shown_and_says_how_likely_that_was():
    policy = controller(Rule(BY_LAST, 0.5), ends=[line_end], explores=True, exploration=0.02)
    stop, _ = feed(policy, ("foo", 0.1), ("(bar)\n", 0.9))

    assert (stop.reason, policy.text) == ("stop", "foo(bar)")
    assert {each.propensity for each in policy.judged} == {0.02}


def test_without_a_scorecard_it_only_takes_notes():
    policy = controller(Rule(None, 0.0), ends=[line_end])
    stop, released = feed(policy, ("foo", 0.01), ("()\n", 0.01))

    assert stop.reason == "stop"
    assert "".join(released) == "foo()"
    assert {each.probability for each in policy.judged} == {None}
    assert [each.text_length for each in policy.judged] == [1, 2, 3, 4, 5, 5]


# sure of what two tokens end: 0.88, else 0.12
BY_LENGTH = CutRule(Scorecard(-2.0, {"tokens": Scale((2.5,), (4.0, 0.0))}), 0.5)


@pytest.mark.parametrize(
    ("pieces", "shown"),
    [
        ([("ab", 0.9), (", c", 0.9), ("d", 0.1)], "ab"),
        ([("abc", 0.9), (", c", 0.1)], ""),  # no beginning is sure enough
        ([("ab", 0.1)], ""),  # nothing is known of what follows
        ([("a = 1\nb", 0.9), (" = 2", 0.1)], "a = 1"),
    ],
)
def test_a_line_that_is_given_up_is_cut_back_to_what_it_begins_well_with(pieces, shown):
    policy = controller(Rule(BY_LAST, 0.5, BY_LENGTH), language="python")
    stop, released = feed(policy, *pieces)

    assert (stop.reason, policy.text) == ("low_confidence", shown)
    assert stop.keep == len(shown)
    assert "".join(released) == shown


def test_what_is_known_of_a_beginning():
    policy = controller(Rule(BY_LAST, 0.5, BY_LENGTH), language="python")
    feed(policy, ("ab", 0.9), (", c", 0.1))

    assert policy.judged[-1].probability == pytest.approx(0.8808, abs=1e-4)
    assert policy.judged[-1].text_length == 2
    assert is_beginning(policy.judged[-1].features)
    assert not is_beginning(policy.judged[-2].features)


def test_nothing_is_cut_back_that_was_drawn_to_be_shown():
    policy = controller(Rule(BY_LAST, 0.3, BY_LENGTH), ends=[line_end], explores=True)
    feed(policy, ("ab", 0.9), (", c", 0.9), ("d\n", 0.1))

    assert policy.text == "ab, cd"
