"""What a file defines: names, signatures and the first line of their documentation."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from tree_sitter import Node

from completer.context.grammars import definition_nodes, parse

_LONGEST_SIGNATURE = 240
_LONGEST_DOC = 160
_LONGEST_COMMENT = 4_096
_MOST = 5_000
LONGEST_SOURCE = 400_000
"""Characters of a file that may have been written by hand."""

_FUNCTIONS = frozenset({"function", "method"})
_NAME = re.compile(r"[^\W\d]\w*")
_NAME_FIELDS = ("name", "left", "property", "declarator", "type")
_KEYWORD_OUTSIDE = frozenset(
    {"type_spec", "type_alias", "const_spec", "var_spec", "variable_declarator"}
)
_INNER_SPACE = re.compile(r"(?<=[(\[]) |,? (?=[)\]])")
_COMMENT_DECORATION = re.compile(r"^(?:/\*+!?|//[/!]?|#+|\*+)?\s*|\s*\*+/$")


@dataclass(frozen=True, slots=True)
class Definition:
    """One definition. `start` and `end` count characters, `line` from 0.

    `kind` is one of function, method, class, interface, struct, enum, type, constant, field, macro
    and container (a namespace or an `impl`); `container` names the type that it is a member of.
    `signature` is the definition without its body, on one line, `doc` its documentation's first.
    """

    name: str
    kind: str
    signature: str
    start: int
    end: int
    line: int
    container: str = ""
    doc: str = ""


def definitions(source: str, language: str | None) -> list[Definition]:
    """Return what `source` defines outside of function bodies, in order; broken code is no error.

    Empty for a language without a grammar, and for a file so long that it hardly was written by
    hand.
    """
    if len(source) > LONGEST_SOURCE:
        return []
    data = source.encode("utf-8", "surrogatepass")
    tree = parse(data, language)
    if tree is None or language is None:
        return []
    reader = _Reader(data, language)
    found = reader.reachable(definition_nodes(tree, language))
    return [reader.definition(*item) for item in islice(found, _MOST)]


class _Reader:
    """Reads definitions off the nodes of one source."""

    def __init__(self, data: bytes, language: str) -> None:
        self._data = data
        self._ascii = data.isascii()
        self._language = language

    def reachable(self, nodes: Iterable[tuple[str, Node]]) -> Iterator[tuple[str, Node, str]]:
        """Yield definitions that other code can name, each with the type that it is in."""
        around: list[tuple[Node, str, str]] = []
        last = (-1, -1)
        for kind, node in nodes:
            while around and around[-1][0].end_byte <= node.start_byte:
                around.pop()
            span = (node.start_byte, node.end_byte)
            name, _ = self._names(node)
            if not name or span == last or any(outer in _FUNCTIONS for _, outer, _ in around):
                continue
            last = span
            yield kind, node, around[-1][2] if around else ""
            around.append((node, kind, name))

    def definition(self, kind: str, node: Node, container: str) -> Definition:
        name, qualifier = self._names(node)
        return Definition(
            name=name,
            kind="method" if kind == "function" and container else kind,
            signature=self._signature(node),
            start=self._characters(node.start_byte),
            end=self._characters(node.end_byte),
            line=node.start_point[0],
            container=container or qualifier,
            doc=self._docstring(node) if self._language == "python" else self._comment_above(node),
        )

    def _names(self, node: Node) -> tuple[str, str]:
        """Return the name that `node` defines and, for `A::f`, its qualifier, or empty ones."""
        inner: Node | None = node
        while inner is not None:
            node = inner
            inner = next(filter(None, map(node.child_by_field_name, _NAME_FIELDS)), None)
            if inner is None and node.type.endswith("_declarator"):
                inner = node.named_children[-1] if node.named_children else None
        text = self._text(node)
        names = _NAME.findall(text) if node.child_count == 0 or "::" in text else []
        return (names[-1], names[-2] if len(names) > 1 else "") if names else ("", "")

    def _signature(self, node: Node) -> str:
        value = node.child_by_field_name("value")
        body = node.child_by_field_name("body") or (value and value.child_by_field_name("body"))
        if body is not None:
            text = self._slice(node.start_byte, body.start_byte)
        else:
            text = self._text(node).split("\n", 1)[0].rstrip(" {")
        line = " ".join([*self._keyword(node), *text.split()])
        return _INNER_SPACE.sub("", line)[:_LONGEST_SIGNATURE]

    def _keyword(self, node: Node) -> list[str]:
        """Return `type`, `const` and the like, where the grammar has it outside of `node`."""
        parent = node.parent if node.type in _KEYWORD_OUTSIDE else None
        first = parent.child(0) if parent is not None else None  # `children` would make all of them
        return [self._text(first)] if first is not None and not first.is_named else []

    def _docstring(self, node: Node) -> str:
        body = node.child_by_field_name("body")
        first = body.named_children[0] if body is not None and body.named_children else None
        string = first.named_children[0] if first is not None and first.named_children else None
        if string is None or string.type != "string":
            return ""
        content = [child for child in string.children if child.type == "string_content"]
        return _first_line(self._text(content[0])) if content else ""

    def _comment_above(self, node: Node) -> str:
        while node.parent is not None and node.parent.start_point[0] == node.start_point[0]:
            node = node.parent
        comment, above = "", node.prev_sibling
        while above is not None and "comment" in above.type:
            if above.end_point[0] < node.start_point[0] - 1:
                break
            comment, node, above = self._text(above), above, above.prev_sibling
        return _first_line(comment)

    def _text(self, node: Node) -> str:
        # `Node.text` would read it through the parser again.
        return self._slice(node.start_byte, node.end_byte)

    def _slice(self, start: int, end: int) -> str:
        return self._data[start:end].decode("utf-8", "replace")

    def _characters(self, byte: int) -> int:
        return byte if self._ascii else len(self._slice(0, byte))


def _first_line(text: str) -> str:
    lines = (line.strip()[: 2 * _LONGEST_DOC] for line in text[:_LONGEST_COMMENT].split("\n"))
    bare = (_COMMENT_DECORATION.sub("", line).strip() for line in lines)
    return next(filter(None, bare), "")[:_LONGEST_DOC]
