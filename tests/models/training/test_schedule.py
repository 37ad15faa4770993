from pathlib import Path

from models.training.config import TrainConfig
from models.training.schedule import rate_factor, total_steps

CONFIG = TrainConfig(folder=Path(), steps=100, cooldown_steps=50, warmup_steps=10)


def test_the_rate_rises_stays_and_falls():
    factors = [rate_factor(CONFIG, step) for step in range(total_steps(CONFIG))]
    assert factors[0] == 0.1
    assert factors[10:100] == [1.0] * 90
    assert factors[100:] == sorted(factors[100:], reverse=True)
    assert 0 < factors[-1] < 0.03


def test_without_a_cooldown_the_run_ends_at_full_rate():
    config = TrainConfig(folder=Path(), steps=100, cooldown_steps=0)
    assert total_steps(config) == 100
    assert rate_factor(config, 99) == 1.0
