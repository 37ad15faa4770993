"""Steps of static shapes, each shape prepared once: on a GPU as a captured CUDA graph.

A small model's step is hundreds of kernels of a few microseconds each, and launching them one by
one from Python takes longer than running them. A captured graph launches all of them at once.
"""

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from completer.engine.attention import Forward, Segment
from completer.engine.kv_cache import KVPool
from completer.engine.static import (
    MOST_PADDED,
    Bucket,
    StaticInputs,
    StaticStep,
    bucket_for,
)

log = logging.getLogger(__name__)
MOST_GRAPHS = 64
PREPARE_AFTER = 2  # steps of a shape: what comes once is not worth a capture
WARM_UPS = 2

Work = Callable[[], None]
Prepare = Callable[[Work], Work]
"""Turns work on static buffers into what repeats it on the same buffers."""


class CudaCapture:
    """Captures work as a CUDA graph; all graphs take their memory from one pool.

    They may, because no two run at once and none leaves anything there that the next one needs:
    inputs and results lie outside (PyTorch's rules, "Graph memory management").
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, work: Work) -> Work:
        """Warm up on a side stream, as PyTorch asks for, capture there, return the replay.

        The outer stream context is for a capture that fails: torch then leaves its stream current.
        """
        with torch.cuda.device(self._device), torch.cuda.stream(torch.cuda.current_stream()):
            self._stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(self._stream):
                for _ in range(WARM_UPS):
                    work()
            torch.cuda.current_stream().wait_stream(self._stream)
            graph = torch.cuda.CUDAGraph()
            # thread_local: what other threads do with the device must not break this capture
            with torch.cuda.graph(
                graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"
            ):
                work()
        return graph.replay


def as_it_is(work: Work) -> Work:
    """Repeat work by doing it again: where nothing can be captured, and for tests."""
    return work


class StaticPasses:
    """Runs the steps that fit a bucket; forgets the shape used longest ago when there are many.

    Memory: one result of `MOST_PADDED` rows of logits (512 · vocabulary · dtype), each shape's
    inputs (at most 0.3 MB), and on a GPU the largest step's intermediate results, once for all.
    """

    def __init__(
        self,
        forward: Forward,
        pool: KVPool,
        *,
        prepare: Prepare | None = None,
        prepare_after: int = PREPARE_AFTER,
        most: int = MOST_GRAPHS,
    ) -> None:
        self._forward = forward
        self._pool = pool
        self._prepare = prepare or _preparation(forward.device)
        self._prepare_after = prepare_after
        self._most = most
        self._seen: Counter[Bucket] = Counter()
        self._ready: OrderedDict[Bucket, _Pass] = OrderedDict()
        self._logits: Tensor | None = None
        self._suspected = ""
        self.given_up = ""
        """Why no shape is prepared any more; empty while they are."""

    @property
    def prepared(self) -> list[Bucket]:
        """The shapes that are ready, the one used longest ago first."""
        return list(self._ready)

    def run(
        self, segments: Sequence[Segment], ids: Sequence[int], rows: NDArray[np.int64]
    ) -> Tensor | None:
        """Return logits [R, V] as `Runner.forward` does; `None` for a step that is not for here.

        Runs in inference mode, as the caller does, who tells by `ran_packed` that what could not be
        done here could be done.
        """
        self._suspected = ""
        bucket = None if self.given_up else bucket_for(segments, self._pool.capacity)
        if bucket is None or not self._pays(bucket):
            return None
        ready = self._ready.get(bucket)
        if ready is None:
            ready = self._prepare_pass(bucket, segments, ids, rows)
        else:
            self._ready.move_to_end(bucket)
            ready.inputs.fill(segments, ids, rows)
        if ready is None:
            return None
        ready.replay()
        return ready.logits.index_select(0, ready.inputs.data.wanted[: len(rows)])

    def ran_packed(self) -> None:
        """Give up if this last step could not be prepared: nothing was wrong with the step."""
        if self._suspected:
            self.given_up = self._suspected
            log.warning("steps run without graphs from now on: %s", self.given_up)
            self.clear()

    def clear(self) -> None:
        """Forget every prepared shape: what they captured is no longer where it was."""
        self._ready.clear()
        self._seen.clear()
        self._logits = None

    def _pays(self, bucket: Bucket) -> bool:
        self._seen[bucket] += 1
        return self._seen[bucket] >= self._prepare_after

    def _prepare_pass(
        self,
        bucket: Bucket,
        segments: Sequence[Segment],
        ids: Sequence[int],
        rows: NDArray[np.int64],
    ) -> "_Pass | None":
        """Prepare a shape with the data of its first step, which a warm-up computes as well."""
        ready = _Pass(self._forward, self._pool, bucket)
        ready.inputs.fill(segments, ids, rows)
        try:
            ready.logits = self._room(ready)
            ready.replay = self._prepare(ready.run)
        except RuntimeError as error:
            self._suspected = (str(error).strip() or type(error).__name__).splitlines()[0]
            return None
        self._ready[bucket] = ready
        if len(self._ready) > self._most:
            forgotten, _ = self._ready.popitem(last=False)
            del self._seen[forgotten]
        return ready

    def _room(self, ready: "_Pass") -> Tensor:
        """Where a shape's logits go: the same memory for all shapes, outside of any graph's."""
        if self._logits is None:
            sample = ready.compute()
            self._logits = sample.new_zeros((MOST_PADDED, sample.shape[1]))
        return self._logits[: ready.bucket.padded]


class _Pass:
    """One shape: its inputs, where its logits go, and the replay of its computation."""

    logits: Tensor
    replay: Work

    def __init__(self, forward: Forward, pool: KVPool, bucket: Bucket) -> None:
        self.inputs = StaticInputs(bucket, forward.device)
        self._forward = forward
        self._pool = pool
        self.bucket = bucket
        self._every_row = torch.arange(bucket.padded, device=forward.device)

    def compute(self) -> Tensor:
        """The logits [N, V] of the inputs as they are now."""
        data = self.inputs.data
        step = StaticStep(self._pool, self.bucket, data)
        return self._forward(data.ids, data.positions, self._every_row, step)

    def run(self) -> None:
        """Compute, and leave the result in `logits`; what a graph captures."""
        self.logits.copy_(self.compute())


def _preparation(device: torch.device) -> Prepare:
    return CudaCapture(device) if device.type == "cuda" else as_it_is
