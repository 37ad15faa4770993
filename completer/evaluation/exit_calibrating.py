"""Fits a model's early exits to repositories: adapters for drafting, gates for lossy exits.

They are learned from windows of files that may be used and judged on windows of held-out ones, as
everything that is calibrated.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from completer.context.prompt import blind_to_marks
from completer.engine.exits import exit_layers
from completer.evaluation.holdout import Sample
from models.exit_fitting import FittedExits, fit_exit_adapters
from models.gate_fitting import FittedGates, fit_exit_gates
from models.layers import DecoderLayers, why_not
from models.loading import LoadedModel

WINDOW = 512  # tokens
HELD_OUT_SHARE = 0.25  # of the token budget

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ExitCalibration:
    """What was fitted, and how it does on held-out text."""

    adapters: FittedExits
    gates: FittedGates

    @property
    def figures(self) -> dict[str, Any]:
        """What `--json` prints."""
        return {
            "tokens": self.adapters.tokens,
            "adapters": [{**asdict(each), "kept": each.kept} for each in self.adapters.gains],
            "gates": [asdict(each) for each in self.gates.figures],
        }


def fit_exits(
    model: LoadedModel, samples: Sequence[Sample], token_budget: int, progress: Progress
) -> ExitCalibration | str:
    """Fit adapters, then the gates behind them; return why not where the model has no exits.

    The model runs over at most twice `token_budget` tokens. Raises `ValueError` when the
    repositories have less text than one window.
    """
    reason = why_not(model.model)
    if reason:
        return reason
    length = min(WINDOW, model.context_tokens)
    usable = [text for sample in samples for text in sample.usable_texts()]
    held_out = [text for sample in samples for text in sample.held_out.values()]
    seen = list(islice(_windows(model, usable, length), token_budget // length))
    judged_on = int(HELD_OUT_SHARE * token_budget) // length
    judged = list(islice(_windows(model, held_out, length), judged_on))
    layers = DecoderLayers(model.model, length)
    exits = exit_layers(layers.depth)
    adapters = fit_exit_adapters(
        layers, exits, seen, judged, token_budget=token_budget, progress=progress
    )
    gates = fit_exit_gates(
        layers,
        exits,
        seen,
        judged,
        token_budget=token_budget,
        adapters=adapters.adapters,
        progress=progress,
    )
    return ExitCalibration(adapters, gates)


def _windows(model: LoadedModel, texts: Sequence[str], length: int) -> Iterator[list[int]]:
    """Yield whole windows of tokens, in an order that mixes files and repositories."""
    tokenizer = blind_to_marks(model.tokenizer.backend_tokenizer)
    for text in random.Random(0).sample(texts, len(texts)):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        for begin in range(0, len(ids) - length + 1, length):
            yield ids[begin : begin + length]
