"""Rows as tensors: stacked where they are made, moved to the device, split into passes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.training.examples import Row

MIDDLE_WEIGHT = 2.5  # of a token of a middle or of its end mark, where another weighs one


@dataclass(frozen=True)
class Batch:
    """Rows of one window length: `ids [B, S + 1]` and what each target weighs, `weights [B, S]`.

    The weights sum to one, padding at zero.
    """

    ids: Tensor
    weights: Tensor

    @property
    def inputs(self) -> Tensor:
        """Ids to read, `[B, S]`."""
        return self.ids[:, :-1].long()

    @property
    def targets(self) -> Tensor:
        """Ids to predict, `[B * S]`."""
        return self.ids[:, 1:].flatten().long()

    def pin_memory(self) -> Batch:
        """The batch in memory that a device copies from without waiting."""
        return Batch(self.ids.pin_memory(), self.weights.pin_memory())

    def to(self, device: torch.device) -> Batch:
        """The batch on a device; the copy may go on after the call."""
        ids, weights = (part.to(device, non_blocking=True) for part in (self.ids, self.weights))
        return Batch(ids, weights)

    def parts(self, rows: int) -> Iterator[Batch]:
        """The batch in parts of at most so many rows; their losses add up to the whole's."""
        for start in range(0, len(self.ids), rows):
            part = slice(start, start + rows)
            yield Batch(self.ids[part], self.weights[part])


def collate(rows: list[Row], middle_weight: float = 1.0) -> Batch:
    """Stack rows of one window length."""
    ids = np.stack([row.ids for row in rows]).astype(np.int32)
    weights = np.stack([row.meant * np.where(row.in_middle, middle_weight, 1.0) for row in rows])
    shares = torch.from_numpy((weights / weights.sum()).astype(np.float32))
    return Batch(torch.from_numpy(ids), shares)
