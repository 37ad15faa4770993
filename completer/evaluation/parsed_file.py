"""A parsed file: which of its characters are code, and which syntax nodes stand around them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tree_sitter import Node

from completer.context.grammars import parse

_ATTRIBUTES = frozenset(
    ("attribute", "member_expression", "field_expression", "selector_expression", "field_access")
)


class ParsedFile:
    """A file in a language that has a grammar.

    `is_code` [characters] tells what can be seen and is neither comment nor docstring. Raises
    `ValueError` for a language without a grammar.
    """

    def __init__(self, path: Path, language: str, text: str) -> None:
        self.path = path
        self.language = language
        self.text = text
        data = text.encode("utf-8", "surrogatepass")
        tree = parse(data, language)
        if tree is None:
            raise ValueError(f"there is no grammar for {language}")
        self._root = tree.root_node
        begins = np.frombuffer(data, np.uint8) & 0xC0 != 0x80
        self._byte_of = np.append(np.flatnonzero(begins), len(data))  # where each one begins
        self.is_code = self._find_code()

    def line_start(self, offset: int) -> int:
        """Where the line of a character begins."""
        return self.text.rfind("\n", 0, offset) + 1

    def line_end(self, offset: int) -> int:
        """Where the line of a character ends, before its line break."""
        end = self.text.find("\n", offset)
        return len(self.text) if end < 0 else end

    def nodes_at(self, offset: int) -> Iterator[tuple[int, int]]:
        """Yield first and past-last character of the nodes around a character, the smallest first.

        The whole file is none of them, nor is what does not parse.
        """
        byte = int(self._byte_of[offset])
        node = self._root.named_descendant_for_byte_range(byte, byte + 1)
        while node is not None and node.parent is not None:
            if not node.has_error:
                yield self._characters(node)
            node = node.parent

    def is_attribute(self, offset: int) -> bool:
        """Whether the name that begins there is an attribute, behind its dot."""
        byte = int(self._byte_of[offset])
        node = self._root.named_descendant_for_byte_range(byte, byte + 1)
        parent = node and node.parent
        if node is None or parent is None or self.text[offset - 1 : offset] != ".":
            return False
        return parent.type in _ATTRIBUTES and parent.end_byte == node.end_byte

    def _find_code(self) -> NDArray[np.bool_]:
        code = np.array([not character.isspace() for character in self.text], np.bool_)
        for node in _prose(self._root):
            start, end = self._characters(node)
            code[start:end] = False
        return code

    def _characters(self, node: Node) -> tuple[int, int]:
        start, end = np.searchsorted(self._byte_of, (node.start_byte, node.end_byte))
        return int(start), int(end)


def _prose(root: Node) -> Iterator[Node]:
    """Yield comments, and strings that are statements: docstrings."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if "comment" in node.type or _is_docstring(node):
            yield node
        else:
            waiting.extend(node.children)


def _is_docstring(node: Node) -> bool:
    only = node.named_children[0] if node.named_child_count == 1 else None
    is_string = only is not None and only.type in ("string", "concatenated_string")
    return node.type == "expression_statement" and is_string
