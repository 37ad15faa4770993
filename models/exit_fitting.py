"""Fitting exit adapters: what an early layer lacks to say what the model will say.

Each adapter is distilled from the model's own distribution on the same text: what counts is that an
exit agrees with the last layer, not that it is right. One pass over the text serves all exits.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from math import sqrt
from pathlib import Path
from statistics import fmean, stdev

import torch
from torch import Tensor
from torch.nn.functional import kl_div

from models.exit_adapters import ExitAdapter, save_exit_adapters
from models.layers import DecoderLayers, attend_window

RANK = 32
LEARNING_RATE = 5e-3
POSITIONS = 128  # of a window that an adapter learns from: bounds memory with large vocabularies
FEWEST_HELD_OUT = 8  # windows, below which no gain counts as shown
_Z = 1.96

Window = Sequence[int]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ExitGain:
    """How often exit `layer` says what the model says on held-out text, as a share of tokens.

    `gain_low` is the lower end of the gain's 95 % interval over windows; `kept`: it is above zero.
    """

    layer: int
    agreement_without: float
    agreement_with: float
    gain: float
    gain_low: float

    @property
    def kept(self) -> bool:
        """Whether the adapter is switched on."""
        return self.gain_low > 0.0


@dataclass(frozen=True, slots=True)
class FittedExits:
    """The adapters that help, by exit layer; the figures of all; how many tokens were read."""

    adapters: dict[int, ExitAdapter]
    gains: tuple[ExitGain, ...]
    tokens: int

    def save(self, file: Path) -> None:
        """Write adapters and figures as safetensors; see `exit_adapters.load_exit_adapters`."""
        figures = {"tokens": self.tokens, "gains": [asdict(each) for each in self.gains]}
        save_exit_adapters(file, self.adapters, figures)


def fit_exit_adapters(
    layers: DecoderLayers,
    exits: Sequence[int],
    windows: Sequence[Window],
    held_out: Sequence[Window],
    *,
    token_budget: int,
    rank: int = RANK,
    progress: Progress = lambda done, total: None,
) -> FittedExits:
    """Fit one adapter for each of the `exits` and keep those that help.

    `windows` of token ids are learned from, in this order, until `token_budget` is used up, the
    `held_out` ones (of other files) included. A window is at most as long as `layers` has
    positions. Raises `ValueError` when no window fits into the budget.
    """
    chosen = within_budget(windows, token_budget - sum(len(each) for each in held_out))
    if not chosen:
        raise ValueError("the token budget leaves no window to learn from")
    learners = {layer: _Learner(layers, layer, rank) for layer in exits}
    total = len(chosen) + len(held_out)
    for number, window in enumerate(chosen):
        states, truth = read_states(layers, exits, window)
        for layer, learner in learners.items():
            learner.learn(states[layer], truth, LEARNING_RATE * (1 - number / len(chosen)))
        progress(number + 1, total)
    agreements: dict[int, list[tuple[float, float]]] = {layer: [] for layer in exits}
    for number, window in enumerate(held_out):
        states, truth = read_states(layers, exits, window)
        for layer, learner in learners.items():
            agreements[layer].append(learner.agreement(states[layer], truth))
        progress(len(chosen) + number + 1, total)
    gains = tuple(_gain(layer, pairs) for layer, pairs in agreements.items())
    kept = {each.layer: learners[each.layer].adapter for each in gains if each.kept}
    return FittedExits(kept, gains, sum(len(each) for each in (*chosen, *held_out)))


class _Learner:
    """One exit's adapter while it is fitted."""

    def __init__(self, layers: DecoderLayers, layer: int, rank: int) -> None:
        generator = torch.Generator().manual_seed(layer)
        down = torch.randn((rank, layers.width), generator=generator) / sqrt(layers.width)
        self._layers = layers
        self._down = down.to(layers.device).requires_grad_()
        self._up = torch.zeros((layers.width, rank), device=layers.device, requires_grad=True)
        self._optimiser = torch.optim.Adam([self._down, self._up])

    @property
    def adapter(self) -> ExitAdapter:
        """The adapter as it stands."""
        return ExitAdapter(self._down.detach(), self._up.detach())

    def learn(self, hidden: Tensor, truth: Tensor, rate: float) -> None:
        """Take one step towards `truth` [T, V], the model's logits, from states [T, width]."""
        stride = -(-len(hidden) // POSITIONS)
        hidden, wanted = hidden[::stride], truth[::stride].float().log_softmax(-1)
        said = self._logits(ExitAdapter(self._down, self._up), hidden).log_softmax(-1)
        loss = kl_div(said, wanted, reduction="batchmean", log_target=True)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.param_groups[0]["lr"] = rate
        self._optimiser.step()

    @torch.no_grad()
    def agreement(self, hidden: Tensor, truth: Tensor) -> tuple[float, float]:
        """The share of tokens that the exit says as the model does: without and with adapter."""
        wanted = truth.argmax(-1)
        without = self._layers.predict(hidden).argmax(-1)
        adapted = self._logits(self.adapter, hidden).argmax(-1)
        return (
            float((without == wanted).float().mean()),
            float((adapted == wanted).float().mean()),
        )

    def _logits(self, adapter: ExitAdapter, hidden: Tensor) -> Tensor:
        normed = self._layers.normalise(hidden).float()
        return self._layers.predict(adapter(hidden.float(), normed).to(hidden.dtype)).float()


def within_budget(windows: Sequence[Window], token_budget: int) -> list[Window]:
    """Return the first windows that fit into the budget together."""

    def chosen() -> Iterator[Window]:
        left = token_budget
        for window in windows:
            left -= len(window)
            if left < 0:
                return
            yield window

    return list(chosen())


@torch.no_grad()
def read_states(
    layers: DecoderLayers, exits: Sequence[int], window: Window
) -> tuple[dict[int, Tensor], Tensor]:
    """Run the model over a window: the states [T, width] behind each exit, the logits [T, V]."""
    ids = torch.tensor(window, device=layers.device)
    positions = torch.arange(len(window), device=layers.device)
    hidden, states = layers.embed(ids), {}
    for first, last in pairwise((0, *sorted(exits), layers.depth)):
        hidden = layers.run_layers(hidden, positions, first, last, attend_window)
        states[last] = hidden
    return states, layers.predict(hidden)


def _gain(layer: int, pairs: Sequence[tuple[float, float]]) -> ExitGain:
    differences = [adapted - without for without, adapted in pairs]
    gain = fmean(differences) if differences else 0.0
    enough = len(differences) >= FEWEST_HELD_OUT
    low = gain - _Z * stdev(differences) / sqrt(len(differences)) if enough else -1.0
    without, adapted = (fmean(side) if pairs else 0.0 for side in zip(*pairs, strict=True))
    return ExitGain(layer, without, adapted, gain, low)
