"""When a run ends and how its learning rates move: by steps or by the clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from models.training.config import TrainConfig


class Schedule(Protocol):
    """Asked before each step with its number (from 0) and the seconds trained so far."""

    def factor(self, step: int, seconds: float) -> float:
        """The factor of every learning rate."""
        ...

    def is_over(self, step: int, seconds: float) -> bool:
        """Whether no further step is to be made."""
        ...

    def left(self, step: int, seconds: float) -> float:
        """About how many seconds are left, when at least one step was made."""
        ...

    @property
    def steps(self) -> int:
        """The number of steps of the whole run, 0 where it is not known."""
        ...


@dataclass(frozen=True)
class StepSchedule:
    """Warm-up, a stable phase of any length, decay at any step."""

    warmup: int
    stable: int
    decay: int

    def factor(self, step: int, seconds: float) -> float:
        """Up, flat, linearly down to zero."""
        warm = _warm(step, self.warmup)
        if step < self.stable:
            return warm
        return warm * max(0.0, 1.0 - (step - self.stable + 1) / (self.decay + 1))

    def is_over(self, step: int, seconds: float) -> bool:
        """Whether all steps are made."""
        return step >= self.steps

    def left(self, step: int, seconds: float) -> float:
        """As the steps made so far took."""
        return (self.steps - step) * seconds / step

    @property
    def steps(self) -> int:
        """Decay included."""
        return self.stable + self.decay


@dataclass(frozen=True)
class ClockSchedule:
    """Warm-up, full rates, and rates that fall to zero over the last share of the time."""

    warmup: int  # steps
    seconds: float
    decay: float  # share of the time

    def factor(self, step: int, seconds: float) -> float:
        """Up by steps, flat, linearly down to zero by the clock."""
        left = 1.0 - seconds / self.seconds
        return _warm(step, self.warmup) * max(0.0, min(1.0, left / self.decay))

    def is_over(self, step: int, seconds: float) -> bool:
        """Whether the time is up."""
        return seconds >= self.seconds

    def left(self, step: int, seconds: float) -> float:
        """What is left of the time."""
        return max(0.0, self.seconds - seconds)

    @property
    def steps(self) -> int:
        """Not known: as many as there is time for."""
        return 0


def schedule_of(config: TrainConfig) -> Schedule:
    """The schedule that a run is to follow."""
    if config.minutes is None:
        return StepSchedule(config.warmup_steps, config.steps, config.cooldown_steps)
    return ClockSchedule(config.warmup_steps, 60 * config.minutes, config.decay_share)


def _warm(step: int, warmup: int) -> float:
    return min(1.0, (step + 1) / max(1, warmup))
