"""`completer bench exits --lossy`: what early exits that change the text save, and what they lose.

Gates are fitted on the indexed files, within a token budget. Then the whole model, exits alone, and
exits with stops take turns on one-line spans of the held-out files, without drafts, so that every
pass yields one token. The paper behind it (SEC) reports 1.7 of 16 layers skipped, 11.2 % faster and
ROUGE-L down by 1.1 %.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean
from typing import Any

from tokenizers import Tokenizer

from completer.bench.decode import MAX_TOKENS, Progress, line_break_ids, median_interval, turns
from completer.bench.spans import Span
from completer.context.prompt import PromptBuilder
from completer.engine.engine import Engine
from completer.engine.exits import exit_layers
from completer.engine.sequence import GenerationRequest, GenerationResult
from completer.evaluation.kinds import Kind
from completer.evaluation.scoring import score
from completer.request import CompletionRequest
from models.exit_gates import ExitGate
from models.gate_fitting import NEVER, FittedGates, fit_exit_gates
from models.layers import DecoderLayers
from models.loading import LoadedModel

WINDOW = 256  # tokens
HELD_OUT_SHARE = 0.25  # of the budget, to set thresholds on
NAMES = ("full", "exit", "exit_or_stop")
PAPER = {"layers": 16, "layers_skipped": 1.7, "faster": 0.112, "rouge_l_lost": 0.011}

Windows = list[list[int]]


@dataclass(frozen=True, slots=True)
class Variants:
    """Engines over the same weights: one whose gates only exit, one whose gates stop as well."""

    exiting: Engine
    stopping: Engine

    def engine(self, name: str) -> Engine:
        """Return the engine of one of `NAMES`."""
        return self.stopping if name == "exit_or_stop" else self.exiting


def fit_gates(
    model: LoadedModel, texts: Sequence[str], token_budget: int, seed: int, progress: Progress
) -> FittedGates:
    """Fit gates behind all exit layers on windows of `texts`, the later files held out."""
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


def exits_only(gates: Mapping[int, ExitGate]) -> dict[int, ExitGate]:
    """The same gates, which never stop."""
    return {layer: replace(gate, stop_at=NEVER) for layer, gate in gates.items()}


def bench_lossy(
    variants: Variants,
    model: LoadedModel,
    prompts: PromptBuilder,
    spans: Sequence[Span],
    fitted: FittedGates,
    progress: Progress,
) -> dict[str, Any]:
    """Complete every span with all three; the result has the keys of `--json`."""
    ends = model.layout.stop_ids | line_break_ids(model)
    results: dict[str, list[GenerationResult]] = {name: [] for name in NAMES}
    for number, span in enumerate(spans):
        prompt = prompts.build(CompletionRequest(prefix=span.prefix, suffix=span.suffix))
        for name in turns(number, NAMES):
            request = GenerationRequest(
                prompt=prompt.ids,
                max_tokens=MAX_TOKENS,
                stop_ids=ends,
                owner=f"{name} {number}",
                lossy=name != "full",
            )
            results[name].append(variants.engine(name).generate(request))
        progress(number + 1, len(spans))
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
