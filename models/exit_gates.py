"""Gates: light classifiers that say, from the state behind a layer, what to do with a token.

After SEC (Sun et al. 2024, "When Neural Code Completion Models Size up the Situation"): go on
through the layers, exit (emit what this layer says), or stop (the completion will not be right). A
gate is one linear map of the normalised state, a thousandth of what the head costs.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch.nn.functional import linear

from models.errors import ModelError
from models.exit_files import AGAIN, refuse_other_widths, save_whole

LEAVE, STOP = 0, 1
_THRESHOLDS = "thresholds"
_FIGURES = "figures"


@dataclass(frozen=True, slots=True)
class ExitGate:
    """The gate behind one layer: `weight` [2, width] and `bias` [2], for exit and for stop.

    `exit_at` and `stop_at` are the probabilities from which on it says so; above 1: never.
    """

    weight: Tensor
    bias: Tensor
    exit_at: float
    stop_at: float

    def probabilities(self, normed: Tensor) -> Tensor:
        """Of normalised states [R, width], how likely it is right to exit and to stop: [R, 2]."""
        return linear(normed.float(), self.weight, self.bias).sigmoid()

    def to(self, device: torch.device) -> "ExitGate":
        """Return the gate where the model runs."""
        weight, bias = self.weight.to(device), self.bias.to(device)
        return ExitGate(weight, bias, self.exit_at, self.stop_at)


def save_exit_gates(
    file: Path, gates: Mapping[int, ExitGate], figures: Mapping[str, object]
) -> None:
    """Write gates by layer, and what was measured of them, as safetensors."""
    tensors, thresholds = {}, {}
    for layer, gate in gates.items():
        tensors[f"layer.{layer}.weight"] = gate.weight.detach().cpu().contiguous()
        tensors[f"layer.{layer}.bias"] = gate.bias.detach().cpu().contiguous()
        thresholds[layer] = [gate.exit_at, gate.stop_at]
    save_whole(file, tensors, {_THRESHOLDS: json.dumps(thresholds), _FIGURES: json.dumps(figures)})


def load_exit_gates(file: Path, width: int) -> dict[int, ExitGate]:
    """Read gates by layer. Raises `ModelError` for a file that is none or fits another model."""
    try:
        with safe_open(file, framework="pt") as opened:
            thresholds = json.loads(opened.metadata()[_THRESHOLDS])
            gates = {
                int(layer): ExitGate(
                    opened.get_tensor(f"layer.{layer}.weight"),
                    opened.get_tensor(f"layer.{layer}.bias"),
                    exit_at,
                    stop_at,
                )
                for layer, (exit_at, stop_at) in thresholds.items()
            }
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{file} has no exit gates: {error}", hint=AGAIN) from error
    refuse_other_widths(file, (gate.weight.shape[1] for gate in gates.values()), width)
    return gates
