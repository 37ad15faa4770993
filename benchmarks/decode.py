"""This engine with and without drafts against transformers' `generate`, plain and with lookup.

The four take turns on each prompt, on the same weights and with the same end of a completion (the
first token with a line break), so that what else the machine does hits all of them alike.
"""

import copy
import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import torch
import typer
from rich.table import Table
from transformers.modeling_utils import PreTrainedModel

from benchmarks.command import Given
from benchmarks.contest import Timed, engine_run, line_break_ids, peers, summary
from benchmarks.spans import one_line_spans, prompts_at, with_unseen_names
from completer.cli.assembly import build_drafter, build_engine, build_model
from completer.cli.options import PureFlag
from completer.cli.printing import grid, progress
from completer.context.prompt import Prompt
from completer.evaluation.statistics import median_interval
from completer.evaluation.turns import take_turns
from completer.serving.generation import prompt_builder


def run(
    given: Given,
    *,
    prompts: Annotated[int, typer.Option(min=1, help="How many carets.")] = 120,
    unseen: Annotated[
        bool, typer.Option("--unseen", help="Give all names random ones: nothing can be drafted.")
    ] = False,
    with_peers: Annotated[
        bool, typer.Option("--peers/--no-peers", help="Whether `generate` takes part.")
    ] = True,
    pure: PureFlag = None,
) -> dict[str, Any]:
    """Complete one-line spans of held-out files with this engine and with `generate`.

    Four take turns on each prompt: the engine with drafts from the other files, without drafts,
    `generate`, and `generate` with prompt lookup; with these, all on one thread (see `peers`).
    """
    settings = given.settings(pure=pure)
    model, tuning = build_model(settings)
    files = given.split()
    texts = with_unseen_names(files.held_out, given.seed) if unseen else files.held_out
    spans = one_line_spans(texts, prompts, given.seed)
    builder = prompt_builder(model, settings)
    asked = prompts_at(spans, builder)
    ends = model.layout.stop_ids | line_break_ids(model)
    peer = copy.deepcopy(model.own_code)
    peer.set_attn_implementation("sdpa")  # the engine's own wants more than `generate` hands on
    engine = build_engine(model, replace(tuning, threads=1) if with_peers else tuning, settings)
    runs = {
        "engine": engine_run(engine, build_drafter(model, files.indexed), ends),
        "engine_no_draft": engine_run(engine, None, ends),
        **(peers(peer, ends) if with_peers else {}),
    }
    with progress("prompts") as advance:
        results = take_turns(runs, asked, advance)
    engine.close()
    answers = [
        {timed.token_ids for timed in of_all} for of_all in zip(*results.values(), strict=True)
    ]
    gaps = [
        _logit_gap(peer, prompt, ends, *pair)
        for prompt, different in zip(asked, answers, strict=True)
        for pair in itertools.combinations(different, 2)
    ]
    return {
        "device": str(model.device),
        "dtype": model.dtype_name,
        "model": model.name,
        "prompts": len(asked),
        "prompt_tokens": builder.budget,
        "identical": sum(len(different) == 1 for different in answers),
        "largest_logit_gap": round(max(gaps, default=0.0), 4),
        "runs": {name: summary(timed) for name, timed in results.items()},
        "gains": {
            name: _gain(results["engine"], timed)
            for name, timed in results.items()
            if name != "engine"
        },
    }


@torch.inference_mode()
def _logit_gap(
    model: PreTrainedModel,
    prompt: Prompt,
    ends: frozenset[int],
    one: tuple[int, ...],
    other: tuple[int, ...],
) -> float:
    """How far apart the logits of two answers' first different tokens are: a near tie, or a bug.

    An answer that ends where the other goes on chose some end token: the likeliest is taken.
    """
    same = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b),
        min(len(one), len(other)),
    )
    ids = torch.tensor([prompt.ids + list(one[:same])], device=model.device)
    logits = model(ids, logits_to_keep=1).logits[0, -1].float()
    end_ids = torch.tensor(sorted(ends), device=model.device)
    chosen = [
        logits[answer[same]] if len(answer) > same else logits[end_ids].max()
        for answer in (one, other)
    ]
    return abs(float(chosen[0] - chosen[1]))


def _gain(ours: Sequence[Timed], theirs: Sequence[Timed]) -> dict[str, Any]:
    """How many times as long the others take on the same prompts.

    `decode` compares sums; `total_median` is the median of the pairs' ratios, with a 95 % interval.
    """
    middle, low, high = median_interval(
        [their.total_ms / our.total_ms for our, their in zip(ours, theirs, strict=True)]
    )
    return {
        "decode": round(sum(t.decode_ms for t in theirs) / sum(t.decode_ms for t in ours), 3),
        "total_median": round(middle, 4),
        "low": round(low, 4),
        "high": round(high, 4),
    }


def table(result: dict[str, Any]) -> Table:
    """Lay contestants out, one a row."""
    said = f", {result['identical']} answered alike by all" if "identical" in result else ""
    title = f"{result['model']} on {result['device']} ({result['dtype']}), {result['prompts']}"
    columns = ("", "completions/s", "prefill p50", "decode p50", "total p95", "tokens/step")
    gains = result.get("gains", {})
    rows = (
        (
            name,
            f"{run['completions_per_s']:.2f}",
            f"{run['prefill_ms']['p50']:.1f} ms",
            f"{run['decode_ms']['p50']:.1f} ms",
            f"{run['total_ms']['p95']:.1f} ms",
            f"{run['tokens_per_step']:.2f}",
            f"{run['reused_share']:.0%}" if "reused_share" in run else "",
            "{total_median:.2f}x [{low:.2f}, {high:.2f}]".format(**gains[name])
            if name in gains
            else "",
        )
        for name, run in result["runs"].items()
    )
    return grid(f"{title} prompts{said}", (*columns, "reused", "engine is"), rows)
