"""Choose what to mask out of a text: spans that a person at the keyboard wants filled in."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import tree_sitter_python
from tree_sitter import Language, Node, Parser

EARLIEST_CARET = 0.3  # share of the text: what is before it is always prefix
MOST_LINES = 6
LONGEST_NODE = 400  # characters

_PYTHON = Language(tree_sitter_python.language())


@dataclass(frozen=True)
class Span:
    """Characters `start:end` of a text to fill in; difficulty is counted under `category`."""

    start: int
    end: int
    category: str


def rest_of_line(text: str, caret: int, rng: np.random.Generator) -> Span:
    """From the caret to the end of its line."""
    return Span(caret, _line_end(text, caret), "rest_of_line")


def few_tokens(text: str, caret: int, rng: np.random.Generator) -> Span:
    """One to four words or signs of the caret's line."""
    words = re.compile(r"\s*(?:\w+|[^\w\s]+)").finditer(text, caret, _line_end(text, caret))
    ends = [word.end() for word in words][: int(rng.integers(1, 5))]
    return Span(caret, ends[-1] if ends else caret, "few_tokens")


def whole_line(text: str, caret: int, rng: np.random.Generator) -> Span:
    """The caret's line behind its indentation."""
    start = text.rfind("\n", 0, caret) + 1
    end = _line_end(text, caret)
    return Span(end - len(text[start:end].lstrip()), end, "whole_line")


def several_lines(text: str, caret: int, rng: np.random.Generator) -> Span:
    """The caret's line behind its indentation and up to five more."""
    span = whole_line(text, caret, rng)
    end = span.end
    for _ in range(int(rng.integers(1, MOST_LINES))):
        end = _line_end(text, min(end + 1, len(text)))
    return Span(span.start, end, "several_lines")


def syntax_node(text: str, caret: int, rng: np.random.Generator) -> Span:
    """A whole node of the syntax tree around the caret; its category is the node's type."""
    data = text.encode()
    offset = len(text[:caret].encode())
    node = Parser(_PYTHON).parse(data).root_node.named_descendant_for_byte_range(offset, offset)
    nodes = _small_ancestors(node)
    if not nodes:
        return rest_of_line(text, caret, rng)
    chosen = nodes[int(rng.integers(len(nodes)))]
    start, end = (len(data[:byte].decode()) for byte in (chosen.start_byte, chosen.end_byte))
    return Span(start, end, chosen.type)


def nothing(text: str, caret: int, rng: np.random.Generator) -> Span:
    """An empty middle: the model has to learn when there is nothing to add."""
    return Span(_line_end(text, caret), _line_end(text, caret), "nothing")


Kind = Callable[[str, int, np.random.Generator], Span]  # of a text and a caret in it

KINDS: tuple[tuple[Kind, float], ...] = (
    (rest_of_line, 0.45),
    (few_tokens, 0.10),
    (whole_line, 0.15),
    (several_lines, 0.12),
    (syntax_node, 0.13),
    (nothing, 0.05),
)


def draw_span(text: str, rng: np.random.Generator) -> Span:
    """A span of a random kind at a random caret."""
    caret = int(len(text) * rng.uniform(EARLIEST_CARET, 1.0))
    kind = rng.choice(len(KINDS), p=[share for _, share in KINDS])
    return KINDS[kind][0](text, caret, rng)


def _line_end(text: str, position: int) -> int:
    end = text.find("\n", position)
    return len(text) if end < 0 else end


def _small_ancestors(node: Node | None) -> list[Node]:
    nodes = []
    while node is not None and node.end_byte - node.start_byte <= LONGEST_NODE:
        if node.type not in ("comment", "module"):
            nodes.append(node)
        node = node.parent
    return nodes
