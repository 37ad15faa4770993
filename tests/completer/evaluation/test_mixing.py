"""Fitted weights are the likeliest ones."""

import numpy as np
import pytest

from completer.evaluation.forcing import Evidence
from completer.evaluation.mixing import fit_mixture, likeliest_weight, raised


def likelihood(found, weight):
    p = [(1 - weight * e.confidence) * e.model + weight * e.repository for e in found]
    return np.log(p).sum()


def drawn(n, confidence, right_share, seed=0):
    """Tokens that the repository gets right so often, where it is so sure of one of them."""
    rng = np.random.default_rng(seed)
    return [
        Evidence(
            float(rng.uniform(0.05, 0.4)),
            confidence if rng.random() < right_share else 0.0,
            confidence,
        )
        for _ in range(n)
    ]


def test_a_weight_is_where_the_likelihood_is_highest():
    found = drawn(400, 0.7, 0.5)
    weight = likeliest_weight(found, found)
    grid = np.linspace(0, 0.98, 99)

    assert weight == pytest.approx(grid[np.argmax([likelihood(found, w) for w in grid])], abs=0.011)


def test_the_repository_counts_for_more_than_the_likelihood_says():
    found = drawn(400, 0.7, 0.5)
    weight = likeliest_weight(found, found)

    assert fit_mixture({"go": found}).weight("go") == raised(weight) > weight + 0.05
    assert raised(0.0) == 0.0
    assert raised(0.98) == 0.98


def test_each_language_has_its_own():
    good, bad = drawn(2000, 0.9, 0.9), drawn(2000, 0.9, 0.05, seed=1)
    mixture = fit_mixture({"go": good, "python": bad})

    assert mixture.weight("go") > 0.6
    assert mixture.weight("python") < 0.2
    assert mixture.weight("python") < mixture.weight("rust") < mixture.weight("go")


def test_a_language_with_little_evidence_leans_on_the_others():
    many, little = drawn(2000, 0.5, 0.4), drawn(3, 0.5, 0.0)
    alone = fit_mixture({"python": little}).weight("python")
    leaning = fit_mixture({"go": many, "python": little})

    assert alone < 0.01
    assert leaning.weight("python") > leaning.weight("go") / 2


def test_a_language_that_was_not_seen_gets_the_mean():
    mixture = fit_mixture({"go": drawn(900, 0.9, 0.1), "python": drawn(3000, 0.9, 0.8)})

    assert mixture.default == pytest.approx(sum(mixture.languages.values()) / 2, abs=1e-3)


def test_what_is_never_right_has_no_weight():
    assert fit_mixture({"go": drawn(100, 0.9, 0.0)}).weight("go") == pytest.approx(0.0, abs=1e-6)
    assert fit_mixture({}).weight("go") == 0.0
