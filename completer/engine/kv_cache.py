"""The KV pool: one row of keys and values per cached token, in slots that outlive their requests.

A slot holds one sequence. When its request has ended, the slot keeps its tokens, so that the next
request that starts with the same ones need not compute them again: it goes on in place, or copies
the shared rows from a slot that is still in use. The slot that was used longest ago is overwritten
first. Comparing a prompt with every slot costs a few microseconds each, which for tens of slots is
less than walking a tree of prefixes in Python.

A byte budget bounds the slots. On a CPU they take memory as they are used, row by row, and no more
of them are used than twice as many as have run at once: one person needs a few, a team all.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from completer.engine.lazy_memory import give_back, zeros
from completer.engine.staging import to_device
from models.memory import give_back_cached

FIRST_SLOTS = 4
"""Texts that are remembered though only one runs at a time: a person goes back and forth."""
ROW_STEP = 512
"""torch's attention on a CPU takes so many rows at once; fewer it adds up in another order."""
_ALIGNED = 64
_DRAFTED = 64  # rows behind the last token that drafts may have used


def whole_steps(rows: int, step: int = ROW_STEP) -> int:
    """Return `rows` rounded up to whole steps."""
    return -(-rows // step) * step


@dataclass(frozen=True, slots=True)
class LayerShape:
    """The keys and values of one token in one layer: [kv_heads, head_dim] each."""

    kv_heads: int
    key_dim: int
    value_dim: int


@dataclass(slots=True)
class Slot:
    """What one slot holds: `tokens[:length]` have rows. Empty `owner` belongs to nobody.

    `reached` is the longest that it has been since the rest of its rows was given back. `suffix` is
    where rows begin that were computed before `changed` tokens of those in front of them became
    others (see `kept_suffix`); 0: none were.
    """

    tokens: NDArray[np.int32]
    length: int = 0
    reached: int = 0
    owner: str = ""
    busy: bool = False
    last_used: float = 0.0
    suffix: int = 0
    changed: int = 0

    def shared_with(self, prompt: NDArray[np.int32], owner: str) -> int:
        """Count the leading tokens of `prompt` whose rows this slot has, for the same owner."""
        if owner != self.owner:
            return 0
        n = min(self.length, len(prompt))
        different = np.flatnonzero(self.tokens[:n] != prompt[:n])
        return int(different[0]) if len(different) else n


class KVPool:
    """Keys and values of all slots: per layer two tensors [slots, kv_heads, rows, head_dim].

    A slot has rows for `capacity` tokens and a few more; all are finite at any time.
    """

    def __init__(
        self,
        layers: Sequence[LayerShape],
        *,
        slots: int,
        capacity: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self._shapes = [(layer.kv_heads, layer.key_dim) for layer in layers]
        self._shapes += [(layer.kv_heads, layer.value_dim) for layer in layers]
        self._dtype, self._device = dtype, device
        self.capacity = capacity
        self._allocate(slots)

    def _allocate(self, slots: int) -> None:
        """Stack tensors of one shape, so that rows of all layers can be moved at once."""
        self._stacks = {
            (heads, width): zeros(
                (count, slots, heads, whole_steps(self.capacity, _ALIGNED), width),
                self._dtype,
                self._device,
            )
            for (heads, width), count in Counter(self._shapes).items()
        }
        unused = {shape: iter(stack.unbind(0)) for shape, stack in self._stacks.items()}
        tensors = [next(unused[shape]) for shape in self._shapes]
        self.keys = tensors[: len(tensors) // 2]
        self.values = tensors[len(tensors) // 2 :]
        self.slots = [Slot(np.zeros(self.capacity, np.int32)) for _ in range(slots)]
        self._opened = FIRST_SLOTS if self._device.type == "cpu" else slots

    @property
    def dtype(self) -> torch.dtype:
        """What the rows are stored in, and attention is computed in."""
        return self.keys[0].dtype

    @property
    def bytes_reserved(self) -> int:
        """Bytes of all rows, in use or not."""
        return sum(stack.nbytes for stack in self._stacks.values())

    @property
    def bytes_taken(self) -> int:
        """Bytes of memory that the rows take: on a CPU, those that have been used."""
        if self._device.type != "cpu":
            return self.bytes_reserved
        rows = sum(slot.reached for slot in self.slots)
        return self.bytes_reserved * rows // (len(self.slots) * self.keys[0].shape[2])

    @property
    def free_slots(self) -> int:
        """How many slots no running sequence holds."""
        return sum(not slot.busy for slot in self.slots)

    def acquire(self, prompt: Sequence[int], owner: str) -> tuple[int, int]:
        """Take a slot for `prompt`; return it and how many leading tokens already have rows.

        At least the last token is left to compute, since its logits are wanted. Raises
        `IndexError` when no slot is free.
        """
        ids = np.asarray(prompt, np.int32)
        best, shared = self.nearest(ids, owner)
        free = [i for i, slot in enumerate(self._open_slots()) if not slot.busy]
        target = self._choose_free(free, best, shared)
        if target != best and shared:
            self._copy_rows(best, target, shared)
        reused = min(shared, len(ids) - 1)
        self._occupy(target, ids, reused, owner)
        return target, reused

    def nearest(self, prompt: NDArray[np.int32], owner: str) -> tuple[int, int]:
        """Return the slot with rows for most leading tokens of `prompt`, and for how many."""
        shared = [slot.shared_with(prompt, owner) for slot in self._open_slots()]
        best = int(np.argmax(shared))
        return best, shared[best]

    def release(self, slot: int, length: int) -> None:
        """Give a slot back with the rows of its first `length` tokens still good."""
        state = self.slots[slot]
        state.busy = False
        state.length = length
        state.last_used = time.monotonic()

    def extend(self, slot: int, ids: Sequence[int], start: int) -> None:
        """Note that rows `start` and on now belong to the tokens `ids`."""
        state = self.slots[slot]
        state.tokens[start : start + len(ids)] = ids
        state.length = start + len(ids)
        state.reached = max(state.reached, state.length)

    def write(self, layer: int, slot: int, start: int, key: Tensor, value: Tensor) -> None:
        """Store rows [kv_heads, T, head_dim] from `start` on."""
        end = start + key.shape[1]
        self.keys[layer][slot, :, start:end] = key
        self.values[layer][slot, :, start:end] = value

    def copied(self, slot: int, start: int, count: int) -> tuple[list[Tensor], list[Tensor]]:
        """Return copies of `count` rows of a slot: keys and values of each layer, as in `write`."""
        rows = slice(start, start + count)
        keys = [layer[slot, :, rows].clone() for layer in self.keys]
        return keys, [layer[slot, :, rows].clone() for layer in self.values]

    def read(self, layer: int, slot: int, end: int) -> tuple[Tensor, Tensor]:
        """Return views [1, kv_heads, end, head_dim] of a slot's first `end` rows.

        On a CPU they go on to the end of a whole step, or of the slot: see `attention`.
        """
        one = slice(slot, slot + 1)
        if self._device.type == "cpu":
            end = whole_steps(end)  # a slice ends with what there is
        return self.keys[layer][one, :, :end], self.values[layer][one, :, :end]

    def scatter(self, layer: int, slots: Tensor, rows: Tensor, key: Tensor, value: Tensor) -> None:
        """Store token t of [kv_heads, T, head_dim] in row `rows[t]` of slot `slots[t]`."""
        self.keys[layer].transpose(1, 2)[slots, rows] = key.transpose(0, 1).to(self._dtype)
        self.values[layer].transpose(1, 2)[slots, rows] = value.transpose(0, 1).to(self._dtype)

    def gather(self, layer: int, slots: Tensor, end: int) -> tuple[Tensor, Tensor]:
        """Return copies [B, kv_heads, end, head_dim] of the first `end` rows of `slots` [B]."""
        keys, values = self.keys[layer][:, :, :end], self.values[layer][:, :, :end]
        return keys.index_select(0, slots), values.index_select(0, slots)

    def keep_path(self, slot: int, start: int, path: Sequence[int]) -> None:
        """Move the accepted nodes' rows `start + path[i]` to `start + i`.

        What lies behind them is forgotten at no cost: it is overwritten by the next step.
        """
        if list(path) == list(range(len(path))):
            return
        source = to_device(start + np.array(path, np.int64), self._device)
        end = start + len(path)
        for stack in self._stacks.values():
            stack[:, slot, :, start:end] = stack[:, slot].index_select(2, source)

    def clear(self, is_gone: Callable[[str], bool] = lambda owner: True) -> None:
        """Forget every token of the slots that are not in use and whose owners are gone."""
        for slot in self.slots:
            if not slot.busy and is_gone(slot.owner):
                slot.length, slot.owner = 0, ""
                slot.tokens.fill(0)

    def give_back(self) -> None:
        """Give the memory of rows back that belong to no token, in slots that are not in use."""
        if self._device.type != "cpu":
            return
        for number, slot in enumerate(self.slots):
            if slot.busy or slot.reached <= slot.length:
                continue
            reached = slot.reached + _DRAFTED
            for stack in self._stacks.values():
                for heads in stack[:, number, :, slot.length : reached].unbind(0):
                    for rows in heads.unbind(0):
                        give_back(rows)
            slot.reached = slot.length

    def shrink(self) -> None:
        """Give half of the slots back, but for two, and forget every token. None may be in use."""
        slots = max(2, len(self.slots) // 2)
        self._stacks, self.keys, self.values = {}, [], []  # before the others are allocated
        give_back_cached(self._device)
        self._allocate(slots)

    def _open_slots(self) -> list[Slot]:
        """The slots that may be used when one more sequence runs: as many again as do."""
        running = 1 + len(self.slots) - self.free_slots
        self._opened = max(self._opened, 2 * running)
        return self.slots[: self._opened]

    def _choose_free(self, free: Sequence[int], best: int, shared: int) -> int:
        """Go on in place when that loses little; otherwise take the slot used longest ago."""
        oldest = min(free, key=lambda i: (self.slots[i].length > 0, self.slots[i].last_used))
        loses_little = shared * 2 >= self.slots[best].length
        return best if best in free and shared and loses_little else oldest

    def _copy_rows(self, source: int, target: int, count: int) -> None:
        for stack in self._stacks.values():
            stack[:, target, :, :count] = stack[:, source, :, :count]

    def _occupy(self, slot: int, ids: NDArray[np.int32], reused: int, owner: str) -> None:
        state = self.slots[slot]
        state.tokens[:reused] = ids[:reused]
        state.length = reused
        state.reached = max(state.reached, reused)
        state.owner = owner
        state.busy = True
        state.suffix = state.changed = 0
