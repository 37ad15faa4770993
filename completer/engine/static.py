"""A step of static shapes: everything that differs from one step to the next is data, not shape.

A captured CUDA graph replays the same kernels on the same addresses, so a step that is to be
replayed must not depend on which slots it touches, how long they are, or what the trees look like.
A `Bucket` fixes the shapes: B sequences of n tokens each over L rows of their slots. Which slots,
which rows and who sees whom lie in `StaticInputs`, which are filled before each run.

What does not fill its bucket is padded by repetition: a sequence repeats its last token, the step
its first sequence. A repeated token computes what it computed before and writes the same rows
again, so that padding needs no row of its own and no number in the pool is ever meaningless.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from completer.engine.attention import Segment, ancestors
from completer.engine.kv_cache import KVPool

MOST_TOKENS = 64  # of one sequence: what is longer is a prompt
MOST_PADDED = 512  # of all sequences: beyond it, arithmetic costs more than launching kernels
MOST_ROWS = 1 << 18  # of all sequences, which are copied together layer by layer
MOST_SEEN = 1 << 23  # tokens times rows of a mask
FEWEST_ROWS = 128
SPLIT_FROM = 1024  # rows
SPLIT_BLOCKS = 16  # sequences times key heads
SPLIT_ROWS = 256


@dataclass(frozen=True, slots=True, order=True)
class Bucket:
    """The shapes of a step: `sequences` of `tokens` each, over the first `rows` of their slots."""

    sequences: int
    tokens: int
    rows: int

    @property
    def padded(self) -> int:
        """Tokens that the step computes, repeated ones included."""
        return self.sequences * self.tokens

    @property
    def fits(self) -> bool:
        """Whether its memory and its padding stay within reason."""
        return (
            self.padded <= MOST_PADDED
            and self.sequences * self.rows <= MOST_ROWS
            and self.padded * self.rows <= MOST_SEEN
        )


def bucket_for(segments: Sequence[Segment], capacity: int) -> Bucket | None:
    """Return the smallest bucket of powers of two that holds `segments`, `None` if none does."""
    longest = max(segment.length for segment in segments)
    if longest > MOST_TOKENS:
        return None
    rows = max(FEWEST_ROWS, *(segment.end for segment in segments))
    bucket = Bucket(_power(len(segments)), _power(longest), min(_power(rows), capacity))
    return bucket if bucket.fits else None


Array = TypeVar("Array", Tensor, NDArray[np.int64])


class Inputs(NamedTuple, Generic[Array]):
    """A step's data, all int64: N = B·n tokens; `own[b, i, j]`: whether token i sees token j."""

    ids: Array  # [N]
    positions: Array  # [N]: in the token's text
    slots: Array  # [N]: which slot each token's keys and values go to
    rows: Array  # [N]: which of its rows
    wanted: Array  # [N]: the R tokens whose logits are asked for, then others
    starts: Array  # [B]: how many of the slot's rows every token of the sequence sees
    own: Array  # [B, n, n]


