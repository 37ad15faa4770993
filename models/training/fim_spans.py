"""Choose what to mask out of a text: spans as editors ask for them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile

import numpy as np
from tree_sitter import Node

from models.training.languages import DEFAULT, LANGUAGES

EARLIEST_CARET = 0.15  # share of the text: what is before it is always prefix
CARETS = 8  # drawn at most, until one stands well
PROSE_SHARE = 0.12  # of the carets in comments and texts of several lines that are kept
MOST_WORDS = 5
MOST_LINES = 6
LONGEST_BLOCK = 14  # lines behind the caret's
LONGEST_NODE = 400  # bytes

_WORD = re.compile(r"\s*(?:\w+|[^\w\s]+)")


@dataclass(frozen=True)
class Source:
    """A piece of source code and, once asked for, its syntax tree."""

    text: str
    language: str = DEFAULT

    @cached_property
    def _bytes(self) -> bytes:
        return self.text.encode()

    @cached_property
    def _root(self) -> Node:
        return LANGUAGES[self.language].parse(self._bytes)

    def node_at(self, position: int) -> Node:
        """The smallest named node around a character."""
        offset = len(self.text[:position].encode())
        return self._root.named_descendant_for_byte_range(offset, offset) or self._root

    def in_prose(self, position: int) -> bool:
        """Whether a character is in a comment or in a text of several lines."""
        return any(_is_prose(node) for node in _ancestors(self.node_at(position)))

    def characters(self, node: Node) -> tuple[int, int]:
        """First character of a node and the one after its last."""
        start = len(self._bytes[: node.start_byte].decode())
        return start, start + len(self._bytes[node.start_byte : node.end_byte].decode())

    def line_start(self, position: int) -> int:
        """Where the line of a character starts."""
        return self.text.rfind("\n", 0, position) + 1

    def line_end(self, position: int) -> int:
        """Where the line of a character ends."""
        end = self.text.find("\n", position)
        return len(self.text) if end < 0 else end

    def lines_end(self, position: int, more: int) -> int:
        """Where the line that is `more` lines further on ends, or the text."""
        end = self.line_end(position)
        for _ in range(more):
            end = self.line_end(min(end + 1, len(self.text)))
        return end

    def indentation(self, start: int) -> int | None:
        """How far the line that starts there is indented; None for a blank one."""
        line = self.text[start : self.line_end(start)]
        return len(line) - len(line.lstrip()) if line.strip() else None


Cut = tuple[int, int]  # first character to fill in and the one after the last
Kind = Callable[[Source, int, np.random.Generator], Cut]


@dataclass(frozen=True)
class Span:
    """Characters `start:end` of a text to fill in."""

    start: int
    end: int


def rest_of_line(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """From the caret to the end of its line."""
    return caret, source.line_end(caret)


def few_words(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """Some words or signs of the caret's line, whose rest stays."""
    words = _WORD.finditer(source.text, caret, source.line_end(caret))
    ends = [word.end() for word in words][: int(rng.integers(1, MOST_WORDS + 1))]
    return caret, ends[-1] if ends else caret


def indented_line(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """The caret's line with its indentation: the caret of an editor that has not indented yet."""
    return source.line_start(caret), source.line_end(caret)


def whole_line(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """The caret's line behind its indentation."""
    start, end = indented_line(source, caret, rng)
    return end - len(source.text[start:end].lstrip()), end


def rest_of_lines(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """The rest of the caret's line and up to five more."""
    return caret, source.lines_end(caret, int(rng.integers(1, MOST_LINES)))


def rest_of_block(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """The rest of the caret's line and of the lines behind it that are indented as far.

    Outside of any block, a blank line ends what belongs together.
    """
    depth = source.indentation(source.line_start(caret)) or 0
    end = last = source.line_end(caret)
    for _ in range(LONGEST_BLOCK):
        indentation = source.indentation(last + 1)
        if last == len(source.text) or _ends_block(indentation, depth):
            break
        last = source.line_end(last + 1)
        end = end if indentation is None else last
    return caret, end


def _ends_block(indentation: int | None, depth: int) -> bool:
    return depth == 0 if indentation is None else indentation < depth


def syntax_node(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """A whole node of the syntax tree around the caret, at most `LONGEST_NODE` bytes of it."""
    nodes = _small_nodes(source.node_at(caret))
    if not nodes:
        return rest_of_line(source, caret, rng)
    return source.characters(nodes[int(rng.integers(len(nodes)))])


def nothing(source: Source, caret: int, rng: np.random.Generator) -> Cut:
    """An empty middle: the model has to learn when there is nothing to add."""
    return source.line_end(caret), source.line_end(caret)


KINDS: tuple[tuple[Kind, float], ...] = (
    (rest_of_line, 0.34),
    (few_words, 0.09),
    (indented_line, 0.08),
    (whole_line, 0.13),
    (rest_of_lines, 0.10),
    (rest_of_block, 0.08),
    (syntax_node, 0.13),
    (nothing, 0.05),
)


def draw_caret(source: Source, rng: np.random.Generator) -> int:
    """A place in the text, seldom in prose and not in white space, if there is another."""
    caret = 0
    for _ in range(CARETS):
        drawn = int(len(source.text) * rng.uniform(EARLIEST_CARET, 1.0))
        if source.text[drawn : drawn + 1].isspace():
            continue
        caret = drawn
        if rng.random() < PROSE_SHARE or not source.in_prose(caret):
            break
    return caret


def any_span(source: Source, rng: np.random.Generator) -> Span:
    """A span at a random caret, of a kind drawn in the shares of `KINDS`."""
    kind, _ = KINDS[int(rng.choice(len(KINDS), p=[share for _, share in KINDS]))]
    return Span(*kind(source, draw_caret(source, rng), rng))


def _ancestors(node: Node | None) -> Iterator[Node]:
    """The node and all around it."""
    while node is not None:
        yield node
        node = node.parent


def _is_prose(node: Node) -> bool:
    several_lines = node.start_point[0] < node.end_point[0]
    return "comment" in node.type or ("string" in node.type and several_lines)


def _small_nodes(innermost: Node) -> list[Node]:
    """The node and those around it, as long as they are small; comments are no syntax."""
    small = takewhile(lambda n: n.end_byte - n.start_byte <= LONGEST_NODE, _ancestors(innermost))
    return [node for node in small if node.parent is not None and "comment" not in node.type]
