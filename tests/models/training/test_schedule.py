from pathlib import Path

import pytest

from models.training.config import TrainConfig
from models.training.schedule import schedule_of

STEPS = TrainConfig(folder=Path(), steps=100, cooldown_steps=50, warmup_steps=10)
CLOCK = TrainConfig(folder=Path(), minutes=2, warmup_steps=10)


def test_the_rate_rises_stays_and_falls():
    schedule = schedule_of(STEPS)
    assert not schedule.is_over(149, 1e9)
    assert schedule.is_over(150, 0.0)
    factors = [schedule.factor(step, 0.0) for step in range(schedule.steps)]
    assert factors[0] == 0.1
    assert factors[10:100] == [1.0] * 90
    assert factors[100:] == sorted(factors[100:], reverse=True)
    assert 0 < factors[-1] < 0.03
    assert schedule.left(75, 30.0) == 30.0


def test_without_a_cooldown_the_run_ends_at_full_rate():
    schedule = schedule_of(TrainConfig(folder=Path(), steps=100, cooldown_steps=0))
    assert schedule.is_over(100, 0.0)
    assert schedule.factor(99, 0.0) == 1.0


def test_by_the_clock_the_rate_falls_over_the_last_of_the_time():
    schedule = schedule_of(CLOCK)
    assert schedule.factor(0, 0.0) == 0.1
    assert schedule.factor(50, 0.44 * 120) == 1.0
    assert schedule.factor(50, 0.725 * 120) == pytest.approx(0.5)
    assert schedule.factor(50, 120.0) == 0.0
    assert not schedule.is_over(10**6, 119.9)
    assert schedule.is_over(0, 120.0)
    assert schedule.left(50, 90.0) == 30.0


def test_a_model_that_is_continued_has_a_long_decay():
    schedule = schedule_of(TrainConfig(folder=Path(), minutes=2, start_from=Path("model")))
    assert schedule.factor(10**6, 0.1 * 120) == pytest.approx(1.0)
    assert schedule.factor(10**6, 0.55 * 120) == pytest.approx(0.5)
