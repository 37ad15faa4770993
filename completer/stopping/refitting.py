"""Fits a scorecard anew to what people did with what they were shown.

Masked code says whether a text is right; people say whether they take it, which is rarer. So the
scorecard keeps its order, and its log-odds are stretched and moved to what was observed (Platt
1999): two numbers, which a few hundred suggestions determine, and which hold for early moments of a
completion as well, though the store knows only the last. Suggestions count by the inverse of the
chance with which they came to be shown (inverse propensity weighting), or what is seldom shown
would be judged by what is shown anyway. Needs scikit-learn.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from completer.errors import CompleterError
from completer.stopping.fitting import FEWEST_RIGHT, FOLDS, fit_logistic
from completer.stopping.reliability import Floats, reliability
from completer.stopping.scorecard import Scale, Scorecard

LARGEST_WEIGHT = 50.0  # of one suggestion: a rare one must not decide by itself
_STRENGTHS = (1e3,)  # scikit-learn's C: two numbers need no restraint


class ShownSuggestion(Protocol):
    """A text that was shown. `user` names whom; suggestions of one person resemble each other."""

    @property
    def features(self) -> Mapping[str, float]:
        """The numbers that its probability was computed from (`features.py`)."""
        ...

    @property
    def propensity(self) -> float:
        """The chance with which it came to be shown."""
        ...

    @property
    def user(self) -> str:
        """Whom it was shown to."""
        ...

    @property
    def accepted(self) -> bool:
        """Whether it was accepted, at least in part."""
        ...


@dataclass(frozen=True, slots=True)
class Refit:
    """A scorecard, and reliability (as `reliability` gives it) with the old one and the new one."""

    card: Scorecard
    before: dict[str, Any]
    after: dict[str, Any]
    threshold: float

    @property
    def better(self) -> bool:
        """Whether the new one predicts better, on suggestions that it was not fitted to."""
        return bool(self.after["brier_skill"] > self.before["brier_skill"])


def refit(card: Scorecard, suggestions: Sequence[ShownSuggestion], may_lose: float) -> Refit:
    """Fit `card` to suggestions; the threshold loses at most `may_lose` of what was accepted.

    Raises `CompleterError` when too few were accepted or not accepted, features are missing, or
    scikit-learn is.
    """
    accepted = np.array([each.accepted for each in suggestions], np.float64)
    _check(len(accepted), int(accepted.sum()))
    weights = np.array([1.0 / max(each.propensity, 1 / LARGEST_WEIGHT) for each in suggestions])
    odds = np.array([_log_odds(card, each) for each in suggestions])
    taken = accepted > 0
    groups = _groups([each.user for each in suggestions])
    slopes, shift, out_of_fold = fit_logistic(odds[:, None], taken, weights, groups, _STRENGTHS)
    return Refit(
        _stretched(card, float(slopes[0]), shift),
        reliability(1 / (1 + np.exp(-odds)), accepted, weights),
        reliability(out_of_fold, accepted, weights),
        _lower_quantile(out_of_fold[taken], weights[taken], may_lose),
    )


def _check(n: int, accepted: int) -> None:
    if min(accepted, n - accepted) < FEWEST_RIGHT:
        raise CompleterError(
            f"{accepted} of {n} suggestions on record were accepted: too few to learn from.",
            hint=f"At least {FEWEST_RIGHT} accepted and as many refused ones are needed.",
        )


def _log_odds(card: Scorecard, suggestion: ShownSuggestion) -> float:
    try:
        probability = card.probability(suggestion.features)
    except KeyError as error:
        raise CompleterError(
            f"The feature {error} is missing from what was recorded.",
            hint="It was recorded by another version: delete it with `completer telemetry purge`.",
        ) from error
    return math.log(probability / (1.0 - probability))


def _groups(users: Sequence[str]) -> Sequence[str]:
    """Keep people together, unless there are too few of them to leave some out."""
    return users if len(set(users)) >= FOLDS else [str(number) for number in range(len(users))]


def _stretched(card: Scorecard, slope: float, shift: float) -> Scorecard:
    """Multiply all points, and move the intercept."""
    scales = {
        name: Scale(scale.edges, tuple(round(slope * each, 4) for each in scale.points))
        for name, scale in card.scales.items()
    }
    return replace(card, intercept=round(slope * card.intercept + shift, 4), scales=scales)


def _lower_quantile(values: Floats, weights: Floats, share: float) -> float:
    """Return the value below which `share` of the weights lies."""
    order = np.argsort(values)
    below = np.cumsum(weights[order]) / weights.sum()
    return round(float(values[order][np.searchsorted(below, share)]), 4)
