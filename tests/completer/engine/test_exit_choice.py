"""Which layer drafts follows from how often it is right and what its layers cost."""

import numpy as np
import pytest

from completer.engine.exit_choice import ENOUGH, ExitChoice

GROWTH = np.linspace(1.0, 1.6, 13)


def measured(accuracy, *, head=0.05, predictions=400, sureness=None):
    """A model of four layers, whose pass takes a millisecond and whose head takes `head` of it."""
    choice = ExitChoice((1, 2, 3), GROWTH)
    rng = np.random.default_rng(0)
    for _ in range(ENOUGH):
        choice.plain_ms.append(1.0)
        for layer, record in choice.records.items():
            early = layer / 4 * (1 - head)
            record.timings.append((early, head, 1 - early))
    for layer, record in choice.records.items():
        for right in rng.random(predictions) < accuracy[layer]:
            probability = sureness(right, rng) if sureness else 0.7
            record.count(probability, bool(right))
    return choice


def test_nothing_is_said_before_enough_was_measured():
    assert ExitChoice((1, 2), GROWTH).best() is None
    assert measured({1: 0.9, 2: 0.9, 3: 0.9}, predictions=4).best() is None


def test_the_layer_that_yields_most_per_time_drafts():
    plan = measured({1: 0.3, 2: 0.97, 3: 0.98}).best()

    assert plan.layer == 2
    assert plan.rate > 1.2


@pytest.mark.parametrize("accuracy", [0.0, 0.2, 0.3])
def test_exits_that_are_seldom_right_do_not_pay(accuracy):
    assert measured(dict.fromkeys((1, 2, 3), accuracy)).best().rate < 1.05


def test_the_surer_the_layer_the_longer_the_draft():
    lengths = [measured({1: p, 2: 0, 3: 0}).best().length for p in (0.6, 0.9, 0.999)]

    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]


def test_an_exit_that_knows_when_it_is_right_drafts_only_then():
    def sureness(right, rng):
        return 0.99 if right else 0.3

    knowing = measured({1: 0.5, 2: 0.0, 3: 0.0}, sureness=sureness).best()
    guessing = measured({1: 0.5, 2: 0.0, 3: 0.0}).best()

    assert knowing.least > 0.3
    assert knowing.rate > guessing.rate


def test_a_dear_head_makes_drafting_pay_less():
    accuracy = {1: 0.9, 2: 0.0, 3: 0.0}

    assert measured(accuracy, head=0.6).best().rate < measured(accuracy, head=0.05).best().rate


def test_what_was_seen_long_ago_is_forgotten():
    choice = measured({1: 0.95, 2: 0.0, 3: 0.0})
    before = choice.agreements()[1]
    for _ in range(1000):
        choice.records[1].count(0.7, False)

    assert choice.agreements()[1] < 0.2 < before


def test_costs_are_those_of_the_fastest_pass_as_a_whole():
    record = measured({1: 0.5, 2: 0.5, 3: 0.5}).records[1]
    record.timings.extend([(0.1, 0.05, 3.0), (0.2, 0.04, 0.7), (4.0, 0.01, 0.1)])

    assert record.costs() == (0.2, 0.04, 0.7)
