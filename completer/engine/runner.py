"""The forward pass: packs segments into one row, runs the model, returns the logits asked for."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers.modeling_utils import PreTrainedModel

from completer.engine.attention import NAME, PackedStep, Segment, Step
from completer.engine.forward import Forward
from completer.engine.graphs import StaticPasses
from completer.engine.kv_cache import KVPool, LayerShape
from completer.engine.staging import to_device


class ModelForward:
    """The model's own code, of whatever architecture."""

    def __init__(self, model: PreTrainedModel) -> None:
        model.set_attn_implementation(NAME)
        self.device = model.device
        self.dtype = model.dtype
        self._model = model

    def __call__(self, ids: Tensor, positions: Tensor, rows: Tensor, step: Step) -> Tensor:
        """See `Forward`."""
        output = self._model(
            ids[None], position_ids=positions[None], use_cache=False, logits_to_keep=rows, step=step
        )
        return cast(Tensor, output.logits[0])


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
        positions = np.concatenate([segment.positions() for segment in segments])
        return self._forward(
            to_device(np.asarray(ids, np.int64), self.device),
            to_device(positions, self.device),
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


@torch.inference_mode()
def kv_layers(model: PreTrainedModel) -> list[LayerShape]:
    """Find the shape of each layer's keys and values by running one token through the model."""
    probe = _ProbePool()
    model.set_attn_implementation(NAME)
    model(
        torch.zeros((1, 1), dtype=torch.long, device=model.device),
        position_ids=torch.zeros((1, 1), dtype=torch.long, device=model.device),
        use_cache=False,
        step=PackedStep(cast(KVPool, probe), [Segment(0, 0, 1)], model.dtype),
    )
    return [probe.layers[i] for i in sorted(probe.layers)]


class _ProbePool:
    """Stands in for the pool and remembers the shapes that it was asked to store."""

    def __init__(self) -> None:
        self.layers: dict[int, LayerShape] = {}
        self._latest: Any = None

    def write(self, layer: int, slot: int, start: int, key: Tensor, value: Tensor) -> None:
        self.layers[layer] = LayerShape(key.shape[0], key.shape[-1], value.shape[-1])
        self._latest = key[None], value[None]

    def read(self, layer: int, slot: int, end: int) -> tuple[Tensor, Tensor]:
        return cast(tuple[Tensor, Tensor], self._latest)
