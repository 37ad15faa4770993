"""What a model would say after some of its layers: tokens of sequences, run in ranges of layers.

An exit reads an intermediate state through the model's own final norm and head; where an adapter
has been fitted for its layer, through that first. Layers are counted as those that have run: exit
layer 3 stands behind the third.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from completer.engine.attention import PackedStep, Segment
from completer.engine.kv_cache import KVPool
from models.exit_adapters import ExitAdapter
from models.layers import DecoderLayers

MAX_EXITS = 6


@dataclass(frozen=True, slots=True)
class Guess:
    """An exit's likeliest token, and its probability by the exit's own distribution."""

    token: int
    probability: float


def exit_layers(depth: int) -> tuple[int, ...]:
    """Candidate exits of a model with `depth` layers: all of few, of many those up to 3/4.

    >>> exit_layers(6), exit_layers(24)
    ((1, 2, 3, 4, 5), (3, 6, 9, 12, 15, 18))
    """
    if depth <= MAX_EXITS + 1:
        return tuple(range(1, depth))
    return tuple(round(depth * i / 8) for i in range(1, MAX_EXITS + 1))


class Exits:
    """Runs ranges of a model's layers over a KV pool, and reads out what lies between them."""

    def __init__(
        self, layers: DecoderLayers, pool: KVPool, adapters: Mapping[int, ExitAdapter] | None = None
    ) -> None:
        self.depth = layers.depth
        self.device = layers.device
        self.candidates = exit_layers(layers.depth)
        self._layers = layers
        self._pool = pool
        self._adapters = {
            layer: adapter.to(layers.device, layers.dtype)
            for layer, adapter in (adapters or {}).items()
        }

    def embed(self, ids: Sequence[int]) -> Tensor:
        """Return what the first layer takes, [T, width]."""
        return self._layers.embed(torch.tensor(ids, device=self._layers.device))

    def advance(self, hidden: Tensor, segments: Sequence[Segment], first: int, last: int) -> Tensor:
        """Run layers `first` to `last` (exclusive) on the packed segments' states [T, width]."""
        step = PackedStep(self._pool, segments, self._pool.dtype)
        positions = self._positions(segments)
        return self._layers.run_layers(hidden, positions, first, last, step.attend)

    def fill(self, hidden: Tensor, segment: Segment, first: int) -> None:
        """Give the layers from `first` on a segment's keys and values without running them.

        They are computed as if its states [T, width] had stayed as they are.
        """

        def store(layer: int, key: Tensor, value: Tensor) -> None:
            self._pool.write(layer, segment.slot, segment.start, key, value)

        positions = self._positions([segment])
        self._layers.fill_rows(hidden, positions, first, self.depth, store)

    def logits(self, hidden: Tensor, layer: int) -> Tensor:
        """Return what exit `layer` says, [R, V], of states [R, width]; the last is the model."""
        adapter = self._adapters.get(layer)
        if adapter is not None:
            hidden = adapter(hidden, self._layers.normalise(hidden))
        return self._layers.predict(hidden)

    def normalise(self, hidden: Tensor) -> Tensor:
        """Return states [R, width] as the head reads them."""
        return self._layers.normalise(hidden)

    def guess(self, hidden: Tensor, layer: int) -> Guess:
        """Return what exit `layer` says after one token, whose state is [1, width]."""
        logits = self.logits(hidden, layer)[0].float()
        best, token = logits.max(-1)
        probability = (best - logits.logsumexp(-1)).exp()
        values = torch.stack((token.to(probability.dtype), probability)).tolist()
        return Guess(int(values[0]), values[1])

    def synchronize(self) -> None:
        """Wait until the device has done what was asked of it; for measurements."""
        if self._layers.device.type == "cuda":
            torch.cuda.synchronize(self._layers.device)

    def _positions(self, segments: Sequence[Segment]) -> Tensor:
        positions = np.concatenate([segment.positions() for segment in segments])
        return torch.from_numpy(positions).to(self._layers.device)
