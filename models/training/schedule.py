"""The learning-rate schedule: warm-up, a stable phase of any length, decay at any step."""

from __future__ import annotations

from models.training.config import TrainConfig


def rate_factor(config: TrainConfig, step: int) -> float:
    """The factor of every learning rate at a step (from 0): up, flat, linearly down to zero."""
    warm = min(1.0, (step + 1) / max(1, config.warmup_steps))
    if step < config.steps:
        return warm
    return warm * max(0.0, 1.0 - (step - config.steps + 1) / (config.cooldown_steps + 1))


def total_steps(config: TrainConfig) -> int:
    """Steps of the whole run, decay included."""
    return config.steps + config.cooldown_steps
