"""Texts by name in a suffix tree of bounded size: written, rewritten, appended to and dropped.

When room runs out, the text that was touched longest ago goes first; texts that are pinned stay. A
text larger than all of the room keeps its end.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from completer.drafting.suffix_tree import (
    BYTES_PER_TOKEN,
    NEXT,
    RECENT_BIT,
    STREAM,
    STREAM_STEP,
    append,
    cut,
    first_of,
    grow_nodes,
    mark,
    new_nodes,
    rewrite,
)

Int32s = NDArray[np.int32]

RECENT_TOKENS = 400


class End(IntEnum):
    """What a kernel has to know of a text to append to it, as an array: see `LiveText.reserve`."""

    NUMBER = 0
    TAIL = 1
    """The text's last node."""
    RECENT = 2
    """The text's first recent node; 0: none."""
    LENGTH = 3


@dataclass(slots=True)
class Stream:
    """One text in the tree: its number, its first and last node, its length in tokens."""

    number: int
    head: int = 0
    tail: int = 0
    length: int = 0
    pinned: bool = False
    recent: int = 0
    """The first node of the recent tokens, which are marked so; 0: none are."""


class LiveText:
    """A set of named token streams in context order, bounded in bytes. Not locked: its owner is."""

    def __init__(self, max_bytes: int) -> None:
        self.capacity = max(1, max_bytes // BYTES_PER_TOKEN)
        self.nodes = new_nodes(min(self.capacity, 1024))
        self.tokens = 0
        self.evicted: list[Hashable] = []
        """Names of texts evicted since the owner last cleared this list."""
        self._streams: dict[Hashable, Stream] = {}  # least recently touched first
        self._numbers = 0

    def __contains__(self, name: Hashable) -> bool:
        return name in self._streams

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.nodes.nbytes

    def write(
        self, name: Hashable, tokens: Int32s, *, pinned: bool = False, bits: int = 0
    ) -> Stream:
        """Make the text `name` read `tokens`; only what differs from before costs time.

        bits: what its nodes say beside their number (`suffix_tree.DRAFT_BIT`). A text keeps those
        that it began with.
        """
        tokens = tokens[-self.capacity :]
        stream = self._touch(name, bits)
        stream.pinned = True  # not to be evicted for its own sake
        self._make_room(len(tokens) - stream.length)
        tokens = tokens[max(0, len(tokens) - stream.length - self._room()) :]
        self.tokens += len(tokens) - stream.length
        stream.head, stream.tail = rewrite(
            self.nodes, stream.head, stream.tail, stream.length, tokens, stream.number
        )
        stream.length = len(tokens)
        stream.pinned = pinned
        return stream

    def append(self, name: Hashable, tokens: Int32s) -> None:
        """Append to the text `name`; as much as there is room for."""
        stream = self._touch(name)
        self._make_room(len(tokens))
        tokens = tokens[: self._room()]
        if not len(tokens):
            return
        recent = RECENT_BIT if stream.recent else 0
        stream.tail = append(self.nodes, stream.tail, tokens, stream.number + recent)
        stream.recent = self._slide(stream, len(tokens))
        stream.head = stream.head or first_of(self.nodes, stream.tail, len(tokens))
        stream.length += len(tokens)
        self.tokens += len(tokens)

    def reserve(self, name: Hashable, room: int) -> NDArray[np.int64] | None:
        """Make room for so many tokens behind the text `name`; return its `End`.

        None if there is no such room.
        """
        stream = self._touch(name)
        self._make_room(room)
        if self._room() < room:
            return None
        return np.array([stream.number, stream.tail, stream.recent, stream.length], np.int64)

    def follow(self, name: Hashable) -> None:
        """Mark the last tokens of the text `name` as recent, and let them be as it grows."""
        stream = self._streams[name]
        stream.recent = mark(
            self.nodes, stream.tail, min(RECENT_TOKENS, stream.length), stream.number + RECENT_BIT
        )

    def truncate(self, name: Hashable, length: int) -> None:
        """Cut the text `name` after `length` tokens."""
        stream = self._streams[name]
        removed = stream.length - length
        if removed <= 0:
            return
        stream.tail = cut(self.nodes, stream.tail, removed)
        stream.head = stream.head if stream.tail else 0
        stream.length = length
        self.tokens -= removed
        if stream.recent:
            self.follow(name)

    def drop(self, name: Hashable) -> None:
        """Remove the text `name`, if it is there."""
        if name in self._streams:
            self.truncate(name, 0)
            del self._streams[name]

    def number(self, name: Hashable) -> int:
        """Return the number of the text `name`; 0 if there is none."""
        return self._streams[name].number if name in self._streams else 0

    def length(self, name: Hashable) -> int:
        """Return the length of the text `name` in tokens; 0 if there is none."""
        return self._streams[name].length if name in self._streams else 0

    def _touch(self, name: Hashable, bits: int = 0) -> Stream:
        stream = self._streams.pop(name, None)
        if stream is None:
            self._numbers += STREAM_STEP
            stream = Stream(self._numbers + bits)
        self._streams[name] = stream
        return stream

    def _slide(self, stream: Stream, added: int) -> int:
        """Let as many tokens as were added stop being recent; return the first that still is."""
        node = stream.recent
        surplus = min(added, stream.length + added - RECENT_TOKENS) if node else 0
        for _ in range(surplus):
            self.nodes[node, STREAM] = stream.number
            node = int(self.nodes[node, NEXT])
        return node

    def _room(self) -> int:
        return len(self.nodes) - 1 - self.tokens

    def _make_room(self, wanted: int) -> None:
        """Grow the tree up to its capacity, then evict."""
        if self._room() >= wanted:
            return
        size = min(self.capacity, max(2 * (len(self.nodes) - 1), self.tokens + wanted))
        self.nodes = grow_nodes(self.nodes, size)
        oldest = [name for name, stream in self._streams.items() if not stream.pinned]
        for name in oldest:
            if self._room() >= wanted:
                return
            if name != next(reversed(self._streams)):
                self.drop(name)
                self.evicted.append(name)
