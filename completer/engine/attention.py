"""Our attention function: several sequences packed into one row of tokens, each with its KV slot.

transformers' modelling code calls it through its attention interface (`own_code.py`), so that
nothing is patched and every architecture that uses the interface works. The packed row [1, T]
holds, one after the other, each sequence's new tokens: a chain that continues its slot, then the
nodes of a draft tree that hang below the chain's last token. A node sees the slot's rows, the chain
and its own ancestors, never its siblings.

On a CPU a token's result is the same to the last bit whatever else is in its pass: how a prompt was
cut into chunks, how long the drafts were, who else is decoded. Sums are taken in the same order,
because keys and queries come in whole multiples of what torch's kernels take at once. Otherwise
rounding would decide, now and then, which token is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from completer.engine.kv_cache import KVPool
from completer.engine.staging import to_device
from models.half_linear import multiplies_in_tiles

NO_NODES: NDArray[np.int32] = np.empty(0, np.int32)
QUERY_STEP = 8
"""torch multiplies fewer rows than these by other kernels, which add up in another order."""


@dataclass(slots=True, eq=False)
class Segment:
    """One sequence's part of a forward pass.

    `chain` tokens go to rows `start` and on of `slot`; then come the tree's nodes, whose `parents`
    index the nodes (-1: the chain's last token). `depths` of the nodes count from 1.
    """

    slot: int
    start: int
    chain: int
    parents: NDArray[np.int32] = field(default_factory=lambda: NO_NODES)

    @property
    def length(self) -> int:
        """How many tokens the segment has in the packed row."""
        return self.chain + len(self.parents)

    @property
    def end(self) -> int:
        """The first row behind the segment."""
        return self.start + self.length

    @property
    def begins_slot(self) -> bool:
        """Whether the chain starts the slot, so that plain causal attention will do for it."""
        return self.start == 0 and self.chain > 1

    def positions(self) -> NDArray[np.int64]:
        """Each token's position in its own text: a node's is given by its depth."""
        if not len(self.parents):
            return np.arange(self.start, self.end)
        last = self.start + self.chain - 1
        positions = list(range(self.start, last + 1))
        for parent in self.parents.tolist():
            positions.append(1 + (positions[self.chain + parent] if parent >= 0 else last))
        return np.array(positions, np.int64)

    def visible(self, first: int = 0) -> NDArray[np.bool_]:
        """Which of the rows before `end` the tokens from `first` on see: [length - first, end]."""
        own_rows = np.arange(self.start + first, self.end)
        seen = np.arange(self.end) <= own_rows[:, None]
        if len(self.parents):
            nodes_at = self.chain - first
            seen[nodes_at:, self.start + self.chain :] = ancestors(self.parents)
        return seen


def ancestors(parents: Sequence[int] | NDArray[np.int32]) -> NDArray[np.bool_]:
    """For each node of a tree, which nodes lie on its path from the root, itself included: [n, n].

    >>> ancestors([-1, 0, 0]).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [1, 0, 1]]
    """
    lies_on_path = np.eye(len(parents), dtype=np.bool_)
    for node, parent in enumerate(parents):
        if parent >= 0:
            lies_on_path[node] |= lies_on_path[parent]
    return lies_on_path


class AttentionStep(Protocol):
    """What a model's layers see of one forward pass: where keys and values go, who sees whom."""

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
        """Write a packed row's keys and values into the pool and attend.

        Takes query [1, heads, T, head_dim], key and value [1, kv_heads, T, head_dim]; returns
        [1, T, heads, head_dim]. A `window` hides rows that are that far back or further.
        """
        ...


class Forward(Protocol):
    """A model's arithmetic over one packed row, whoever computes it (`own_code.py`, `lean.py`)."""

    device: torch.device
    dtype: torch.dtype

    def __call__(self, ids: Tensor, positions: Tensor, rows: Tensor, step: AttentionStep) -> Tensor:
        """Return the logits [R, V] of `rows` [R] of the packed tokens `ids` [T]."""
        ...


