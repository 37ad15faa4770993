"""`exits --lossy`: what early exits that change the text save, and what they lose.

Gates are fitted on the indexed files, within a token budget. Then the whole model, exits alone, and
exits with stops take turns on one-line spans of the held-out files, without drafts, so that every
pass yields one token. The paper behind it (SEC) reports 1.7 of 16 layers skipped, 11.2 % faster and
ROUGE-L down by 1.1 %.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from statistics import fmean
from typing import Any

from rich.table import Table
from tokenizers import Tokenizer

from benchmarks.contest import line_break_ids
from benchmarks.spans import Span
from completer.cli.assembly import build_engine
from completer.cli.printing import grid
from completer.context.prompt import Prompt
from completer.engine.engine import Engine
from completer.engine.exits import exit_layers
from completer.engine.sequence import GenerationResult
from completer.engine.tuning import Tuning
from completer.errors import BadRequestError
from completer.evaluation.kinds import Kind
from completer.evaluation.scoring import score
from completer.evaluation.speculation import asking
from completer.evaluation.statistics import median_interval
from completer.evaluation.turns import take_turns
from completer.settings import Settings
from models.exit_gates import ExitGate
from models.gate_fitting import NEVER, FittedGates, fit_exit_gates
from models.layers import DecoderLayers, why_not
from models.loading import LoadedModel

WINDOW = 256  # tokens
HELD_OUT_SHARE = 0.25  # of the budget, to set thresholds on
PAPER = {"layers": 16, "layers_skipped": 1.7, "faster": 0.112, "rouge_l_lost": 0.011}

Progress = Callable[[int, int], None]
Windows = list[list[int]]


def fit_gates(
    model: LoadedModel, texts: Sequence[str], token_budget: int, seed: int, progress: Progress
) -> FittedGates:
    """Fit gates behind all exit layers on windows of `texts`, the later files held out.

    Raises `BadRequestError` for a model that cannot exit early.
    """
    if reason := why_not(model.model):
        raise BadRequestError(f"{model.name} has no early exits: {reason}.")
    shuffled = random.Random(seed).sample(list(texts), len(texts))
    cut = max(1, int(len(shuffled) * HELD_OUT_SHARE))
    tokenizer = model.tokenizer.backend_tokenizer
    layers = DecoderLayers(model.model, WINDOW)
    return fit_exit_gates(
        layers,
        exit_layers(layers.depth),
        _windows(tokenizer, shuffled[cut:], token_budget, seed),
        _windows(tokenizer, shuffled[:cut], int(token_budget * HELD_OUT_SHARE), seed),
        token_budget=token_budget,
        progress=progress,
    )


def build_engines(
    model: LoadedModel, tuning: Tuning, settings: Settings, gates: Mapping[int, ExitGate]
) -> tuple[Engine, Engine]:
    """Build two engines over the same weights: the gates of the first never stop a text."""
    exits_only = {layer: replace(gate, stop_at=NEVER) for layer, gate in gates.items()}
    exiting, stopping = (
        build_engine(model, tuning, settings, exit_gates=each) for each in (exits_only, gates)
    )
    return exiting, stopping


def compare(
    engines: tuple[Engine, Engine],
    model: LoadedModel,
    prompts: Sequence[Prompt],
    spans: Sequence[Span],
    fitted: FittedGates,
    progress: Progress,
) -> dict[str, Any]:
    """Complete every span with all three, and end the engines."""
    exiting, stopping = engines
    ends = model.layout.stop_ids | line_break_ids(model)
    runs = {
        "full": asking(exiting, None, ends),
        "exit": asking(exiting, None, ends, lossy=True),
        "exit_or_stop": asking(stopping, None, ends, lossy=True),
    }
    results = take_turns(runs, prompts, progress)
    for engine in engines:
        engine.close()
    decode = model.tokenizer.backend_tokenizer.decode
    return {
        "device": str(model.device),
        "dtype": model.dtype_name,
        "model": model.name,
        "prompts": len(spans),
        "layers": model.model.config.num_hidden_layers,
        "gates": [asdict(each) for each in fitted.figures],
        "runs": {
            name: {
                "edit_similarity": _similarity(spans, [decode(e.token_ids) for e in given]),
                **_cost(results["full"], given),
            }
            for name, given in results.items()
        },
        "paper": PAPER,
    }


def _windows(tokenizer: Tokenizer, texts: Sequence[str], tokens: int, seed: int) -> Windows:
    """Cut texts into windows, enough for so many tokens, in random order."""
    windows: Windows = []
    for text in texts:
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        windows += [ids[at : at + WINDOW] for at in range(0, len(ids) - WINDOW + 1, WINDOW)]
        if len(windows) * WINDOW >= 4 * tokens:
            break
    random.Random(seed).shuffle(windows)
    return windows[: tokens // WINDOW]


def _similarity(spans: Sequence[Span], texts: Sequence[str]) -> float:
    """Mean edit similarity of the answers to what stood there."""
    pairs = zip(spans, texts, strict=True)
    scores = [score(Kind.REST_OF_LINE, span.middle, text) for span, text in pairs]
    return round(fmean(each.similarity for each in scores), 4)


def _cost(full: Sequence[GenerationResult], given: Sequence[GenerationResult]) -> dict[str, Any]:
    """Compare time per step with the whole model's, pair by pair."""
    pairs = list(zip(full, given, strict=True))
    ratios = [_step_ms(one) / _step_ms(other) for one, other in pairs if _both_decode(one, other)]
    value, low, high = median_interval(ratios or [1.0])
    steps = sum(each.stats.steps for each in given)
    skipped = sum(each.stats.skipped_layers for each in given)
    return {
        "layers_skipped": round(skipped / max(1, steps), 3),
        "same_as_full": sum(one.token_ids == other.token_ids for one, other in pairs),
        "stopped": sum(each.finish_reason == "low_confidence" for each in given),
        "tokens": sum(len(each.token_ids) for each in given),
        "decode_ms": round(sum(each.stats.decode_ms for each in given), 1),
        "step_speed_ratio": dict(
            zip(("value", "low", "high"), (round(x, 4) for x in (value, low, high)), strict=True)
        ),
    }


def _both_decode(one: GenerationResult, other: GenerationResult) -> bool:
    return bool(one.stats.steps and other.stats.steps)


def _step_ms(result: GenerationResult) -> float:
    return result.stats.decode_ms / result.stats.steps


def table(result: dict[str, Any]) -> Table:
    """Lay the three out beside what the paper says."""
    paper = result["paper"]
    title = (
        f"{result['model']} on {result['device']} ({result['dtype']}), {result['layers']}"
        f" layers, {result['prompts']} prompts; SEC: {paper['layers_skipped']} of"
        f" {paper['layers']} layers skipped, {paper['faster']:.1%} faster, ROUGE-L"
        f" -{paper['rouge_l_lost']:.1%}"
    )
    rows = (
        (
            name,
            f"{run['layers_skipped']:.2f}",
            "{value:.2f}x [{low:.2f}, {high:.2f}]".format(**run["step_speed_ratio"]),
            f"{run['edit_similarity']:.3f}",
            str(run["same_as_full"]),
            str(run["stopped"]),
        )
        for name, run in result["runs"].items()
    )
    columns = ("", "layers skipped", "a step is faster by", "edit similarity", "as full", "stopped")
    return grid(title, columns, rows)
