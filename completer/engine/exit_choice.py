"""Which early layer drafts, how many tokens, and whether at all: decided by what was measured.

After DEL (Entezari Zarch et al. 2025): among all exit layers and draft lengths, take the pair that
yields most tokens per unit of time, from the share of each layer's predictions that came true and
from what its layers cost. Here predictions are counted by how sure the exit was: drafting goes on
only while the exit is sure enough, and how sure that is is part of the choice.

With s the share of predictions that are sure enough, and h the share that are so and come true, a
draft of at most k tokens has s + s² + … + s^k tokens, of which h + h² + … + h^k are accepted.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]

SURENESS = (0.2, 0.4, 0.6, 0.75, 0.85, 0.93, 0.98)
"""Where the classes of an exit's top-1 probability begin; below the first is class 0."""
CLASSES = len(SURENESS) + 1
MAX_LENGTH = 12
ENOUGH = 16  # predictions and timings before anything is concluded from them
_MEMORY = 0.998  # of counts, per prediction: what was counted 350 predictions ago counts half
_TIMINGS = 31


@dataclass(frozen=True, slots=True)
class Plan:
    """Draft behind `layer`, at most `length` tokens, while the top-1 probability is `least`.

    `rate` is how many tokens that is expected to yield per time of a plain pass over one token.
    """

    layer: int
    length: int
    least: float
    rate: float


@dataclass(slots=True)
class ExitRecord:
    """What was seen of one exit: predictions by sureness, times in ms.

    A timing is (its layers, its head, the layers behind it with the model's head), of one token.
    """

    seen: Float64s = field(default_factory=lambda: np.zeros(CLASSES))
    right: Float64s = field(default_factory=lambda: np.zeros(CLASSES))
    timings: deque[tuple[float, float, float]] = field(
        default_factory=lambda: deque(maxlen=_TIMINGS)
    )

    def count(self, probability: float, right: bool) -> None:
        """Count one prediction."""
        self.seen *= _MEMORY
        self.right *= _MEMORY
        at = bisect_right(SURENESS, probability)
        self.seen[at] += 1
        self.right[at] += right

    @property
    def agreement(self) -> float:
        """The share of predictions that came true."""
        return float(self.right.sum() / max(1.0, self.seen.sum()))

    @property
    def known(self) -> bool:
        """Whether there is enough to conclude from."""
        return bool(self.seen.sum() >= ENOUGH * 0.9 and len(self.timings) >= ENOUGH)

    def costs(self) -> tuple[float, float, float]:
        """The timing of the fastest pass: the others measured what else the machine did.

        One pass's, since the best of each part would have been disturbed less than any whole pass.
        """
        return min(self.timings, key=lambda timing: timing[0] + timing[2])


class ExitChoice:
    """Collects what is measured and names the best plan. `growth[n]`: cost of 1 + n tokens to 1."""

    def __init__(self, layers: Sequence[int], growth: Float64s) -> None:
        self.records = {layer: ExitRecord() for layer in layers}
        self.plain_ms: deque[float] = deque(maxlen=_TIMINGS)
        self._growth = growth

    def best(self) -> Plan | None:
        """Return the plan that yields most per time; `None` before enough was measured."""
        if len(self.plain_ms) < ENOUGH:
            return None
        plain = min(self.plain_ms)
        known = {layer: each for layer, each in self.records.items() if each.known}
        plans = [self._best_of(layer, record, plain) for layer, record in known.items()]
        return max(plans, key=lambda plan: plan.rate, default=None)

    def agreements(self) -> dict[int, float]:
        """How often each exit layer was right."""
        return {layer: record.agreement for layer, record in self.records.items()}

    def _best_of(self, layer: int, record: ExitRecord, plain: float) -> Plan:
        lengths = np.arange(1, MAX_LENGTH + 1)
        sure, right = _from_each_class_on(record)
        drafted = _powers(sure, lengths)  # [classes, lengths]
        accepted = _powers(right, lengths)
        passes = np.concatenate((np.ones((CLASSES, 1)), 1 + drafted[:, :-1]), axis=1)
        early, head, late = record.costs()
        behind = np.interp(drafted, np.arange(len(self._growth)), self._growth)
        time = (1 + drafted) * early + passes * head + late * behind
        rate = (1 + accepted) / time * plain
        at, best = np.unravel_index(int(rate.argmax()), rate.shape)
        least = 0.0 if at == 0 else SURENESS[at - 1]
        return Plan(layer, int(lengths[best]), least, float(rate[at, best]))


def _from_each_class_on(record: ExitRecord) -> tuple[Float64s, Float64s]:
    """For each class: share of predictions in it or a surer one, and share that also came true.

    One wrong prediction is added to each class, so that luck with a few is no certainty.
    """
    shares = record.seen / record.seen.sum()
    right = shares * record.right / (record.seen + 1)
    return shares[::-1].cumsum()[::-1], right[::-1].cumsum()[::-1]


def _powers(base: Float64s, lengths: NDArray[np.int64]) -> Float64s:
    """Sums base + base² + … + base^k for each base and each k of 1, 2, …: [bases, lengths]."""
    sums: Float64s = np.cumsum(base[:, None] ** lengths, axis=1)
    return sums
