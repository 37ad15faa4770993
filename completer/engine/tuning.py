"""Chooses how a model runs on a device by measuring the candidates on the model itself.

What is fastest is not to be guessed: on a CPU with bfloat16 instructions, half-width weights make
verifying eight tokens cost little more than one; without them they are slower than float32; and
on a busy machine one thread beats two that wait for each other. On a GPU, captured graphs should
win by far, but only where capturing works and says the same. (On a CPU, passes of static shapes
take 1.1 to 3.3 times as long as packed ones, and are not tried.)
"""

import copy
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import Tensor

from completer.engine.attention import Forward, Segment
from completer.engine.cost import WARM_UPS, CostCurve, measure, time_pass
from completer.engine.kv_cache import KVPool
from completer.engine.lean import LeanForward, supports
from completer.engine.memory import fastest_rows
from completer.engine.runner import Runner, kv_layers
from models.decoder import BareDecoder
from models.loading import convert, dtype_name

if TYPE_CHECKING:
    from transformers.modeling_utils import PreTrainedModel

    from models.decoder import Model

PREFILL, VERIFY, VERIFY_STEPS = 64, 8, 6  # what one keystroke's completion is made of
CAPACITY = 512
ROUNDS, ENOUGH_S = 4, 5.0  # how often candidates take turns, seconds after which no more begin
CLEAR_MARGIN = 0.5  # logits; below it two tokens are as good as tied
QUIET_LOAD = 0.5  # of each core: above it, one thread seems to do better than it will
LARGEST_COPY = 1 << 30  # bytes of float32 weights up to which a second copy is tried


@dataclass(frozen=True, slots=True)
class Trial:
    """One candidate's times in ms: a prefill of 64 tokens, a verification of 8.

    `agrees`: its likeliest tokens are the reference's wherever these are not nearly tied.
    `gave_up` says why its graphs could not be captured, if so: then something else was timed.
    """

    dtype: str
    threads: int
    prefill_ms: float
    verify_ms: float
    agrees: bool
    graphs: bool = False
    gave_up: str = ""

    @property
    def completion_ms(self) -> float:
        """What a completion after one more keystroke takes."""
        return self.prefill_ms + VERIFY_STEPS * self.verify_ms


@dataclass(frozen=True, slots=True)
class Tuning:
    """The choice: dtype, threads, `lean`, `graphs`, what verifying costs, what was tried.

    `quiet`: the machine had little else to do while that was measured.
    """

    dtype: str
    threads: int
    lean: bool
    costs: CostCurve
    trials: tuple[Trial, ...]
    graphs: bool = False
    quiet: bool = False

    @property
    def why_no_graphs(self) -> str:
        """Why graphs could not be captured, where that was tried; otherwise empty."""
        return next((trial.gave_up for trial in self.trials if trial.gave_up), "")


_TORCHS_OWN_COUNT = torch.get_num_threads()  # before `leave_cores_to_the_engine`


def tune(
    model: "Model", sample: Sequence[int], *, may_change_dtype: bool
) -> "tuple[Model, Tuning]":
    """Try the candidates on `sample` tokens; return the model in the best dtype and the choice.

    They are compared with the model's own code; without that, with the lean pass in its own dtype.
    Sets the calling thread's share of cores: best called on a thread that ends then.
    """
    was_quiet = is_quiet()
    bare = isinstance(model, BareDecoder)
    reference = _logits(_runner(model, lean=bare), sample)
    lean = bare or (
        supports(model) and _agree(reference, _logits(_runner(model, lean=True), sample))
    )
    models = {dtype_name(model): model}
    if may_change_dtype and model.dtype == torch.float32 and _size(model) <= LARGEST_COPY:
        models["bfloat16"] = _in_bfloat16(model)
    runners = {
        (dtype, graphs): runner
        for dtype, each in models.items()
        for graphs, runner in _runners(each, lean=lean).items()
    }
    trials = _try_in_turns(runners, thread_counts(model.device), sample, reference)
    best = min((trial for trial in trials if trial.agrees), key=lambda trial: trial.completion_ms)
    torch.set_num_threads(best.threads)
    chosen = models[best.dtype]
    costs = measure(runners[best.dtype, best.graphs])
    return chosen, Tuning(
        best.dtype, best.threads, lean, costs, tuple(trials), best.graphs, was_quiet
    )


def measured_again(model: "Model", tuning: Tuning) -> Tuning:
    """Return a choice with the cost curve of another model: one that runs in the same way."""
    costs = measure(_runner(model, lean=tuning.lean, graphs=tuning.graphs))
    return replace(tuning, costs=costs)


def forward_of(model: "Model", *, lean: bool, positions: int) -> Forward:
    """Return the chosen arithmetic for a model; `positions` is the longest sequence."""
    if lean:
        return LeanForward(model, positions)
    from completer.engine.own_code import ModelForward

    return ModelForward(cast("PreTrainedModel", model))


