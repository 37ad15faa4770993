"""Small adapters that let an intermediate layer speak through the shared head.

An adapter adds a low-rank residual to the state behind its layer, before the model's final norm and
head: hidden + B(A(norm(hidden))). B starts at zero, so that an adapter that has learned nothing
changes nothing.
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

DOWN, UP = "layer.{}.down", "layer.{}.up"
FIGURES = "figures"


@dataclass(frozen=True, slots=True)
class ExitAdapter:
    """The residual of one exit: `down` [rank, width] and `up` [width, rank]."""

    down: Tensor
    up: Tensor

    def __call__(self, hidden: Tensor, normed: Tensor) -> Tensor:
        """Return the adapted states [R, width] of `hidden`, whose final norm is `normed`."""
        return hidden + linear(linear(normed, self.down), self.up)

    def to(self, device: torch.device, dtype: torch.dtype) -> "ExitAdapter":
        """Return the adapter where and as the model runs."""
        return ExitAdapter(self.down.to(device, dtype), self.up.to(device, dtype))


def save_exit_adapters(
    file: Path, adapters: Mapping[int, ExitAdapter], figures: Mapping[str, object]
) -> None:
    """Write adapters by layer, and what was measured of them, as safetensors."""
    tensors = {}
    for layer, adapter in adapters.items():
        tensors[DOWN.format(layer)] = adapter.down.detach().float().cpu().contiguous()
        tensors[UP.format(layer)] = adapter.up.detach().float().cpu().contiguous()
    save_whole(file, tensors, {FIGURES: json.dumps(figures)})


def load_exit_adapters(file: Path, width: int) -> dict[int, ExitAdapter]:
    """Read adapters by layer. Raises `ModelError` for a file that is none or fits another model."""
    try:
        with safe_open(file, framework="pt") as opened:
            layers = sorted({int(name.split(".")[1]) for name in opened.keys()})  # noqa: SIM118
            adapters = {
                layer: ExitAdapter(
                    opened.get_tensor(DOWN.format(layer)), opened.get_tensor(UP.format(layer))
                )
                for layer in layers
            }
    except (OSError, SafetensorError, ValueError, IndexError) as error:
        raise ModelError(f"{file} has no exit adapters: {error}", hint=AGAIN) from error
    refuse_other_widths(file, (adapter.down.shape[1] for adapter in adapters.values()), width)
    return adapters
