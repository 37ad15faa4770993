"""Intervals and tests: what is known about a figure beyond its value."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from telemetry.report.sums import Floats

Z_95: Final = 1.959963984540054
DRAWS: Final = 1_000
_SEED: Final = 20_240  # the same data give the same report


def wilson(successes: float, trials: float) -> tuple[float, float]:
    """The 95 % interval of a proportion (Wilson 1927); `trials` must not be 0."""
    share = min(max(successes / trials, 0.0), 1.0)
    spread = Z_95 * math.sqrt(share * (1 - share) / trials + Z_95**2 / (4 * trials**2))
    middle = share + Z_95**2 / (2 * trials)
    scale = 1 + Z_95**2 / trials
    return max((middle - spread) / scale, 0.0), min((middle + spread) / scale, 1.0)


def user_draws(users: int, draws: int = DRAWS) -> NDArray[np.float32]:
    """How often each bootstrap draw takes each user: `[draws, users]`, `users` taken a draw."""
    rng = np.random.default_rng(_SEED)
    weights = np.empty((draws, users), dtype=np.float32)
    for row in weights:
        row[:] = np.bincount(rng.integers(0, users, users), minlength=users)
    return weights


def drawn_sums(
    by_user: Mapping[str, NDArray[np.float32]], draws: NDArray[np.float32]
) -> dict[str, Floats]:
    """Sums over users in each bootstrap draw: `{name: [users]}` becomes `{name: [draws]}`."""
    sums = draws @ np.stack(list(by_user.values()), axis=1)  # [draws, sums]
    return {name: sums[:, index].astype(np.float64) for index, name in enumerate(by_user)}


def percentile_interval(samples: Floats) -> tuple[float, float] | None:
    """The middle 95 % of bootstrap samples; None without any."""
    if len(samples) == 0:
        return None
    low, high = np.percentile(samples, [2.5, 97.5])
    return float(low), float(high)


def quantile_interval(ordered: Floats, share: float) -> tuple[float, float, float]:
    """A quantile of sorted values and its distribution-free 95 % interval (order statistics)."""
    count = len(ordered)
    spread = Z_95 * math.sqrt(count * share * (1 - share))
    low = max(math.floor(count * share - spread), 0)
    high = min(math.ceil(count * share + spread), count - 1)
    below = math.floor((count - 1) * share)  # the quantile lies between this value and the next
    value = float(np.quantile(ordered[below : below + 2], (count - 1) * share - below))
    return value, min(float(ordered[low]), value), max(float(ordered[high]), value)


def two_sided_p(difference: float, deviation: float) -> float:
    """The chance of a difference at least this large if there were none (normal approximation)."""
    if deviation == 0:
        return 1.0 if difference == 0 else 0.0
    return math.erfc(abs(difference) / deviation / math.sqrt(2))