class StaticInputs:
    """One bucket's data: one buffer on the host, pinned where a GPU reads it, one on the device."""

    def __init__(self, bucket: Bucket, device: torch.device) -> None:
        self._bucket = bucket
        size = sum(math.prod(shape) for shape in _shapes(bucket))
        on_gpu = device.type == "cuda"
        self._host = torch.zeros(size, dtype=torch.int64, pin_memory=on_gpu)
        self._device = torch.zeros(size, dtype=torch.int64, device=device)
        self._filling = Inputs(*(view.numpy() for view in _views(self._host, bucket)))
        self._copied = torch.cuda.Event() if on_gpu else None  # type: ignore[no-untyped-call]
        self.data = _views(self._device, bucket)

    def fill(
        self, segments: Sequence[Segment], ids: Sequence[int], wanted: NDArray[np.int64]
    ) -> None:
        """Put in packed `segments` with their `ids`; `wanted` indexes the packed tokens."""
        if self._copied is not None:
            self._copied.synchronize()  # the last copy may still be reading the host's buffer
        places = self._lay_out(self._filling, segments, np.asarray(ids, np.int64))
        self._filling.wanted[: len(wanted)] = places[wanted]
        self._device.copy_(self._host, non_blocking=True)
        if self._copied is not None:
            self._copied.record(torch.cuda.current_stream(self._device.device))

    def _lay_out(
        self, into: Inputs[NDArray[np.int64]], segments: Sequence[Segment], ids: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Fill in all but `wanted`; return where in the padded row each packed token stands."""
        sequences, n = self._bucket.sequences, self._bucket.tokens
        which = np.where(np.arange(sequences) < len(segments), np.arange(sequences), 0)
        facts = np.array([(segment.slot, segment.start, segment.length) for segment in segments])
        slots, starts, lengths = facts[which].T
        repeated = np.minimum(np.arange(n), lengths[:, None] - 1)  # [B, n]
        packed = (np.cumsum(facts[:, 2]) - facts[:, 2])[which][:, None] + repeated
        positions = np.concatenate([segment.positions() for segment in segments])
        into.ids[:] = ids[packed].ravel()
        into.positions[:] = positions[packed].ravel()
        into.slots[:] = slots.repeat(n)
        into.rows[:] = (starts[:, None] + repeated).ravel()
        into.starts[:] = starts
        into.own[:] = 0
        for b, segment in enumerate(segments):
            into.own[b, :, : segment.length] = _own(segment)[repeated[b]]
        into.own[len(segments) :] = into.own[0]
        return np.flatnonzero(np.arange(n) < facts[:, 2:])


class StaticStep:
    """What a model's layers see of a step of static shapes; the counterpart of `PackedStep`."""

    def __init__(self, pool: KVPool, bucket: Bucket, data: Inputs[Tensor]) -> None:
        self._pool = pool
        self._bucket = bucket
        self._data = data
        self._masks: dict[tuple[int, int], Tensor] = {}

    def attend(
        self,
        layer: int,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        *,
        scaling: float,
        window: int = 0,
        softcap: float | None = None,
    ) -> Tensor:
        """See `attention.AttentionStep`; computed in the precision of the pool's rows."""
        bucket, data = self._bucket, self._data
        self._pool.scatter(layer, data.slots, data.rows, key[0], value[0])
        keys, values = self._pool.gather(layer, data.slots[:: bucket.tokens], bucket.rows)
        _, heads, _, width = query.shape
        kv_heads = keys.shape[1]
        groups = heads // kv_heads
        stacked = query.reshape(heads, bucket.sequences, bucket.tokens, width).transpose(0, 1)
        stacked = stacked.reshape(bucket.sequences, kv_heads, groups * bucket.tokens, width)
        stacked = stacked.to(keys.dtype)
        mask = self._mask(window, groups)
        if softcap or self._splits(kv_heads):
            result = split_attention(stacked, keys, values, mask, scaling, softcap)
        else:
            result = scaled_dot_product_attention(stacked, keys, values, mask, scale=scaling)
        result = result.reshape(bucket.sequences, heads, bucket.tokens, -1)
        return result.transpose(1, 2).reshape(1, bucket.padded, heads, -1).to(query.dtype)

    def _splits(self, kv_heads: int) -> bool:
        """Whether fused attention would leave most of a GPU idle: it walks the rows in order."""
        few = self._bucket.sequences * kv_heads <= SPLIT_BLOCKS
        return few and self._bucket.rows >= SPLIT_FROM and self._data.ids.is_cuda

    def _mask(self, window: int, groups: int) -> Tensor:
        """The additive mask [B, 1, groups · n, L], for heads that share a key head."""
        window = window if window < self._bucket.rows else 0
        if (window, groups) not in self._masks:
            hidden = ~self._visible(window).repeat(1, groups, 1)[:, None]
            zeros = torch.zeros(hidden.shape, dtype=self._pool.dtype, device=hidden.device)
            self._masks[window, groups] = zeros.masked_fill_(hidden, -torch.inf)
        return self._masks[window, groups]

    def _visible(self, window: int) -> Tensor:
        """Which rows each token sees: [B, n, L]."""
        bucket, data = self._bucket, self._data
        rows = torch.arange(bucket.rows, device=data.starts.device)
        offsets = rows - data.starts[:, None]  # [B, L]: from 0 on, the step's own tokens
        nearest = offsets.clamp(0, bucket.tokens - 1)
        shape = (bucket.sequences, bucket.tokens, bucket.rows)
        own = data.own.bool().gather(2, nearest[:, None].expand(shape))
        is_own = (offsets >= 0) & (offsets < bucket.tokens)
        visible = (offsets < 0)[:, None] | (is_own[:, None] & own)
        if window:
            positions = data.positions.view(bucket.sequences, bucket.tokens)
            of_rows = torch.where(offsets < 0, rows, positions.gather(1, nearest))
            visible &= positions[:, :, None] - of_rows[:, None] < window
        return visible


def split_attention(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor,
    scaling: float,
    softcap: float | None = None,
) -> Tensor:
    """Attention as matrix products, the second of which adds up pieces of the rows side by side.

    For a few queries over many rows: a fused kernel goes through a sequence's rows one block after
    the other, on as many of a GPU's multiprocessors as there are heads (Flash-Decoding's remark).
    Takes query [B, H, Q, D], keys and values [B, H, L, D], an additive mask [B, 1, Q, L]. A
    `softcap` squashes the scores to ±`softcap` before the mask (Gemma 2).
    """
    scores = (query * scaling @ keys.transpose(2, 3)).float()
    if softcap:
        scores = torch.tanh(scores / softcap) * softcap
    weights = (scores + mask).softmax(-1).to(values.dtype)
    rows = weights.shape[-1]
    pieces = rows // SPLIT_ROWS if rows % SPLIT_ROWS == 0 else 1
    parted = weights.reshape(*weights.shape[:3], pieces, -1).transpose(2, 3)  # [B, H, S, Q, L/S]
    return (parted @ values.reshape(*values.shape[:2], pieces, -1, values.shape[3])).sum(2)


def _own(segment: Segment) -> NDArray[np.bool_]:
    """Which of a segment's tokens each of them sees: [length, length]."""
    sees = np.tri(segment.length, dtype=np.bool_)
    if len(segment.parents):
        sees[segment.chain :, segment.chain :] = ancestors(segment.parents)
    return sees


def _shapes(bucket: Bucket) -> list[tuple[int, ...]]:
    """The shapes of `Inputs`, in its order."""
    b, n = bucket.sequences, bucket.tokens
    return [(b * n,)] * 5 + [(b,), (b, n, n)]


def _views(flat: Tensor, bucket: Bucket) -> Inputs[Tensor]:
    shapes = _shapes(bucket)
    parts = torch.split(flat, [math.prod(shape) for shape in shapes])
    return Inputs(*(part.view(shape) for part, shape in zip(parts, shapes, strict=True)))


def _power(n: int) -> int:
    """The smallest power of two that is at least `n`."""
    return 1 << (n - 1).bit_length()