class PackedStep:
    """One forward pass: its segments, the pool they read and write, and their masks."""

    def __init__(self, pool: KVPool, segments: Sequence[Segment], dtype: torch.dtype) -> None:
        self.pool = pool
        self.segments = segments
        self._dtype = dtype
        self._masks: dict[tuple[int, int, int, int], Tensor | None] = {}
        self._places: tuple[Tensor, Tensor] | None = None

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
        """See `AttentionStep`; computed in the precision of the pool's rows."""
        self._store(layer, key[0], value[0])
        exact, on_cpu = query.to(self._dtype), query.device.type == "cpu"
        pieces = []
        begin = 0
        for index, segment in enumerate(self.segments):
            part = slice(begin, begin + segment.length)
            keys, values = self.pool.read(layer, segment.slot, segment.end)
            causal = segment.begins_slot and not window and not softcap and not on_cpu
            plain = segment.chain if causal else 0
            if plain:
                chain = exact[:, :, begin : begin + plain]
                before = keys[:, :, :plain], values[:, :, :plain]
                pieces.append(_attend_prompt(chain, *before, scaling))
            if plain < segment.length:
                rest = exact[:, :, begin + plain : part.stop]
                groups = query.shape[1] // keys.shape[1]
                mask = self.mask(index, window, keys, plain, groups)
                pieces.append(_attend_one(rest, keys, values, mask, scaling, softcap))
            begin += segment.length
        packed = pieces[0] if len(pieces) == 1 else torch.cat(pieces, dim=2)
        return packed.transpose(1, 2).to(query.dtype)

    def _store(self, layer: int, key: Tensor, value: Tensor) -> None:
        """Write all segments' rows at once: a copy for each costs more than what it copies."""
        if len(self.segments) == 1:
            segment = self.segments[0]
            self.pool.write(layer, segment.slot, segment.start, key, value)
            return
        if self._places is None:
            self._places = _places(self.segments, key.device)
        self.pool.scatter(layer, *self._places, key, value)

    def mask(
        self, index: int, window: int, keys: Tensor, first: int = 0, groups: int = 1
    ) -> Tensor | None:
        """The additive mask [groups * (length - first), rows] of a segment's tokens from `first`.

        It is repeated for so many `groups` of query heads. `keys` are those of one layer,
        [1, kv_heads, rows, head_dim]. `None` where every row is seen. A sliding `window` (0: none)
        hides rows that are that far back or further.
        """
        key = (index, window, first, groups)
        if key not in self._masks:
            mask = self._build_mask(self.segments[index], window, keys, first)
            self._masks[key] = mask if mask is None else mask.repeat(groups, 1)
        return self._masks[key]

    def _build_mask(self, segment: Segment, window: int, keys: Tensor, first: int) -> Tensor | None:
        windowed, unused = 0 < window < segment.end, keys.shape[2] - segment.end
        if segment.length == 1 and not windowed and not unused:
            return None
        visible = segment.visible(first)
        if windowed:
            positions = segment.positions()
            rows = np.concatenate([np.arange(segment.start), positions])
            visible &= positions[first:, None] - rows[None, :] < window
        hidden = to_device(~np.pad(visible, ((0, 0), (0, unused))), keys.device)
        mask = torch.zeros(hidden.shape, dtype=self._dtype, device=keys.device)
        return mask.masked_fill_(hidden, -torch.inf)


def _places(segments: Sequence[Segment], device: torch.device) -> tuple[Tensor, Tensor]:
    """Slot and row [T] of each packed token."""
    slots = np.repeat([segment.slot for segment in segments], [each.length for each in segments])
    rows = np.concatenate([np.arange(segment.start, segment.end) for segment in segments])
    return to_device(slots, device), to_device(rows, device)


def _attend_prompt(query: Tensor, keys: Tensor, values: Tensor, scaling: float) -> Tensor:
    """Attend for a prompt that starts its slot: causal, for which a GPU has faster kernels."""
    grouped = query.shape[1] != keys.shape[1]
    return scaled_dot_product_attention(
        query, keys, values, is_causal=True, scale=scaling, enable_gqa=grouped
    )


def _attend_one(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor | None,
    scaling: float,
    softcap: float | None,
) -> Tensor:
    """Attend for one sequence; query heads that share a key head are stacked along the rows.

    Stacking spares the copies of keys and values that repeating them for every head would cost; the
    `mask` has rows for all of them.
    """
    _, heads, length, width = query.shape
    groups = heads // keys.shape[1]
    stacked = query.reshape(1, keys.shape[1], groups * length, width)
    if softcap:
        result = _capped_attention(stacked, keys, values, mask, scaling, softcap)
    elif stacked.device.type == "cpu" and not multiplies_in_tiles(keys.dtype):
        result = _attend_in_steps(stacked, keys, values, mask, scaling)
    else:
        result = scaled_dot_product_attention(stacked, keys, values, mask, scale=scaling)
    return result.reshape(1, heads, length, values.shape[-1])


def _attend_in_steps(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, scaling: float
) -> Tensor:
    """Attend with a multiple of `QUERY_STEP` rows, the last one repeated; in float32.

    torch's CPU kernel takes four times as long for a few rows in half of it, without tiles (AMX).
    """
    rows, dtype = query.shape[2], query.dtype
    more = -rows % QUERY_STEP
    if more:
        query = torch.cat([query, query[:, :, -1:].expand(-1, -1, more, -1)], dim=2)
        mask = None if mask is None else torch.cat([mask, mask[-1:].expand(more, -1)])
    attended = scaled_dot_product_attention(
        query.float(),
        keys.float(),
        values.float(),
        None if mask is None else mask.float(),
        scale=scaling,
    )
    return attended[:, :, :rows].to(dtype)


def _capped_attention(
    query: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, scaling: float, cap: float
) -> Tensor:
    """Attention whose scores are squashed to ±`cap` before the mask (Gemma 2)."""
    scores = torch.tanh(query @ keys.transpose(2, 3) * (scaling / cap)) * cap
    if mask is not None:
        scores = scores + mask
    return scores.softmax(-1, dtype=torch.float32).to(query.dtype) @ values
