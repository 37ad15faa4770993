"""Choose what to mask out of a text: spans that a person at the keyboard wants filled in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import tree_sitter_python
from tree_sitter import Language, Node, Parser

EARLIEST_CARET = 0.3  # share of the text: what is before it is always prefix
MOST_LINES = 6
LONGEST_NODE = 400  # bytes

_PYTHON = Language(tree_sitter_python.language())


@dataclass(frozen=True)
class Source:
    """A piece of source code and, once asked for, its syntax tree."""

    text: str

    @cached_property
    def _bytes(self) -> bytes:
        return self.text.encode()

    @cached_property
    def _root(self) -> Node:
        return Parser(_PYTHON).parse(self._bytes).root_node

    def node_at(self, position: int) -> Node:
        """The smallest named node around a character."""
        offset = len(self.text[:position].encode())
        return self._root.named_descendant_for_byte_range(offset, offset) or self._root

    def construct_at(self, position: int) -> str:
        """The type of the node that a character's own node is part of, such as `argument_list`."""
        node = self.node_at(position)
        return (node.parent or node).type

    def characters(self, node: Node) -> tuple[int, int]:
        """First character of a node and the one after its last."""
        start = len(self._bytes[: node.start_byte].decode())
        return start, start + len(self._bytes[node.start_byte : node.end_byte].decode())

    def line_end(self, position: int) -> int:
        """Where the line of a character ends."""
        end = self.text.find("\n", position)
        return len(self.text) if end < 0 else end


Cut = tuple[int, int]  # first character to fill in and the one after the last
Kind = Callable[[Source, int, np.random.Generator], Cut]


@dataclass(frozen=True)
class Span:
    """Characters `start:end` of a text to fill in; difficulty is counted under `category`."""

    start: int
    end: int
    category: str


def rest_of_line(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """From the caret to the end of its line."""
    return caret, source.line_end(caret)


def few_tokens(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """One to four words or signs of the caret's line."""
    words = re.compile(r"\s*(?:\w+|[^\w\s]+)").finditer(source.text, caret, source.line_end(caret))
    ends = [word.end() for word in words][: int(rng.integers(1, 5))]
    return caret, ends[-1] if ends else caret


def whole_line(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """The caret's line behind its indentation."""
    start = source.text.rfind("\n", 0, caret) + 1
    end = source.line_end(caret)
    return end - len(source.text[start:end].lstrip()), end


def several_lines(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """The caret's line behind its indentation and up to five more."""
    start, end = whole_line(source, caret, rng)
    for _ in range(int(rng.integers(1, MOST_LINES))):
        end = source.line_end(min(end + 1, len(source.text)))
    return start, end


def syntax_node(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """A whole node of the syntax tree around the caret, at most `LONGEST_NODE` bytes of it."""
    nodes = _small_ancestors(source.node_at(caret))
    if not nodes:
        return rest_of_line(source, caret, rng)
    return source.characters(nodes[int(rng.integers(len(nodes)))])


def nothing(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """An empty middle: the model has to learn when there is nothing to add."""
    return source.line_end(caret), source.line_end(caret)


KINDS: tuple[tuple[Kind, float], ...] = (
    (rest_of_line, 0.45),
    (few_tokens, 0.10),
    (whole_line, 0.15),
    (several_lines, 0.12),
    (syntax_node, 0.13),
    (nothing, 0.05),
)


def draw_kind(rng: np.random.Generator) -> Kind:
    """A kind of span, in the shares of `KINDS`."""
    return KINDS[int(rng.choice(len(KINDS), p=[share for _, share in KINDS]))][0]


def draw_span(source: Source, kind: Kind, rng: np.random.Generator) -> Span:
    """A span of a kind at a random caret; its category says which construct the caret is in."""
    caret = int(len(source.text) * rng.uniform(EARLIEST_CARET, 1.0))
    start, end = kind(source, caret, rng)
    return Span(start, end, f"{kind.__name__} in {source.construct_at(start)}")


def any_span(text: str, rng: np.random.Generator) -> Span:
    """A span of a random kind at a random caret."""
    return draw_span(Source(text), draw_kind(rng), rng)


def _small_ancestors(node: Node | None) -> list[Node]:
    """The node and those around it, as long as they are small; comments are no syntax."""
    nodes = []
    while node is not None and node.end_byte - node.start_byte <= LONGEST_NODE:
        if node.type not in ("comment", "module"):
            nodes.append(node)
        node = node.parent
    return nodes
