"""Why there is nothing to see, in words."""

import pytest

from completer.answer.why import why_nothing
from completer.request import Choice, Completion, Confidence, DecodeStats


def completion(text="", reason="stop", problem=None, p=None, **more):
    step = Confidence(probability=p, propensity=1, text_length=0, features={})
    steps = () if p is None else (step,)
    choice = Choice(text=text, finish_reason=reason, problem=problem, confidence=steps)
    return Completion(id="", model="", choices=(choice,), stats=DecodeStats(), **more)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"text": "x"}, ""),
        ({}, "nothing to say"),
        ({"indexed": False}, "nothing to say; the index is not ready"),
        ({"disabled": "disabled here: *.env"}, "disabled here: *.env"),
        ({"problem": "does not parse"}, "held back: does not parse"),
        ({"reason": "low_confidence", "p": 0.01}, "held back at p = 0.01 of being accepted"),
        ({"reason": "low_confidence"}, "held back"),
        ({"reason": "secret"}, "what came next looks like a secret"),
        ({"reason": "deadline"}, "nothing was ready in time (completion.deadline_ms)"),
    ],
)
def test_the_reason_is_told(given, why):
    assert why_nothing(completion(**given)) == why
