"""`completer bench gpu`: what a step costs on a device, beside what reading its bytes would cost.

A model of a given shape with random weights runs steps over 1 to 64 drafted tokens, packed and with
static shapes (on a GPU: as captured graphs), in turns. The floor is the bytes of the weights and of
the keys and values that a step has to read, over the rate of a large copy in the same run. Then the
engine and transformers' `generate` write the same texts, in turns.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from transformers.modeling_utils import PreTrainedModel

from completer.bench.gpu_texts import write_texts
from completer.bench.shapes import Shape, bytes_read, random_model
from completer.engine.attention import Segment
from completer.engine.cost import MEASURED_LENGTHS
from completer.engine.engine import MAX_DRAFT
from completer.engine.kv_cache import KVPool
from completer.engine.lean import supports
from completer.engine.readout import Question, read
from completer.engine.runner import Runner
from completer.engine.tuning import forward_of, pool_of
from completer.request import Sampling
from models.loading import dtype_name

WARM_UPS = 3
COPIED = {"cuda": 1 << 30, "cpu": 1 << 27}  # bytes: several times any cache
STEPS = ("packed", "static")
LAST = 16  # tokens whose logits are compared
Work = Callable[[], None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is run: `sequences` of `context` tokens in a step, `rounds` of each step, `texts`."""

    shape: Shape
    device: torch.device
    dtype: str
    context: int
    sequences: int = 1
    rounds: int = 20
    texts: int = 4
    max_tokens: int = 64


def bench_gpu(plan: Plan, progress: Progress) -> dict[str, Any]:
    """Run everything; the result has the keys of `--json`."""
    capacity = plan.context + max(plan.max_tokens, max(MEASURED_LENGTHS)) + 2 * MAX_DRAFT
    model = random_model(plan.shape, plan.device, plan.dtype, capacity)
    runners = _runners(model, plan, capacity)
    gap = _largest_gap(runners, plan)
    times, rate = _time_steps(runners, plan, progress)
    steps = [
        _beside_floor(row, row["bytes"] / rate * 1000)
        for row in _rows(times, model, runners["packed"].pool, plan)
    ]
    return {
        **_facts(model, plan),
        "captured": plan.device.type == "cuda" and not runners["static"].graphs_given_up,
        "graphs_given_up": runners["static"].graphs_given_up,
        "bandwidth_gb_per_s": round(rate / 1e9, 2),
        "largest_logit_gap": round(gap, 5),
        "steps": steps,
        "texts": write_texts(model, runners, plan.texts, plan.context, plan.max_tokens),
    }


def _beside_floor(row: dict[str, float], floor_ms: float) -> dict[str, float]:
    ratios = {f"{name}_over_floor": round(row[f"{name}_ms"] / floor_ms, 2) for name in STEPS}
    return {**row, "floor_ms": round(floor_ms, 4), **ratios}


def _facts(model: PreTrainedModel, plan: Plan) -> dict[str, Any]:
    on_gpu = plan.device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(plan.device) if on_gpu else str(plan.device),
        "dtype": dtype_name(model),
        "torch": torch.__version__,
        "shape": dict(plan.shape),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "context": plan.context,
        "sequences": plan.sequences,
        "rounds": plan.rounds,
    }


def _runners(model: PreTrainedModel, plan: Plan, capacity: int) -> dict[str, Runner]:
    """Two runners over the same weights and the same slots."""
    pool = pool_of(model, slots=plan.sequences + 2, capacity=capacity)
    forward = forward_of(model, lean=supports(model), positions=capacity)
    return {name: Runner(forward, pool, graphs=name == "static") for name in STEPS}


def _time_steps(
    runners: Mapping[str, Runner], plan: Plan, progress: Progress
) -> tuple[dict[tuple[int, str], float], float]:
    """Median ms of each step by (tokens, name), and the rate of a copy in bytes/s, in turns."""
    steps = {
        (tokens, name): _step(runners[name], plan, tokens)
        for tokens in MEASURED_LENGTHS
        for name in STEPS
    }
    copied, copying = _copy(plan.device)
    for _ in range(WARM_UPS):
        for run in (copying, *steps.values()):
            run()
    times: dict[tuple[int, str], list[float]] = {key: [] for key in steps}
    copies: list[float] = []
    keys = list(steps)
    for number in range(plan.rounds):
        copies.append(_ms(copying, plan.device))
        first = number % len(keys)
        for key in keys[first:] + keys[:first]:
            times[key].append(_ms(steps[key], plan.device))
        progress(number + 1, plan.rounds)
    medians = {key: median(values) for key, values in times.items()}
    return medians, copied / (median(copies) / 1000)


def _step(runner: Runner, plan: Plan, tokens: int) -> Work:
    """A step over a path of `tokens` for each sequence, read as the engine reads it."""
    tree = np.arange(-1, tokens - 2, dtype=np.int32)
    segments = [Segment(slot, plan.context, 1, tree) for slot in range(plan.sequences)]
    count = tokens * plan.sequences
    question = Question(slice(0, count), Sampling(), candidates=True)

    def run() -> None:
        logits = runner.forward(segments, [0] * count, np.arange(count))
        read(logits, [question])

    return run


def _copy(device: torch.device) -> tuple[int, Work]:
    """The bytes that a large copy reads and writes, and the copy."""
    source = torch.ones(COPIED[device.type], dtype=torch.uint8, device=device)
    target = torch.empty_like(source)

    def run() -> None:
        target.copy_(source)

    return 2 * source.nbytes, run


def _ms(run: Work, device: torch.device) -> float:
    """Milliseconds until the device has done it."""
    _synchronize(device)
    started = time.perf_counter()
    run()
    _synchronize(device)
    return (time.perf_counter() - started) * 1000


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _rows(
    times: Mapping[tuple[int, str], float], model: PreTrainedModel, pool: KVPool, plan: Plan
) -> Iterator[dict[str, float]]:
    """Yield, of the bytes that a step reads and the times that it took, a row for each length."""
    kv_row = pool.bytes_reserved // (len(pool.slots) * pool.capacity)
    read_bytes = bytes_read(model) + kv_row * plan.context * plan.sequences
    for tokens in MEASURED_LENGTHS:
        yield {
            "tokens": tokens,
            "bytes": read_bytes,
            **{f"{name}_ms": round(times[tokens, name], 4) for name in STEPS},
        }


def _largest_gap(runners: Mapping[str, Runner], plan: Plan) -> float:
    """How far apart the logits of both kinds of step are, at most, relative to their spread."""
    generator = np.random.default_rng(0)
    ids = generator.integers(0, plan.shape["vocab_size"], plan.context + LAST).tolist()
    runners["packed"].forward([Segment(0, 0, plan.context)], ids[: plan.context], np.arange(0))
    last = [Segment(0, plan.context, LAST)]
    found = {}
    for name in STEPS:
        for _ in range(WARM_UPS):
            logits = runners[name].forward(last, ids[plan.context :], np.arange(LAST)).float()
        found[name] = logits
    return float((found["packed"] - found["static"]).abs().max() / found["packed"].std())
