"""The interface of a model's arithmetic, whoever computes it."""

from typing import Protocol

import torch
from torch import Tensor

from completer.engine.attention import AttentionStep


class Forward(Protocol):
    """A model's arithmetic over one packed row."""

    device: torch.device
    dtype: torch.dtype

    def __call__(self, ids: Tensor, positions: Tensor, rows: Tensor, step: AttentionStep) -> Tensor:
        """Return the logits [R, V] of `rows` [R] of the packed tokens `ids` [T]."""
        ...
