"""What the stop controller would do to answers that were written to their end.

Whether it gives up after a token depends on its features alone, so that one run tells what happens
at every threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from completer.evaluation.rightness import is_right
from completer.evaluation.run import Answer
from completer.evaluation.statistics import wilson
from completer.request import Confidence
from completer.stopping.beginnings import most_promising
from completer.stopping.controller import Rule
from completer.stopping.features import Features
from completer.stopping.fitting import Example
from completer.stopping.reliability import Floats, reliability

THRESHOLDS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
MAY_LOSE = 0.1  # of the right characters, where thresholds are chosen
NO_CUT = 1.01
"""A threshold of beginnings that none reaches."""
RECORDING = Rule(card=None, threshold=0.0)
_CANDIDATES = np.linspace(0.01, 0.3, 30)
_CUT_CANDIDATES = (*np.linspace(0.1, 0.6, 11), NO_CUT)


@dataclass(frozen=True, slots=True)
class Moment:
    """A completion after one token: whether the line that it is in comes out right in the end."""

    features: Features
    lines: int
    """Whole lines written so far."""
    right: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """A beginning that an answer could be cut back to, and whether it is right by itself."""

    length: int
    features: Features
    right: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """One answer, token by token. `right_lines[k]`: whether its first k lines alone are right."""

    group: str
    text: str
    moments: tuple[Moment, ...]
    right: bool
    right_lines: tuple[bool, ...]
    cuts: tuple[Cut, ...] = ()


@dataclass(frozen=True, slots=True)
class Predicted:
    """A trace's probabilities: one for each moment, one for each cut."""

    moments: Floats
    cuts: Floats


@dataclass(frozen=True, slots=True)
class Ending:
    """What a threshold made of an answer."""

    shown: bool
    right: bool
    tokens: int
    characters: int


def traces(answers: Sequence[Answer]) -> list[Trace]:
    """Follow the answers that have anything to show."""
    return [_trace(answer) for answer in answers if answer.confidence and answer.text.strip()]


def examples(found: Sequence[Trace]) -> list[Example]:
    """Turn every moment into an example to fit a scorecard to."""
    return [
        Example(moment.features, moment.right, trace.group)
        for trace in found
        for moment in trace.moments
    ]


def cut_examples(found: Sequence[Trace]) -> list[Example]:
    """Turn every cut into an example to fit a scorecard to."""
    return [Example(cut.features, cut.right, trace.group) for trace in found for cut in trace.cuts]


def predictions(found: Sequence[Trace], rule: Rule) -> list[Predicted]:
    """Return what a rule predicts of each trace."""
    card, cutting = rule.card, rule.cutting
    assert card is not None  # noqa: S101  # one without is for recording
    return [
        Predicted(
            np.array([card.probability(moment.features) for moment in trace.moments]),
            np.array([cutting.card.probability(cut.features) for cut in trace.cuts])
            if cutting is not None
            else np.zeros(len(trace.cuts)),
        )
        for trace in found
    ]


def per_trace(found: Sequence[Trace], moments: Floats, cuts: Floats) -> list[Predicted]:
    """Divide the predictions for all `examples`, and for all `cut_examples`, among the traces."""
    steps = np.cumsum([len(trace.moments) for trace in found])[:-1]
    places = np.cumsum([len(trace.cuts) for trace in found])[:-1]
    return list(map(Predicted, np.split(moments, steps), np.split(cuts, places)))


def choose_thresholds(
    found: Sequence[Trace], predicted: Sequence[Predicted]
) -> tuple[float, float]:
    """Return the thresholds, of lines and of beginnings, that show the fewest wrong characters.

    No more than `MAY_LOSE` of the right characters is lost by them that there are without.
    """
    wanted = (1.0 - MAY_LOSE) * _characters(_endings(found, predicted, (0.0, NO_CUT)))[0]
    kept = {
        pair: wrong
        for pair in product(_CANDIDATES, _CUT_CANDIDATES)
        for right, wrong in [_characters(_endings(found, predicted, pair))]
        if right >= wanted
    }
    fewest = min(kept.values(), default=0)
    best = [pair for pair, wrong in kept.items() if wrong == fewest]
    line, beginning = max(best, default=(0.0, NO_CUT))
    return round(float(line), 4), round(float(beginning), 4)


def reliability_of(found: Sequence[Trace], predicted: Sequence[Predicted]) -> dict[str, Any]:
    """How good the probability is that an answer has at its end."""
    last = np.array([each.moments[-1] for each in predicted])
    return reliability(last, np.array([trace.right for trace in found], np.float64))


def reliability_of_cuts(found: Sequence[Trace], predicted: Sequence[Predicted]) -> dict[str, Any]:
    """How good the probabilities of beginnings are."""
    right = [cut.right for trace in found for cut in trace.cuts]
    return reliability(
        np.concatenate([each.cuts for each in predicted]), np.array(right, np.float64)
    )


