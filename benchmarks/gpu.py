"""What a step costs on a device, beside what reading its bytes would cost.

A model of a given shape with random weights runs steps over 1 to 64 drafted tokens, packed and with
static shapes (on a GPU: as captured graphs), in turns. The floor is the bytes of the weights and of
the keys and values that a step has to read, over the rate of a large copy in the same run. Then the
engine and transformers' `generate` write texts after the same prompts, in turns. A model with
random weights soon repeats itself, so that drafts from the text so far do well; the engine's come
from there too, there being no repository. What counts is the time of a step.
"""

import copy
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Group
from rich.table import Table
from transformers.modeling_utils import PreTrainedModel

from benchmarks.contest import Timed, engine_run, peers
from benchmarks.shapes import DEFAULT, Shape, bytes_read, find_shape, random_model
from completer.cli.options import DeviceFlag, DtypeFlag
from completer.cli.printing import grid, progress
from completer.context.prompt import Prompt
from completer.drafting.drafter import Drafter
from completer.engine.attention import Segment
from completer.engine.cost import MEASURED_LENGTHS, measure
from completer.engine.engine import MAX_DRAFT, Engine
from completer.engine.kv_cache import KVPool
from completer.engine.lean import supports
from completer.engine.readout import ReadoutRequest, read
from completer.engine.runner import Runner
from completer.engine.tuning import forward_of, pool_of
from completer.evaluation.turns import take_turns, turns
from completer.request import Sampling
from models.loading import choose_device, dtype_name

WARM_UPS = 3
COPIED = {"cuda": 1 << 30, "cpu": 1 << 27}  # bytes: several times any cache
STEPS = ("packed", "static")
LAST = 16  # tokens whose logits are compared
Work = Callable[[], None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """Steps over `sequences` of `context` tokens, `rounds` of each."""

    shape: Shape
    device: torch.device
    context: int
    sequences: int
    rounds: int


def run(
    *,
    shape: Annotated[
        str, typer.Option(help="A name, or JSON as in config.json.", metavar="NAME|JSON")
    ] = DEFAULT,
    device: DeviceFlag = None,
    dtype: DtypeFlag = None,
    context: Annotated[int, typer.Option(min=16, help="Tokens that a step looks back on.")] = 1024,
    sequences: Annotated[int, typer.Option(min=1, help="Sequences in a step.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="How often each step is timed.")] = 20,
    texts: Annotated[int, typer.Option(min=0, help="Texts written beside `generate`.")] = 4,
    max_tokens: Annotated[int, typer.Option(min=2, help="Tokens of each text.")] = 64,
) -> dict[str, Any]:
    """Time steps over 1 to 64 tokens of a model with random weights, and the floor below them.

    Packed steps, steps of static shapes (on a GPU: captured graphs) and a big copy, whose rate
    gives the floor, take turns. Then the engine and `generate` write the same number of tokens.
    """
    plan = Plan(find_shape(shape), choose_device(device or "auto"), context, sequences, rounds)
    capacity = context + max(max_tokens, *MEASURED_LENGTHS) + 2 * MAX_DRAFT
    model = random_model(plan.shape, plan.device, dtype or "auto", capacity)
    runners = _runners(model, plan, capacity)
    gap = _largest_gap(runners, plan)
    with progress("rounds") as advance:
        times, rate = _time_steps(runners, plan, advance)
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
        "texts": _write_texts(model, runners, texts, context, max_tokens),
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
        for key in turns(number, keys):
            times[key].append(_ms(steps[key], plan.device))
        progress(number + 1, plan.rounds)
    medians = {key: median(values) for key, values in times.items()}
    return medians, copied / (median(copies) / 1000)


def _step(runner: Runner, plan: Plan, tokens: int) -> Work:
    """A step over a path of `tokens` for each sequence, read as the engine reads it."""
    tree = np.arange(-1, tokens - 2, dtype=np.int32)
    segments = [Segment(slot, plan.context, 1, tree) for slot in range(plan.sequences)]
    count = tokens * plan.sequences
    request = ReadoutRequest(slice(0, count), Sampling(), candidates=True)

    def run() -> None:
        logits = runner.forward(segments, [0] * count, np.arange(count))
        read(logits, [request])

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


def _write_texts(
    model: PreTrainedModel, runners: Mapping[str, Runner], texts: int, context: int, tokens: int
) -> dict[str, Any]:
    """Let all contestants write `tokens` after each of `texts` random prompts of `context` tokens.

    Everyone writes a text once before anything is timed.
    """
    vocabulary = int(model.config.vocab_size)
    engines = {name: Engine(runner, costs=measure(runner)) for name, runner in runners.items()}
    peer = model if supports(model) else copy.deepcopy(model)  # the lean pass needs no model
    peer.generation_config.eos_token_id = None
    drafting = engines["static" if model.device.type == "cuda" else "packed"]
    runs = {
        "engine_packed": engine_run(engines["packed"], None, max_tokens=tokens),
        "engine_static": engine_run(engines["static"], None, max_tokens=tokens),
        "engine_drafting": engine_run(drafting, Drafter(vocabulary), max_tokens=tokens),
        **peers(peer, frozenset(), tokens),
    }
    drawn = np.random.default_rng(1).integers(0, vocabulary, (texts + 1, context)).tolist()
    prompts = [Prompt(ids=ids, prefix_ids=ids, suffix_ids=[]) for ids in drawn]
    results = take_turns(runs, prompts, lambda done, total: None)
    for engine in engines.values():
        engine.close()
    return {name: _summary(timed[1:]) for name, timed in results.items() if timed[1:]}


def _summary(timed: Sequence[Timed]) -> dict[str, float]:
    tokens = sum(len(each.token_ids) for each in timed)
    steps = sum(each.steps for each in timed)
    decoded = sum(each.decode_ms for each in timed)
    return {
        "prefill_ms": round(float(np.median([each.prefill_ms for each in timed])), 3),
        "ms_per_token": round(decoded / max(1, tokens - len(timed)), 4),
        "ms_per_step": round(decoded / max(1, steps - len(timed)), 4),
        "tokens_per_step": round(tokens / steps, 3),
    }


def table(result: dict[str, Any]) -> Group:
    """Lay steps out beside their floor, and texts."""
    static = "graphs" if result["captured"] else "static"
    steps = (
        (
            str(row["tokens"]),
            *(f"{row[f'{name}_ms']:.3f}" for name in ("floor", *STEPS)),
            *(f"{row[f'{name}_over_floor']:.1f}x" for name in STEPS),
        )
        for row in result["steps"]
    )
    title = (
        f"{result['parameters'] / 1e6:.3g} M parameters in {result['dtype']} on"
        f" {result['device']} ({result['bandwidth_gb_per_s']:.0f} GB/s), ms a step of"
        f" {result['sequences']} x {result['context']} tokens of context"
    )
    columns = ("tokens", "floor", "packed", static, "packed / floor", f"{static} / floor")
    tables: list[Table] = [grid(title, columns, steps)]
    if result["texts"]:
        texts = (
            (name.replace("_", " "), *(f"{value:.2f}" for value in run.values()))
            for name, run in result["texts"].items()
        )
        of_texts = ("", "prefill", "ms/token", "ms/step", "tokens/step")
        tables.append(grid("whole texts", of_texts, texts))
    return Group(*tables)
