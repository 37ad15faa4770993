"""The forward pass: packs segments into one row, runs the model, returns the logits asked for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from completer.engine.attention import Forward, PackedStep, Segment
from completer.engine.graphs import StaticPasses
from completer.engine.kv_cache import KVPool, LayerShape
from completer.engine.staging import to_device
from models.decoder import BareDecoder

if TYPE_CHECKING:
    from models.decoder import Model


class Runner:
    """Runs one model over one KV pool; with `graphs`, steps that can be captured are.

    `why_no_graphs` says what went wrong with them before, where that is why they are not wanted.
    """

    static: StaticPasses | None

    def __init__(
        self, forward: Forward, pool: KVPool, *, graphs: bool = False, why_no_graphs: str = ""
    ) -> None:
        self.pool = pool
        self._why_no_graphs = why_no_graphs
        self.device = forward.device
        self.static = StaticPasses(forward, pool) if graphs else None
        self._forward = forward

    @torch.inference_mode()
    def forward(
        self, segments: Sequence[Segment], ids: Sequence[int], rows: NDArray[np.int64]
    ) -> Tensor:
        """Run the packed tokens `ids` [T] and return the logits [R, V] of the packed `rows` [R]."""
        logits = self.static.run(segments, ids, rows) if self.static else None
        if logits is not None:
            return logits
        logits = self._forward_packed(segments, ids, rows)
        if self.static is not None:
            self.static.ran_packed()
        return logits

    @property
    def graphs_given_up(self) -> str:
        """Why captured graphs are not used, where they should be; otherwise empty."""
        return self.static.given_up if self.static is not None else self._why_no_graphs

    def _forward_packed(
        self, segments: Sequence[Segment], ids: Sequence[int], rows: NDArray[np.int64]
    ) -> Tensor:
        positions = [segment.positions() for segment in segments]
        joined = positions[0] if len(positions) == 1 else np.concatenate(positions)
        return self._forward(
            to_device(np.asarray(ids, np.int64), self.device),
            to_device(joined, self.device),
            to_device(rows, self.device),
            PackedStep(self.pool, segments, self.pool.dtype),
        )

    def shrink(self) -> None:
        """Use less memory from now on: after a step that had too little. No slot may be in use."""
        if self.static is not None:
            self.static.clear()  # graphs have the pool's addresses
        self.pool.shrink()

    def synchronize(self) -> None:
        """Wait until the device has done what was asked of it; for measurements."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)


def kv_layers(model: "Model") -> list[LayerShape]:
    """Return the shape of each layer's keys and values."""
    if not isinstance(model, BareDecoder):
        from completer.engine.own_code import probe_layers

        return probe_layers(model)
    config = model.config
    heads, width = config.num_key_value_heads, config.head_dim
    return [LayerShape(heads, width, width)] * config.num_hidden_layers
