"""Fitting exit gates: when an exit says what the model says, and when no layer is right.

The labels are the model's own: an exit is right to take where its likeliest token is the last
layer's; a completion is right to stop where neither the last layer nor any exit has the token that
really comes. Thresholds are set on held-out windows, for a wanted precision.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, linear

from models.exit_adapters import ExitAdapter
from models.exit_fitting import Window, read_states, within_budget
from models.exit_gates import LEAVE, STOP, ExitGate, save_exit_gates
from models.layers import DecoderLayers

LEARNING_RATE = 1e-2
EXIT_PRECISION, STOP_PRECISION = 0.9, 0.9
FEWEST = 50  # held-out tokens above a threshold, below which it is luck
NEVER = 2.0

Adapters = Mapping[int, ExitAdapter]


@dataclass(frozen=True, slots=True)
class GateFigures:
    """On held-out tokens behind `layer`: how many would exit or stop, and how many rightly so."""

    layer: int
    exit_share: float
    exit_precision: float
    stop_share: float
    stop_precision: float


@dataclass(frozen=True, slots=True)
class FittedGates:
    """The gates by layer, and what they do on held-out text."""

    gates: dict[int, ExitGate]
    figures: tuple[GateFigures, ...]

    def save(self, file: Path) -> None:
        """Write gates and figures as safetensors; see `exit_gates.load_exit_gates`."""
        save_exit_gates(file, self.gates, {"gates": [asdict(each) for each in self.figures]})


def fit_exit_gates(
    layers: DecoderLayers,
    exits: Sequence[int],
    windows: Sequence[Window],
    held_out: Sequence[Window],
    *,
    token_budget: int,
    adapters: Adapters | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> FittedGates:
    """Fit a gate behind each of the `exits`; arguments as of `exit_fitting.fit_exit_adapters`."""
    chosen = within_budget(windows, token_budget - sum(len(each) for each in held_out))
    learners = {layer: _Learner(layers, layer) for layer in exits}
    total = len(chosen) + len(held_out)
    for number, window in enumerate(chosen):
        for layer, (normed, labels) in _labelled(layers, exits, window, adapters or {}).items():
            learners[layer].learn(normed, labels, LEARNING_RATE * (1 - number / len(chosen)))
        progress(number + 1, total)
    seen: dict[int, list[tuple[Tensor, Tensor]]] = {layer: [] for layer in exits}
    for number, window in enumerate(held_out):
        for layer, (normed, labels) in _labelled(layers, exits, window, adapters or {}).items():
            seen[layer].append((learners[layer].probabilities(normed), labels))
        progress(len(chosen) + number + 1, total)
    gates: dict[int, ExitGate] = {}
    figures = []
    for layer, pairs in seen.items():
        probabilities, labels = (torch.cat(side) for side in zip(*pairs, strict=True))
        gates[layer] = learners[layer].gate(
            _threshold(probabilities[:, LEAVE], labels[:, LEAVE], EXIT_PRECISION),
            _threshold(probabilities[:, STOP], labels[:, STOP], STOP_PRECISION),
        )
        figures.append(_figures(layer, gates[layer], probabilities, labels))
    return FittedGates(gates, tuple(figures))


class _Learner:
    """One gate while it is fitted: two logistic regressions."""

    def __init__(self, layers: DecoderLayers, layer: int) -> None:
        self._weight = torch.zeros((2, layers.width), device=layers.device, requires_grad=True)
        self._bias = torch.zeros(2, device=layers.device, requires_grad=True)
        self._optimiser = torch.optim.Adam([self._weight, self._bias])

    def learn(self, normed: Tensor, labels: Tensor, rate: float) -> None:
        """Take one step on states [T, width] and what would have been right [T, 2]."""
        said = linear(normed, self._weight, self._bias)
        loss = binary_cross_entropy_with_logits(said, labels)
        self._optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.param_groups[0]["lr"] = rate
        self._optimiser.step()

    def gate(self, exit_at: float, stop_at: float) -> ExitGate:
        """The gate as it stands."""
        return ExitGate(self._weight.detach(), self._bias.detach(), exit_at, stop_at)

    def probabilities(self, normed: Tensor) -> Tensor:
        """What the gate says of states [T, width]: [T, 2]."""
        return self.gate(NEVER, NEVER).probabilities(normed)


@torch.no_grad()
def _labelled(
    layers: DecoderLayers, exits: Sequence[int], window: Window, adapters: Adapters
) -> dict[int, tuple[Tensor, Tensor]]:
    """Per exit: normalised states [T - 1, width] and labels [T - 1, 2] of a window."""
    states, truth = read_states(layers, exits, window)
    final = truth[:-1].argmax(-1)
    coming = torch.tensor(window[1:], device=layers.device)
    right = final == coming
    normed, agrees = {}, {}
    for layer in exits:
        hidden = states[layer][:-1]
        normed[layer] = layers.normalise(hidden).float()
        if layer in adapters:
            hidden = adapters[layer](hidden, layers.normalise(hidden))
        said = layers.predict(hidden).argmax(-1)
        agrees[layer] = said == final
        right = right | (said == coming)
    return {
        layer: (normed[layer], torch.stack((agrees[layer], ~right), dim=1).float())
        for layer in exits
    }


def _threshold(probabilities: Tensor, labels: Tensor, precision: float) -> float:
    """The least probability from which on the wanted share is right; `NEVER` if there is none."""
    ordered, order = probabilities.sort(descending=True)
    count = torch.arange(1, len(ordered) + 1, device=ordered.device)
    good = (labels[order].cumsum(0) >= precision * count) & (count >= FEWEST)
    last = good.nonzero()
    return float(ordered[last[-1]]) if len(last) else NEVER


def _figures(layer: int, gate: ExitGate, probabilities: Tensor, labels: Tensor) -> GateFigures:
    numbers = []
    for column, threshold in ((LEAVE, gate.exit_at), (STOP, gate.stop_at)):
        chosen = probabilities[:, column] >= threshold
        right = float(labels[chosen, column].mean()) if chosen.any() else 0.0
        numbers += [float(chosen.float().mean()), right]
    return GateFigures(layer, *numbers)
