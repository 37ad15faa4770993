"""What forward passes cost here, and what a drafted token is to cost those who wait for it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from completer.engine.attention import Segment
from completer.engine.readout import ReadoutRequest, read
from completer.engine.runner import Runner
from completer.request import Sampling

MEASURED_LENGTHS = (1, 2, 4, 8, 16, 32, 64)
SEQUENCES = 4  # in the pass that shows what attending apart costs
CONTEXT_SHARE = 0.75
REPEATS = 6
WARM_UPS = 3  # on a GPU: the first passes load kernels and capture graphs
LONG_ENOUGH_MS = 200.0
UNAFFORDABLE = 1e9
USUAL_DRAFT = 32  # tokens that prices are worked out for at once


class Pricing(Protocol):
    """Says what a drafted token is to cost."""

    def of_drafts(
        self, max_tokens: int, *, planned: int = 1, sequences: int = 1
    ) -> NDArray[np.float64]:
        """Prices of 0, 1, …, `max_tokens` drafted tokens: [max_tokens + 1]; see `CostCurve`."""
        ...


@dataclass(frozen=True, slots=True)
class FixedLength:
    """Prices that make every draft as long as `tokens` whatever that costs; to compare with."""

    tokens: int

    def of_drafts(
        self, max_tokens: int, *, planned: int = 1, sequences: int = 1
    ) -> NDArray[np.float64]:
        """See `Pricing`."""
        return np.where(np.arange(max_tokens + 1) <= self.tokens, 1.0, UNAFFORDABLE)


@dataclass(frozen=True, slots=True)
class CostCurve:
    """Milliseconds of a forward pass over `lengths` tokens of one sequence, straight in between.

    Tokens of other sequences cost `per_sequence` ms more for each of these: they attend apart.
    """

    lengths: tuple[int, ...]
    milliseconds: tuple[float, ...]
    per_sequence: float

    def of_tokens(self, n: NDArray[np.int64]) -> NDArray[np.float64]:
        """Cost in ms of passes over `n` tokens of one sequence; the last slope goes on."""
        slope = (self.milliseconds[-1] - self.milliseconds[-2]) / (
            self.lengths[-1] - self.lengths[-2]
        )
        beyond = np.maximum(n - self.lengths[-1], 0).astype(np.float64)
        inside: NDArray[np.float64] = np.interp(n, self.lengths, self.milliseconds)
        return inside + beyond * slope

    def of_drafts(
        self, max_tokens: int, *, planned: int = 1, sequences: int = 1
    ) -> NDArray[np.float64]:
        """Price of 0, 1, …, `max_tokens` drafted tokens for one of a step's `sequences`.

        `planned` tokens are in the step already. The unit is what a token costs without drafts: a
        sequence's share of a step over one token of each. A draft is paid in full by the sequence
        that it belongs to, since everybody waits for a step that it makes longer. So all prices of
        a step add up to the cost of the step, and who buys tokens for as long as their expected
        number grows faster than the price times the yield so far maximises the tokens per second
        of the whole batch (goodput; SmartSpec, Liu et al. 2024). Alone, a draft is nearly free on
        most devices; in a large batch only a nearly certain one is worth its price, down to none.
        """
        longest = max(USUAL_DRAFT, max_tokens)
        return _prices(self, longest, planned, sequences)[: max_tokens + 1].copy()


@lru_cache(maxsize=256)
def _prices(curve: CostCurve, max_tokens: int, planned: int, sequences: int) -> NDArray[np.float64]:
    """Work out `CostCurve.of_drafts`: nearly every step asks what one before it has asked."""
    plain_step = float(curve.of_tokens(np.array([sequences]))[0])
    share = (plain_step + curve.per_sequence * (sequences - 1)) / sequences
    passes = curve.of_tokens(np.arange(planned, planned + max_tokens + 1))
    added: NDArray[np.float64] = (passes - passes[0]) / share
    return 1.0 + added


ASSUMED = CostCurve((1, 64), (1.0, 7.0), 0.2)
"""Used until a device has been measured: the shape seen on a CPU."""


def measure(runner: Runner, lengths: Sequence[int] = MEASURED_LENGTHS) -> CostCurve:
    """Time forward passes at three quarters of the context in a slot that is not in use.

    Takes the best of a few repeats, and no length costs more than a longer one: where it seemed
    to, other work on the machine was measured.
    """
    pool = runner.pool
    slot, _ = pool.acquire([0], owner="cost measurement")
    start = int((pool.capacity - max(lengths)) * CONTEXT_SHARE)
    try:
        costs = [time_pass(runner, _drafted(slot, start, length - 1)) for length in lengths]
        apart = time_pass(runner, *[Segment(slot, start, 1)] * SEQUENCES)
    finally:
        pool.release(slot, 0)
    rising = np.minimum.accumulate(costs[::-1])[::-1]
    together = float(np.interp(SEQUENCES, lengths, rising))
    per_sequence = max(0.0, apart - together) / (SEQUENCES - 1)
    return CostCurve(tuple(lengths), tuple(float(cost) for cost in rising), per_sequence)


def _drafted(slot: int, start: int, tokens: int) -> Segment:
    return Segment(slot, start, 1, np.arange(-1, tokens - 1, dtype=np.int32))


def time_pass(runner: Runner, *segments: Segment) -> float:
    """Milliseconds of a pass over `segments` of any tokens, and of a look at its logits."""
    ids = [0] * sum(segment.length for segment in segments)
    rows = np.arange(len(ids))
    verified = ReadoutRequest(slice(0, len(ids)), Sampling(), candidates=True)
    for _ in range(WARM_UPS if runner.device.type != "cpu" else 0):
        runner.forward(segments, ids, rows)
    times: list[float] = []
    while len(times) < REPEATS and sum(times) < LONG_ENOUGH_MS:
        started = time.perf_counter()
        read(runner.forward(segments, ids, rows), [verified])
        runner.synchronize()
        times.append((time.perf_counter() - started) * 1000)
    return min(times)