def at_threshold(
    found: Sequence[Trace],
    predicted: Sequence[Predicted],
    threshold: float,
    cut_threshold: float = NO_CUT,
) -> dict[str, Any]:
    """What is shown at a threshold, how much of it is right, what is lost and what is saved.

    `good_lost_share` comes with its 95 % interval. Compute is counted in tokens. `right_kept` and
    `right_characters_kept` compare with what is right if all is shown: beginnings of what would
    have been wrong may make up for what is lost.
    """
    endings = _endings(found, predicted, (threshold, cut_threshold))
    everything = _characters(_endings(found, predicted, (0.0, NO_CUT)))
    characters = _characters(endings)
    shown = [ending for ending in endings if ending.shown]
    right = sum(trace.right for trace in found)
    lost = sum(
        trace.right and not ending.right for trace, ending in zip(found, endings, strict=True)
    )
    low, high = wilson(lost, right) if right else (0.0, NO_CUT)
    return {
        "threshold": threshold,
        "cut_threshold": cut_threshold,
        "shown_share": round(len(shown) / len(found), 4),
        "precision": round(sum(ending.right for ending in shown) / max(1, len(shown)), 4),
        "precision_all": round(right / len(found), 4),
        "good_lost_share": round(lost / max(1, right), 4),
        "good_lost_low": round(low, 4),
        "good_lost_high": round(high, 4),
        "right_kept": round(sum(each.right for each in shown) / max(1, right), 4),
        "right_characters_kept": round(characters[0] / max(1, everything[0]), 4),
        "wrong_characters_share": round(characters[1] / max(1, everything[1]), 4),
        "wrong_compute_saved_share": round(_saved(found, endings), 4),
    }


def _trace(answer: Answer) -> Trace:
    lines = answer.text.rstrip().split("\n")
    right_lines = tuple(
        is_right(answer.span, "\n".join(lines[:count])) for count in range(len(lines))
    )
    right = is_right(answer.span, answer.text)
    by_line = (*right_lines[1:], right)  # the answer as it stands when this line is done
    moments = []
    for step in answer.confidence:
        line = min(int(step.features["lines"]), len(by_line) - 1)
        moments.append(Moment(step.features, line, by_line[line]))
    cuts = tuple(
        Cut(
            each.text_length,
            each.features,
            is_right(answer.span, answer.text[: each.text_length]),
        )
        for each in answer.beginnings
        if each.text_length < len(answer.text)
    )
    return Trace(
        str(answer.span.source.path), answer.text, tuple(moments), right, right_lines, cuts
    )


def _endings(
    found: Sequence[Trace], predicted: Sequence[Predicted], thresholds: tuple[float, float]
) -> list[Ending]:
    return [_ending(trace, each, *thresholds) for trace, each in zip(found, predicted, strict=True)]


def _ending(trace: Trace, predicted: Predicted, threshold: float, cut_threshold: float) -> Ending:
    below = np.flatnonzero(predicted.moments < threshold)
    if not len(below):
        return Ending(True, trace.right, len(trace.moments), len(trace.text.strip()))
    given_up = int(below[0])
    safe = max((moment.lines for moment in trace.moments[:given_up]), default=0)
    if not safe:
        return _cut_back(trace, predicted.cuts, cut_threshold, given_up)
    kept = "\n".join(trace.text.split("\n")[:safe])
    return Ending(True, trace.right_lines[safe], given_up + 1, len(kept.strip()))


def _cut_back(trace: Trace, probabilities: Floats, threshold: float, at: int) -> Ending:
    """Show the beginning that the stop controller shows of a line given up at a moment."""
    tokens = trace.moments[at].features["tokens"] if trace.cuts else 0
    known = [
        (cut, _confidence(cut.length, probability))
        for cut, probability in zip(trace.cuts, probabilities, strict=True)
        if cut.features["tokens"] < tokens
    ]
    best = most_promising(trace.text, threshold, [each for _, each in known])
    if best is None:
        return Ending(False, False, at + 1, 0)
    right = next(cut.right for cut, each in known if each is best)
    return Ending(True, right, at + 1, len(trace.text[: best.text_length].strip()))


def _confidence(length: int, probability: float) -> Confidence:
    return Confidence(probability=probability, propensity=1.0, text_length=length, features={})


def _characters(endings: Sequence[Ending]) -> tuple[int, int]:
    """Return how many right and how many wrong characters are shown."""
    right = sum(each.characters for each in endings if each.shown and each.right)
    return right, sum(each.characters for each in endings if each.shown) - right


def _saved(found: Sequence[Trace], endings: Sequence[Ending]) -> float:
    """Return the share of the tokens of wrong answers that were not generated."""
    wrong = [(t, e) for t, e in zip(found, endings, strict=True) if not t.right]
    tokens = sum(len(trace.moments) for trace, _ in wrong)
    return 1.0 - sum(ending.tokens for _, ending in wrong) / max(1, tokens)
