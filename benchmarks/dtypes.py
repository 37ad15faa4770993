"""What a dtype costs in agreement with float32, and gains in time.

All dtypes of a model take turns in one run, so that what else the machine does hits each alike.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Group
from torch import Tensor
from torch.nn.functional import kl_div

from benchmarks.command import Given
from benchmarks.contest import engine_run, line_break_ids, percentiles, summary
from benchmarks.shapes import find_shape, random_model
from benchmarks.spans import one_line_spans, prompts_at
from completer.cli.assembly import build_drafter, build_engine, build_model
from completer.cli.printing import grid, progress
from completer.engine.attention import Segment
from completer.engine.lean import supports
from completer.engine.runner import Runner
from completer.engine.tuning import CLEAR_MARGIN, forward_of, pool_of
from completer.evaluation.statistics import wilson
from completer.evaluation.turns import take_turns, turns
from completer.serving.generation import prompt_builder
from models.loading import choose_device

if TYPE_CHECKING:
    from models.decoder import Model

REFERENCE = "float32"
JUDGED = 256  # last positions of a prompt whose predictions are compared
CAPACITY = 2048
PREFILL, VERIFIED = 256, (1, 8)
Progress = Callable[[int, int], None]
Work = Callable[[], None]


def run(
    given: Given,
    *,
    dtype: Annotated[
        list[str] | None,
        typer.Option(help="May be repeated. Default: bfloat16 and int8.", metavar="DTYPE"),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option(
            help="Time passes of random weights of a shape: a name, or JSON as in config.json.",
            metavar="NAME|JSON",
        ),
    ] = None,
    prompts: Annotated[int, typer.Option(min=1, help="How many carets.")] = 60,
    rounds: Annotated[int, typer.Option(min=1, help="How often each pass is timed.")] = 20,
) -> dict[str, Any]:
    """Compare dtypes of one model: agreement with float32, and what passes and completions take.

    Predictions are compared at the last 256 positions of prompts from held-out files; completions
    are drafted from the other files. All dtypes take turns; passes are timed on one thread.
    """
    names = list(dict.fromkeys(dtype or ("bfloat16", "int8")))
    if shape is None:
        return _compare(given, dict.fromkeys((REFERENCE, *names)), prompts, rounds)
    device = choose_device(given.device or "auto")
    models = {name: random_model(find_shape(shape), device, name, CAPACITY) for name in names}
    with progress("rounds") as advance:
        passes = time_passes({n: runner_of(each) for n, each in models.items()}, rounds, advance)
    return _result(shape, models, passes)


def _compare(given: Given, names: Mapping[str, None], count: int, rounds: int) -> dict[str, Any]:
    settings = {name: given.settings(dtype=name) for name in names}
    built = {name: (*build_model(each), each) for name, each in settings.items()}
    files = given.split()
    loaded, _, first = built[REFERENCE]
    spans = one_line_spans(files.held_out, count, given.seed)
    prompts = prompts_at(spans, prompt_builder(loaded, first))
    runners = {name: runner_of(each.own_code) for name, (each, _, _) in built.items()}
    with progress("prompts") as advance:
        agreements = compare_predictions(runners, [prompt.ids for prompt in prompts], advance)
    with progress("rounds") as advance:
        passes = time_passes(runners, rounds, advance)
    runners.clear()  # what they have stacked would be held twice
    result = _result(loaded.name, {n: each.own_code for n, (each, _, _) in built.items()}, passes)
    ends = loaded.layout.stop_ids | line_break_ids(loaded)
    drafter = build_drafter(loaded, files.indexed)
    engines = {name: build_engine(*each) for name, each in built.items()}
    with progress("completions") as advance:
        runs = {name: engine_run(engine, drafter, ends) for name, engine in engines.items()}
        completions = take_turns(runs, prompts, advance)
    for name, engine in engines.items():
        engine.close()
        result["dtypes"][name]["completions"] = summary(completions[name])
    for name, agreement in agreements.items():
        result["dtypes"][name]["agreement"] = agreement.figures
        result["positions"] = agreement.positions
    return {**result, "prompts": count}


def _result(name: str, models: "Mapping[str, Model]", passes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model": name,
        "device": str(next(iter(models.values())).device),
        "threads": torch.get_num_threads(),
        "dtypes": {
            dtype: {
                "weights_mb": round(sum(each.nbytes for each in model.parameters()) / 1e6, 3),
                "passes_ms": passes[dtype],
            }
            for dtype, model in models.items()
        },
    }


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


def table(result: dict[str, Any]) -> Group:
    """Lay passes out, and completions where there were some."""
    dtypes: dict[str, dict[str, Any]] = result["dtypes"]
    kinds = next(iter(dtypes.values()))["passes_ms"]
    passes = (
        (
            name,
            f"{each['weights_mb']:.0f} MB",
            *(f"{taken['p50']:.2f}" for taken in each["passes_ms"].values()),
        )
        for name, each in dtypes.items()
    )
    title = f"{result['model']} on {result['device']}, {result['threads']} threads; median ms of"
    columns = ("", "weights", *(kind.replace("_", " ") for kind in kinds))
    tables = [grid(f"{title} passes", columns, passes)]
    if "positions" in result:
        told = f"{result['positions']:,} positions, {result['prompts']} completions; median ms"
        columns = ("", "agrees", "clearly other", "KL", "prefill", "decode", "tokens/step")
        tables.append(grid(told, columns, map(_completion_cells, dtypes, dtypes.values())))
    return Group(*tables)


def _completion_cells(name: str, figures: dict[str, Any]) -> list[str]:
    """Agreement, which float32 has with itself, and what completions took."""
    said, completions = figures.get("agreement"), figures["completions"]
    agreement = (
        (f"{said['share']:.2%}", str(said["clearly_other"]), f"{said['kl']:.5f}")
        if said
        else ("", "", "")
    )
    times = (f"{completions[part]['p50']:.1f}" for part in ("prefill_ms", "decode_ms"))
    return [name, *agreement, *times, f"{completions['tokens_per_step']:.2f}"]
