"""Refitting to outcomes: odds are stretched and moved to what people do."""

from dataclasses import dataclass

import numpy as np
import pytest

from completer.errors import CompleterError
from completer.stopping.refitting import refit
from completer.stopping.scorecard import Scale, Scorecard

CARD = Scorecard(0.0, {"quality": Scale((-1.0, 0.0, 1.0), (-2.0, -0.7, 0.7, 2.0))})


@dataclass(frozen=True)
class Shown:
    features: dict[str, float]
    accepted: bool
    propensity: float = 1.0
    user: str = "ann"


def observed(n, stretch, shift, seed=0):
    """People who accept at other odds than the scorecard says."""
    rng = np.random.default_rng(seed)
    for i in range(n):
        features = {"quality": float(rng.normal())}
        p = CARD.probability(features)
        odds = stretch * np.log(p / (1 - p)) + shift
        accepted = bool(rng.random() < 1 / (1 + np.exp(-odds)))
        yield Shown(features, accepted, user=f"user {i % 12}")


def test_odds_follow_what_people_do():
    found = refit(CARD, list(observed(6000, 0.5, -1.5)), may_lose=0.05)

    assert found.card.scales["quality"].points == pytest.approx([-1.0, -0.35, 0.35, 1.0], abs=0.12)
    assert found.card.intercept == pytest.approx(-1.5, abs=0.1)
    assert found.better
    assert found.after["ece"] < 0.03 < 0.2 < found.before["ece"]


def test_the_threshold_loses_what_it_may():
    outcomes = list(observed(6000, 1.0, -1.0))
    found = refit(CARD, outcomes, may_lose=0.1)
    taken = [found.card.probability(each.features) for each in outcomes if each.accepted]

    assert np.mean(np.array(taken) < found.threshold - 0.02) <= 0.1
    assert np.mean(np.array(taken) < found.threshold + 0.05) >= 0.1


def test_what_was_shown_by_chance_stands_for_what_was_not():
    """Of the worst, which are better than they look, only one in ten is shown."""
    rng = np.random.default_rng(1)
    everything = [
        Shown(each.features, bool(rng.random() < 0.75), 0.1, each.user)
        if each.features["quality"] < 0
        else each
        for each in observed(20_000, 1.0, 0.0, seed=2)
    ]
    seen = [each for each in everything if rng.random() < each.propensity]
    careless = [Shown(each.features, each.accepted, 1.0, each.user) for each in seen]
    share = np.mean([each.accepted for each in everything])

    def expected(outcomes):
        card = refit(CARD, outcomes, may_lose=0.05).card
        return np.mean([card.probability(each.features) for each in everything])

    assert expected(seen) == pytest.approx(share, abs=0.02)
    assert expected(careless) < share - 0.03


def test_a_scorecard_that_was_right_stays():
    found = refit(CARD, list(observed(6000, 1.0, 0.0)), may_lose=0.05)

    assert found.card.intercept == pytest.approx(0.0, abs=0.1)
    assert found.card.scales["quality"].points == pytest.approx(
        CARD.scales["quality"].points, rel=0.15
    )


@pytest.mark.parametrize("accepted", [True, False])
def test_one_sided_outcomes_teach_nothing(accepted):
    with pytest.raises(CompleterError, match="too few"):
        refit(CARD, [Shown({"quality": 1.0}, accepted)] * 200, may_lose=0.05)


def test_outcomes_of_another_version_are_refused():
    other = [Shown({"luck": 1.0}, n % 2 == 0) for n in range(200)]

    with pytest.raises(CompleterError, match="quality"):
        refit(CARD, other, may_lose=0.05)
