"""`completer bench dtypes`: what a dtype costs in agreement with float32, and gains in time.

All dtypes of a model take turns in one run, so that what else the machine does hits each alike.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor
from torch.nn.functional import kl_div

from completer.bench.decode import Progress, Run, summary, turns
from completer.bench.peers import Timed
from completer.bench.percentiles import percentiles
from completer.context.prompt import Prompt
from completer.engine.attention import Segment
from completer.engine.lean import supports
from completer.engine.runner import Runner
from completer.engine.tuning import CLEAR_MARGIN, forward_of, pool_of
from completer.evaluation.statistics import wilson

if TYPE_CHECKING:
    from models.decoder import Model

REFERENCE = "float32"
JUDGED = 256  # last positions of a prompt whose predictions are compared
CAPACITY = 2048
PREFILL, VERIFIED = 256, (1, 8)
Work = Callable[[], None]


def runner_of(model: "Model", capacity: int = CAPACITY) -> Runner:
    """A model over one slot, as an engine runs it."""
    pool = pool_of(model, slots=1, capacity=capacity)
    return Runner(forward_of(model, lean=supports(model), positions=capacity), pool)


@dataclass(slots=True)
class Agreement:
    """How far a dtype's predictions are from float32's, over the positions that were added."""

    positions: int = 0
    same: int = 0
    clearly_other: int = 0
    divergence: float = 0.0

    def add(self, reference: Tensor, logits: Tensor) -> None:
        """Compare logits [R, V] with float32's."""
        best = reference.topk(2).values
        other = reference.argmax(-1) != logits.argmax(-1)
        self.positions += len(other)
        self.same += int((~other).sum())
        self.clearly_other += int((other & (best[:, 0] - best[:, 1] > CLEAR_MARGIN)).sum())
        self.divergence += float(
            kl_div(
                logits.log_softmax(-1), reference.log_softmax(-1), reduction="sum", log_target=True
            )
        )

    @property
    def figures(self) -> dict[str, float]:
        """Share of likeliest tokens that are the same, its 95 % interval, mean KL in nats.

        `clearly_other`: of those that differ, how many were not nearly tied in float32.
        """
        low, high = wilson(self.same, self.positions)
        return {
            "share": round(self.same / self.positions, 4),
            "low": round(low, 4),
            "high": round(high, 4),
            "clearly_other": self.clearly_other,
            "kl": round(self.divergence / self.positions, 6),
        }


def compare_predictions(
    runners: Mapping[str, Runner], texts: Sequence[Sequence[int]], progress: Progress
) -> dict[str, Agreement]:
    """Compare each of `runners` with the one named `REFERENCE` at the ends of `texts`."""
    found = {name: Agreement() for name in runners if name != REFERENCE}
    for number, ids in enumerate(texts):
        rows = np.arange(max(0, len(ids) - JUDGED), len(ids))
        logits = {
            name: runner.forward([Segment(0, 0, len(ids))], ids, rows).float()
            for name, runner in runners.items()
        }
        for name, agreement in found.items():
            agreement.add(logits[REFERENCE], logits[name])
        progress(number + 1, len(texts))
    return found


def time_passes(
    runners: Mapping[str, Runner], rounds: int, progress: Progress
) -> dict[str, dict[str, dict[str, float]]]:
    """Milliseconds of a pass over 256 tokens of a prompt, and of verifying 1 and 8 behind 1,024."""
    names = tuple(runners)
    times: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for number in range(rounds + 1):
        for name in turns(number, names):
            for kind, run in _passes(runners[name]).items():
                taken = _milliseconds(run)
                if number:  # the first round warms up
                    times[name].setdefault(kind, []).append(taken)
        progress(number, rounds)
    return {
        name: {kind: percentiles(taken, 50, 95) for kind, taken in kinds.items()}
        for name, kinds in times.items()
    }


def time_completions(
    runs: Mapping[str, Run], prompts: Sequence[Prompt], progress: Progress
) -> dict[str, dict[str, Any]]:
    """Complete each prompt with each of `runs`; see `decode.summary`."""
    names = tuple(runs)
    timed: dict[str, list[Timed]] = {name: [] for name in names}
    for number, prompt in enumerate(prompts):
        for name in turns(number, names):
            timed[name].append(runs[name](prompt))
        progress(number + 1, len(prompts))
    return {name: summary(each) for name, each in timed.items()}


def _passes(runner: Runner) -> dict[str, Work]:
    def over(tokens: int, start: int, rows: int) -> Work:
        ids, last = [0] * tokens, np.arange(tokens - rows, tokens)

        def run() -> None:
            runner.forward([Segment(0, start, tokens)], ids, last)
            runner.synchronize()

        return run

    start = runner.pool.capacity // 2
    prefill = {f"prefill_{PREFILL}": over(PREFILL, 0, 1)}
    return prefill | {f"verify_{n}": over(n, start, n) for n in VERIFIED}


def _milliseconds(run: Work) -> float:
    started = time.perf_counter()
    run()
    return (time.perf_counter() - started) * 1000
