"""Fitted weights are the likeliest ones."""

import numpy as np
import pytest

from completer.engine.mixture import classes
from completer.evaluation.forcing import Evidence
from completer.evaluation.mixing import fit_mixture


def likelihood(found, weight):
    p = [(1 - weight * e.confidence) * e.model + weight * e.repository for e in found]
    return np.log(p).sum()


def drawn(n, confidence, match_length, right_share, seed=0):
    """Tokens that the repository gets right so often, where it is so sure of one of them."""
    rng = np.random.default_rng(seed)
    return [
        Evidence(
            float(rng.uniform(0.05, 0.4)),
            confidence if rng.random() < right_share else 0.0,
            confidence,
            match_length,
        )
        for _ in range(n)
    ]


def test_a_weight_is_where_the_likelihood_is_highest():
    found = drawn(400, 0.7, 5, 0.5)
    weight = fit_mixture(found).weight(5, 0.7)
    grid = np.linspace(0, 0.98, 99)

    assert weight == pytest.approx(grid[np.argmax([likelihood(found, w) for w in grid])], abs=0.011)


def test_each_class_has_its_own_weight():
    good, bad = drawn(400, 0.9, 20, 0.9), drawn(400, 0.9, 2, 0.1, seed=1)
    mixture = fit_mixture([*good, *bad])

    assert mixture.weight(20, 0.9) > 0.6
    assert mixture.weight(2, 0.9) < 0.2


def test_classes_without_evidence_lean_on_all_the_others():
    found = drawn(400, 0.5, 5, 0.5)
    mixture = fit_mixture(found)

    assert mixture.weight(12, 0.5) == pytest.approx(mixture.weight(5, 0.5), abs=0.01)
    assert mixture.weight(5, 0.99) == pytest.approx(mixture.weight(5, 0.5), abs=0.01)
    assert classes(5, 0.5) != classes(12, 0.5)


def test_what_the_repository_never_gets_right_weighs_nothing():
    assert fit_mixture(drawn(100, 0.9, 4, 0.0)).weight(4, 0.9) == pytest.approx(0.0, abs=1e-6)
