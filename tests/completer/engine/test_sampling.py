"""Drawing tokens: the processed distribution, and noise that belongs to a position."""

import itertools
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from completer.drafting.tree import Predictions
from completer.engine.mixture import mix
from completer.engine.sampling import choose_token, process, uniform
from completer.request import GREEDY_BELOW, Sampling

LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, -9.0])
TEMPERATURES = (5e-324, 1e-320, 1e-300, 1e-45, 1e-30, 1e-5, 1e-3, 0.7, 5.0, 1e30, 1e308)
TOP_PS = (5e-324, 1e-320, 1e-12, 0.65, 1.0)
LARGEST = torch.finfo(torch.float32).max
ROWS = {
    "usual": LOGITS.tolist(),
    "ties": [3.0, 3.0, 1.0, 3.0, -2.0],
    "far apart": [LARGEST, -LARGEST, 0.0, 1e-45, -1.0],
    "close": [1.0, 1.0 + 1e-7, 1.0, 1.0 - 1e-7, 1.0],
    "forbidden": [0.0, -math.inf, -1.0, -math.inf, -0.5],
}


def test_temperature_zero_takes_the_likeliest():
    assert choose_token(LOGITS, Sampling(temperature=0.0), position=3) == 0


def test_top_k_keeps_the_k_likeliest():
    kept = process(LOGITS, Sampling(temperature=1.0, top_k=2))

    assert kept.nonzero().flatten().tolist() == [0, 1]
    assert kept.sum() == pytest.approx(1.0)


def test_top_p_keeps_the_fewest_that_reach_p():
    # softmax of LOGITS is about .64 .24 .09 .03 .00: two tokens reach 0.8, one reaches 0.6
    assert process(LOGITS, Sampling(temperature=1.0, top_p=0.8)).count_nonzero() == 2
    assert process(LOGITS, Sampling(temperature=1.0, top_p=0.6)).count_nonzero() == 1


def test_low_temperature_sharpens():
    warm = process(LOGITS, Sampling(temperature=1.0))
    cold = process(LOGITS, Sampling(temperature=0.5))

    assert cold[0] > warm[0]


def test_noise_depends_on_seed_choice_and_position_alone():
    assert uniform(1, 0, 5) == uniform(1, 0, 5)
    assert len({uniform(1, 0, 5), uniform(2, 0, 5), uniform(1, 1, 5), uniform(1, 0, 6)}) == 4


def test_negative_seeds_are_seeds():
    assert 0 <= uniform(-1, 0, 0) < 1


def test_draws_follow_the_distribution():
    sampling = Sampling(temperature=1.0, top_p=0.97, seed=11)
    expected = process(LOGITS, sampling)
    n = 20_000
    counts = torch.zeros(len(LOGITS))
    for position in range(n):
        counts[choose_token(LOGITS, sampling, position=position)] += 1

    possible = expected > 0
    assert counts[~possible].sum() == 0
    assert chisquare(counts[possible], expected[possible] * n).pvalue > 0.001


def exact(logits: list[float], sampling: Sampling) -> list[float]:
    """The distribution by its definition, in fractions for as long as anything could overflow."""
    best = max(logits)
    if 0 < sampling.top_k < len(logits):
        kth_best = sorted(logits, reverse=True)[sampling.top_k - 1]
        logits = [each if each >= kth_best else -math.inf for each in logits]
    weights = [
        0.0 if each == -math.inf else _exp((Fraction(each) - Fraction(best)) / temperature)
        for temperature in [Fraction(sampling.temperature)]
        for each in logits
    ]
    order = sorted(range(len(weights)), key=lambda i: -weights[i])
    kept: set[int] = set()
    reached = 0.0
    for i in order:
        if not kept or reached < sampling.top_p or sampling.top_p == 1.0:
            kept.add(i)
        reached += weights[i] / sum(weights)
    total = sum(weights[i] for i in kept)
    return [weight / total if i in kept else 0.0 for i, weight in enumerate(weights)]


def _exp(exponent: Fraction) -> float:
    return math.exp(exponent) if exponent > -800 else 0.0


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_every_temperature_gives_the_exact_distribution(temperature, row):
    logits = torch.tensor(ROWS[row])
    for top_p, top_k in itertools.product(TOP_PS, (0, 1, 3)):
        sampling = Sampling(temperature=temperature, top_p=top_p, top_k=top_k)
        expected = torch.tensor(exact(logits.tolist(), sampling), dtype=torch.float64)
        found = process(logits, sampling)

        # which of the likeliest stays when only one of them may is nobody's business
        torch.testing.assert_close(
            found.sort().values, expected.sort().values, atol=1e-9, rtol=1e-9
        )
        whole = process(logits, replace(sampling, top_p=1.0))
        assert (whole[found > 0] >= whole[expected > 0].min()).all()


@pytest.mark.parametrize("temperature", TEMPERATURES)
@pytest.mark.parametrize("row", [*ROWS, "infinite", "nothing allowed", "overflowed"])
def test_every_temperature_draws_a_token_that_there_is(row, temperature):
    logits = torch.tensor(
        {
            **ROWS,
            "infinite": [0.0, math.inf, 1.0, math.inf],
            "nothing allowed": [-math.inf] * 4,
            "overflowed": [0.0, math.nan, 1.0, 2.0],
        }[row]
    )
    for top_p, top_k, position in itertools.product(TOP_PS, (0, 2), range(5)):
        sampling = Sampling(temperature=temperature, top_p=top_p, top_k=top_k, seed=5)
        token = choose_token(logits, sampling, position=position)

        assert 0 <= token < len(logits)
        if row in ("forbidden", "infinite"):
            assert logits[token] >= -1.0
            assert row == "forbidden" or math.isinf(logits[token])


@pytest.mark.parametrize("temperature", [5e-324, 1e-320, GREEDY_BELOW * 0.99])
def test_below_its_bound_a_temperature_is_greedy(temperature):
    sampling = Sampling(temperature=temperature)

    assert sampling.greedy
    assert [choose_token(LOGITS, sampling, position=at) for at in range(50)] == [0] * 50


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_what_the_repository_expects_is_drawn_at_every_temperature(temperature):
    """Sure of one token, with all of the weight: the mixture forbids every other one."""
    expected = Predictions(np.array([3], np.int32), np.array([1.0]), np.array([0, 1]))
    distribution = mix(LOGITS[None], expected, 1.0)[0]
    for top_p in TOP_PS:
        sampling = Sampling(temperature=temperature, top_p=top_p)
        found = {choose_token(distribution, sampling, position=at) for at in range(20)}
        assert found == {3}