def pool_of(model: "Model", *, slots: int, capacity: int) -> KVPool:
    """Return a pool that stores rows as an engine's with room enough does."""
    dtype = fastest_rows(model)
    return KVPool(
        kv_layers(model), slots=slots, capacity=capacity, dtype=dtype, device=model.device
    )


def thread_counts(device: torch.device) -> list[int]:
    """The thread counts worth trying: one, and all that torch would use."""
    if device.type != "cpu":
        return [1]
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return sorted({1, min(_TORCHS_OWN_COUNT, usable or 1)})


def leave_cores_to_the_engine() -> None:
    """Have torch work on one thread in all threads of this process but the one that sets more.

    OpenMP keeps a team of threads for each thread that ever shared work out. With more of them than
    cores, those that wait are put to sleep after each product, and two threads are slower than one.
    """
    torch.set_num_threads(1)


def is_quiet() -> bool:
    """Whether this machine has had little to do in the last minute; true where it does not say."""
    if not hasattr(os, "getloadavg"):
        return True
    return os.getloadavg()[0] < QUIET_LOAD * (os.cpu_count() or 1)


def graph_choices(device: torch.device) -> tuple[bool, ...]:
    """Whether captured graphs are worth trying."""
    return (False, True) if device.type == "cuda" else (False,)


def _try_in_turns(
    runners: Mapping[tuple[str, bool], Runner],
    threads: Sequence[int],
    sample: Sequence[int],
    reference: Tensor,
) -> list[Trial]:
    """Time all candidates several times in turns: what else the machine does hits each alike."""
    candidates = [(choice, count) for choice in runners for count in threads]
    rounds: list[list[Trial]] = []
    started = time.perf_counter()
    while len(rounds) < ROUNDS and (not rounds or time.perf_counter() - started < ENOUGH_S):
        rounds.append(
            [
                _try(runners[choice], (choice[0], count), sample, reference)
                for choice, count in candidates
            ]
        )
    return [_best_of(trials) for trials in zip(*rounds, strict=True)]


def _best_of(trials: Sequence[Trial]) -> Trial:
    """One candidate's shortest times; it agrees if it always did."""
    return replace(
        trials[0],
        prefill_ms=min(trial.prefill_ms for trial in trials),
        verify_ms=min(trial.verify_ms for trial in trials),
        agrees=all(trial.agrees for trial in trials),
        gave_up=trials[-1].gave_up,
    )


def _try(
    runner: Runner, choice: tuple[str, int], sample: Sequence[int], reference: Tensor
) -> Trial:
    torch.set_num_threads(choice[1])
    agrees = _agree(reference, _logits(runner, sample))
    prefill = time_pass(runner, Segment(0, 0, PREFILL))
    verify = time_pass(runner, Segment(0, CAPACITY // 2, VERIFY))
    gave_up, graphs = runner.graphs_given_up, runner.static is not None
    return Trial(*choice, prefill, verify, agrees and not gave_up, graphs, gave_up)


def _runner(model: "Model", *, lean: bool, graphs: bool = False) -> Runner:
    return _runners(model, lean=lean, choices=(graphs,))[graphs]


def _runners(
    model: "Model", *, lean: bool, choices: Sequence[bool] | None = None
) -> dict[bool, Runner]:
    """Runners without and with graphs, over the same weights and rows."""
    pool = pool_of(model, slots=1, capacity=CAPACITY)
    forward = forward_of(model, lean=lean, positions=CAPACITY)
    wanted = graph_choices(model.device) if choices is None else choices
    return {graphs: Runner(forward, pool, graphs=graphs) for graphs in wanted}


def _logits(runner: Runner, sample: Sequence[int]) -> Tensor:
    """The logits [T, V] of a prompt and of steps behind it, the last of which may be captured."""
    length = min(len(sample), CAPACITY)
    start = length - VERIFY
    prompt = runner.forward([Segment(0, 0, start)], sample[:start], np.arange(start))
    for _ in range(WARM_UPS if runner.static else 1):
        step = runner.forward([Segment(0, start, VERIFY)], sample[start:length], np.arange(VERIFY))
    return torch.cat([prompt, step]).float()


def _agree(reference: Tensor, other: Tensor) -> bool:
    best = reference.topk(2).values
    clear = best[:, 0] - best[:, 1] > CLEAR_MARGIN
    return bool((reference.argmax(-1) == other.argmax(-1))[clear].all())


def _in_bfloat16(model: "Model") -> "Model":
    other = copy.deepcopy(model)
    convert(other, torch.bfloat16)
    return other


def _size(model: "Model") -> int:
    return sum(parameter.nbytes for parameter in model.parameters())
