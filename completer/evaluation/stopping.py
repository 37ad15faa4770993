"""What the stop controller would do to answers that were written to their end.

Whether it gives up after a step depends on that step's features alone, so that one run tells what
happens at every threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from completer.evaluation.rightness import is_right
from completer.evaluation.run import Answer
from completer.evaluation.statistics import wilson
from completer.stopping.features import Features
from completer.stopping.fitting import Example
from completer.stopping.reliability import Floats, reliability
from completer.stopping.scorecard import Scorecard

THRESHOLDS = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
MAY_LOSE = 0.035  # of the right completions, where a threshold is chosen
_CANDIDATES = np.linspace(0.005, 0.3, 60)


@dataclass(frozen=True, slots=True)
class Moment:
    """A completion after one step: whether the line that it is in comes out right in the end."""

    features: Features
    lines: int
    """Whole lines written so far."""
    right: bool


@dataclass(frozen=True, slots=True)
class Trace:
    """One answer, step by step. `right_lines[k]` says whether its first k lines alone are right."""

    group: str
    moments: tuple[Moment, ...]
    right: bool
    right_lines: tuple[bool, ...]


@dataclass(frozen=True, slots=True)
class Ending:
    """What a threshold made of an answer."""

    shown: bool
    right: bool
    steps: int
    """Forward passes after the prompt's."""


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


def predictions(found: Sequence[Trace], card: Scorecard) -> list[Floats]:
    """Return each trace's acceptance probabilities, a number for each moment."""
    return [
        np.array([card.probability(moment.features) for moment in trace.moments]) for trace in found
    ]


def per_trace(found: Sequence[Trace], predicted: Floats) -> list[Floats]:
    """Cut the predictions for all `examples` into one array for each trace."""
    ends = np.cumsum([len(trace.moments) for trace in found])
    return np.split(predicted, ends[:-1])


def choose_threshold(found: Sequence[Trace], predicted: Sequence[Floats]) -> float:
    """Return the highest threshold that loses no more than `MAY_LOSE` of what is right."""
    fitting = [
        float(threshold)
        for threshold in _CANDIDATES
        if _lost(found, _endings(found, predicted, threshold)) <= MAY_LOSE
    ]
    return round(max(fitting, default=0.0), 4)


def reliability_of(found: Sequence[Trace], predicted: Sequence[Floats]) -> dict[str, Any]:
    """How good the probability is that an answer has at its end."""
    last = np.array([each[-1] for each in predicted])
    return reliability(last, np.array([trace.right for trace in found], np.float64))


def at_threshold(
    found: Sequence[Trace], predicted: Sequence[Floats], threshold: float
) -> dict[str, Any]:
    """What is shown at a threshold, how much of it is right, what is lost and what is saved.

    `good_lost_share` comes with its 95 % interval. Compute is counted in forward passes after the
    prompt's.
    """
    endings = _endings(found, predicted, threshold)
    shown = [ending for ending in endings if ending.shown]
    right = sum(trace.right for trace in found)
    lost = sum(
        trace.right and not ending.right for trace, ending in zip(found, endings, strict=True)
    )
    low, high = wilson(lost, right) if right else (0.0, 1.0)
    return {
        "threshold": threshold,
        "shown_share": round(len(shown) / len(found), 4),
        "precision": round(sum(ending.right for ending in shown) / max(1, len(shown)), 4),
        "precision_all": round(right / len(found), 4),
        "good_lost_share": round(lost / max(1, right), 4),
        "good_lost_low": round(low, 4),
        "good_lost_high": round(high, 4),
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
    return Trace(str(answer.span.source.path), tuple(moments), right, right_lines)


def _endings(found: Sequence[Trace], predicted: Sequence[Floats], threshold: float) -> list[Ending]:
    return [_ending(trace, each, threshold) for trace, each in zip(found, predicted, strict=True)]


def _ending(trace: Trace, predicted: Floats, threshold: float) -> Ending:
    below = np.flatnonzero(predicted < threshold)
    if not len(below):
        return Ending(True, trace.right, len(trace.moments) - 1)
    given_up = int(below[0])
    kept = max((moment.lines for moment in trace.moments[:given_up]), default=0)
    return Ending(kept > 0, trace.right_lines[kept], given_up)


def _lost(found: Sequence[Trace], endings: Sequence[Ending]) -> float:
    right = [ending.right for trace, ending in zip(found, endings, strict=True) if trace.right]
    return right.count(False) / max(1, len(right))


def _saved(found: Sequence[Trace], endings: Sequence[Ending]) -> float:
    """Return the share of the steps of wrong answers that were not run."""
    wrong = [(t, e) for t, e in zip(found, endings, strict=True) if not t.right]
    steps = sum(len(trace.moments) - 1 for trace, _ in wrong)
    return 1.0 - sum(ending.steps for _, ending in wrong) / max(1, steps)
