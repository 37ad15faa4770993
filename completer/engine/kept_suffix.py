"""The rows of a prompt's suffix, kept for a while though the prefix before it has changed.

Where the prefix comes first, every key moves the suffix and changes what its keys and values have
seen. A request may allow them to be kept nevertheless: values stay as they are, and keys are turned
on to where their tokens stand now, which rotary embeddings allow (Su et al. 2021: what a query
makes of a key depends on the distance alone). What has changed of the prefix is computed, then what
stands behind the suffix, which sees rows that have read an older prefix: another distribution than
the model's, and labelled so. After `MOST_CHANGED` tokens of prefix they are computed anew.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from completer.engine.kv_cache import KVPool
from completer.engine.sequence import SequenceState

MOST_CHANGED = 48
Turn = Callable[[Tensor, int], Tensor]
"""Returns keys [..., T, head_dim] as they are so many positions further on."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Copies of a suffix's first `count` rows, of all layers, that stood from `begin` on."""

    begin: int
    count: int
    keys: list[Tensor]
    values: list[Tensor]


def take_slot(sequence: SequenceState, pool: KVPool, turn: Turn | None) -> None:
    """Give a sequence a slot, with the rows that are there of its prompt.

    Raises `IndexError` when no slot is free.
    """
    suffix = sequence.request.suffix if turn is not None else None
    rows, changed = (None, 0) if suffix is None else _found(sequence, suffix, pool)
    sequence.slot, sequence.cached = pool.acquire(sequence.ids, sequence.request.owner)
    sequence.reused = sequence.cached
    if suffix is None:
        return
    slot = pool.slots[sequence.slot]
    slot.suffix, slot.changed = suffix.start, changed
    sequence.kept_tokens = len(suffix) if changed else 0
    if rows is not None and turn is not None:
        sequence.kept = range(suffix.start, suffix.start + rows.count)
        sequence.reused += rows.count
        sequence.kept_tokens = rows.count
        _put(rows, pool, sequence.slot, suffix.start, turn)


def _found(sequence: SequenceState, suffix: range, pool: KVPool) -> tuple[_Rows | None, int]:
    """Return the suffix's rows if they stand elsewhere in the slot that shares most of the prompt.

    And how many tokens of the prefix have changed since they were computed.
    """
    ids = np.asarray(sequence.ids, np.int32)
    number, shared = pool.nearest(ids, sequence.request.owner)
    slot = pool.slots[number]
    if not 0 < slot.suffix < slot.length or not shared:
        return None, 0
    if shared > slot.suffix:
        return None, slot.changed
    changed = slot.changed + suffix.start - shared
    had = slot.tokens[slot.suffix : min(slot.length, slot.suffix + len(suffix))]
    differ = np.flatnonzero(had != ids[suffix.start : suffix.start + len(had)])
    count = int(differ[0]) if len(differ) else len(had)
    if not count or changed > MOST_CHANGED:
        return None, 0
    return _Rows(slot.suffix, count, *pool.copied(number, slot.suffix, count)), changed


def _put(rows: _Rows, pool: KVPool, slot: int, start: int, turn: Turn) -> None:
    for layer, (keys, values) in enumerate(zip(rows.keys, rows.values, strict=True)):
        pool.write(layer, slot, start, turn(keys, start - rows.begin), values)
