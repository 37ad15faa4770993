"""Drawing tokens: the processed distribution, and noise that belongs to a position."""

import pytest
import torch
from scipy.stats import chisquare

from completer.engine.sampling import choose_token, process, uniform
from completer.request import Sampling

LOGITS = torch.tensor([2.0, 1.0, 0.0, -1.0, -9.0])


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
