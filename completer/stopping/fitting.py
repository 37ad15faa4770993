"""Fits a scorecard: logistic regression over binned features, as calibrated as the data allow.

Bins are quantiles, so that each has about as many examples. How strongly points are drawn towards
zero is chosen by cross-validation over whole groups (files), since steps of one completion and
completions in one file resemble each other. Needs scikit-learn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from completer.errors import CompleterError
from completer.stopping.features import Features
from completer.stopping.scorecard import Scale, Scorecard

FEWEST_RIGHT = 50
_BINS = 6
_STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0)  # scikit-learn's C: the smaller, the simpler
FOLDS = 5
_DECIMALS = 4

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """One moment of one completion: what was known, and whether the line came out right.

    `group` names what must not be split between fitting and judging. `weight` counts it more or
    less than once.
    """

    features: Features
    right: bool
    group: str
    weight: float = 1.0


def fit_scorecard(examples: Sequence[Example]) -> tuple[Scorecard, Floats]:
    """Fit a scorecard; return it and, for each example, what one not fitted to its group says.

    Raises `CompleterError` when too few are right or wrong to learn from, or scikit-learn is
    missing.
    """
    _check(examples)
    edges = {name: _edges(examples, name) for name in examples[0].features}
    edges = {name: each for name, each in edges.items() if len(each)}
    design = np.hstack([_bins(examples, name, each) for name, each in edges.items()])
    points, intercept, out_of_fold = fit_logistic(
        design,
        np.array([example.right for example in examples]),
        np.array([example.weight for example in examples]),
        [example.group for example in examples],
        _STRENGTHS,
    )
    scales: dict[str, Scale] = {}
    begin = 0
    for name, each in edges.items():
        own = points[begin : begin + len(each) + 1]
        begin += len(own)
        scales[name] = Scale(tuple(map(float, each)), tuple(own.round(_DECIMALS).tolist()))
    return Scorecard(round(intercept, _DECIMALS), scales), out_of_fold


def fit_logistic(
    design: Floats,
    right: NDArray[np.bool_],
    weights: Floats,
    groups: Sequence[str],
    strengths: Sequence[float],
) -> tuple[Floats, float, Floats]:
    """Fit log-odds that are linear in `design` [examples, columns]; the best of `strengths`.

    Returns the coefficients, the intercept, and the predictions for folds that were left out: a
    group stays in one fold. Raises `CompleterError` when scikit-learn is missing.
    """
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_predict
    except ImportError as error:
        raise CompleterError(
            "scikit-learn is not installed.", hint="Run: pip install 'completer[calibrate]'"
        ) from error
    params = {"sample_weight": weights}
    folds = GroupKFold(min(FOLDS, len(set(groups))))
    model = LogisticRegression(max_iter=2000)
    search = GridSearchCV(model, {"C": strengths}, scoring="neg_log_loss", cv=folds)
    best = search.fit(design, right, groups=groups, **params).best_estimator_
    out_of_fold = cross_val_predict(
        best, design, right, groups=groups, cv=folds, params=params, method="predict_proba"
    )
    return best.coef_[0], float(best.intercept_[0]), out_of_fold[:, 1]


def _check(examples: Sequence[Example]) -> None:
    right = sum(example.right for example in examples)
    if min(right, len(examples) - right) < FEWEST_RIGHT:
        raise CompleterError(
            f"{right} of {len(examples)} completions are right: too few to learn from.",
            hint=f"Take more spans; at least {FEWEST_RIGHT} have to be right, and as many wrong.",
        )


def _edges(examples: Sequence[Example], name: str) -> Floats:
    """Return the inner quantiles of a feature; between the values, where it has only a few."""
    values = np.array([example.features[name] for example in examples], np.float64)
    distinct = np.unique(values)
    if len(distinct) <= _BINS + 2:
        return (distinct[1:] + distinct[:-1]) / 2
    cuts = np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1])
    return np.unique(cuts.round(_DECIMALS))


def _bins(examples: Sequence[Example], name: str, edges: Floats) -> Floats:
    """Say of each example in which bin it is: [examples, bins], ones and zeros."""
    values = np.array([example.features[name] for example in examples], np.float64)
    return np.eye(len(edges) + 1)[np.searchsorted(edges, values, side="right")]
