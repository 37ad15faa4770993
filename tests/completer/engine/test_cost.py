"""The cost curve is measured on the runner itself and read in between and beyond."""

import numpy as np
import pytest

from completer.engine.cost import CostCurve, FixedLength, measure

CURVE = CostCurve((1, 2, 4), (10.0, 12.0, 20.0), per_sequence=6.0)


def test_costs_are_interpolated_and_the_last_slope_goes_on():
    assert CURVE.of_tokens(np.arange(1, 7)).tolist() == [10.0, 12.0, 16.0, 20.0, 24.0, 28.0]


def test_alone_drafts_cost_what_they_lengthen_the_step_by():
    # 0 to 3 drafted tokens make passes of 1 to 4 tokens, in units of the pass over 1
    assert CURVE.of_drafts(3).tolist() == [1.0, 1.2, 1.6, 2.0]


def test_in_a_batch_a_draft_is_dearer_for_everybody_waits_for_it():
    # a token of each of two costs 12 + 6 ms: 9 a sequence; the third and fourth cost 4 each
    price = CURVE.of_drafts(2, planned=2, sequences=2)

    assert price == pytest.approx([1.0, 1 + 4 / 9, 1 + 8 / 9])


def test_the_prices_of_a_step_add_up_to_its_cost():
    drafted = [2, 0, 3]
    prices, planned = 0.0, len(drafted)
    for n in drafted:
        prices += CURVE.of_drafts(n, planned=planned, sequences=3)[n]
        planned += n
    plain = CURVE.of_tokens(np.array([3]))[0] + 2 * CURVE.per_sequence
    step = CURVE.of_tokens(np.array([planned]))[0] + 2 * CURVE.per_sequence

    assert prices * plain / 3 == pytest.approx(step)


def test_prompts_in_the_step_move_a_draft_along_the_curve():
    assert CURVE.of_drafts(1, planned=2).tolist() == [1.0, 1.4]


def test_a_fixed_length_is_always_paid_and_never_exceeded():
    price = FixedLength(2).of_drafts(4, planned=9, sequences=9)

    assert price[:3].tolist() == [1.0, 1.0, 1.0]
    assert price[3:].min() > 1e6


def test_measuring_gives_a_rising_curve_and_leaves_the_pool_as_it_was(make_runner):
    runner = make_runner()
    curve = measure(runner, (1, 4, 16))

    assert curve.lengths == (1, 4, 16)
    assert curve.per_sequence >= 0
    assert np.all(np.diff(curve.milliseconds) >= 0)
    assert curve.milliseconds[0] > 0
    assert runner.pool.free_slots == len(runner.pool.slots)
    assert all(slot.length == 0 for slot in runner.pool.slots)
