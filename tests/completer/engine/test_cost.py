"""The cost curve is measured on the runner itself and read in between and beyond."""

import numpy as np

from completer.engine.cost import CostCurve, measure

CURVE = CostCurve((1, 2, 4), (10.0, 12.0, 20.0))


def test_costs_of_drafts_are_interpolated():
    # 0 to 3 drafted tokens make passes of 1 to 4 tokens; 3 lies half-way between 2 and 4
    assert CURVE.of_drafts(3).tolist() == [10.0, 12.0, 16.0, 20.0]


def test_the_last_slope_goes_on():
    assert CURVE.of_drafts(5).tolist()[-2:] == [24.0, 28.0]


def test_other_sequences_move_along_the_curve():
    assert CURVE.of_drafts(1, others=2).tolist() == [16.0, 20.0]


def test_measuring_gives_a_rising_curve_and_leaves_the_pool_as_it_was(make_runner):
    runner = make_runner()
    curve = measure(runner, (1, 4, 16))

    assert curve.lengths == (1, 4, 16)
    assert np.all(np.diff(curve.milliseconds) >= 0)
    assert curve.milliseconds[0] > 0
    assert runner.pool.free_slots == len(runner.pool.slots)
    assert all(slot.length == 0 for slot in runner.pool.slots)
