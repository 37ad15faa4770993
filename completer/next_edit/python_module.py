"""The places of a name in a Python module, and which of them mean the same, by its syntax tree.

Only the scopes that a place stands in are looked at, so a question costs what its name's places do.
Strings and comments hold no names; what cannot be resolved means nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from tree_sitter import Node, Tree

from completer.context.grammars import parse_within

Role = Literal["bind", "load", "attribute", "keyword", "declared", "module", "other"]
"""What a name does: `keyword` names an argument in a call, `module` is part of a module's path."""

PARSED_WITHIN_MS = 200
_COMPREHENSIONS = frozenset(
    {
        "list_comprehension",
        "set_comprehension",
        "dictionary_comprehension",
        "generator_expression",
    }
)
_FUNCTIONS = frozenset({"function_definition", "lambda"})
_PARAMETERS = frozenset({"parameters", "lambda_parameters"})
_SPLATS = frozenset({"list_splat_pattern", "dictionary_splat_pattern"})
_PATTERNS = frozenset({"pattern_list", "tuple_pattern", "list_pattern", "tuple", *_SPLATS})
_DEFAULTS = frozenset({"default_parameter", "typed_default_parameter"})
_TARGETS = frozenset({"assignment", "augmented_assignment", "for_statement", "for_in_clause"})


@dataclass(frozen=True, slots=True, eq=False)
class Occurrence:
    """One place of a name: characters from `start` to `end`, standing directly in `scope`."""

    name: str
    start: int
    end: int
    node: Node
    role: Role
    scope: Node


class PythonModule:
    """One text and its syntax tree. Raises `ValueError` if that cannot be had in time."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = text.encode("utf-8", "replace")
        tree = parse_within(self.data, "python", PARSED_WITHIN_MS)
        if tree is None:
            raise ValueError("it takes too long to parse")
        self.tree: Tree = tree
        self._ascii = len(self.data) == len(text)
        self._found: dict[str, list[Occurrence]] = {}

    @cached_property
    def root(self) -> Node:
        """The module's own node."""
        return self.tree.root_node

    def occurrences(self, name: str) -> list[Occurrence]:
        """Return all places of a name, in order."""
        if name not in self._found:
            self._found[name] = list(self._occurrences(name))
        return self._found[name]

    def at(self, start: int, end: int) -> Occurrence | None:
        """Return the place of a name at exactly these characters."""
        found = self.occurrences(self.text[start:end])
        return next((each for each in found if each.start == start), None)

    def slice(self, node: Node) -> str:
        """Return the text of a node."""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def span(self, node: Node) -> tuple[int, int]:
        """Return the characters of a node."""
        return self._character(node.start_byte), self._character(node.end_byte)

    def node_at(self, start: int, end: int) -> Node | None:
        """Return the smallest node around these characters."""
        return self.root.descendant_for_byte_range(self._byte(start), self._byte(end))

    def references(self, of: Occurrence) -> list[Occurrence]:
        """Return all places that mean what `of` does, itself too; none if nothing binds it."""
        scope = self.binding(of)
        if scope is None:
            return []
        return [each for each in self.occurrences(of.name) if self.binding(each) == scope]

    def binding(self, of: Occurrence) -> Node | None:
        """Return the scope in which the name of this place is bound; `None` if none is known."""
        means = of.role in ("bind", "load", "declared")
        return self.bound_in(of.name, of.scope) if means else None

    def bound_in(self, name: str, scope: Node) -> Node | None:
        """Return the scope that has what `name` means in `scope`: that, or one around it."""
        binders = {each.scope.id for each in self.occurrences(name) if each.role == "bind"}
        declared = self._declared(name)
        start = scope.id
        while True:
            kind = declared.get(scope.id)
            if kind == "global_statement":
                scope = self.root
            is_seen = scope.id == start or scope.type != "class_definition"
            if kind is None and is_seen and scope.id in binders:
                return scope
            if scope == self.root:
                return scope if self._is_global(name, binders, declared) else None
            scope = self.scope_of(scope)

    def scope_of(self, node: Node, *, named: bool = False) -> Node:
        """Return the scope that a node stands in. `named`: it is a parameter's name or `:=`'s."""
        child, parent = node, node.parent
        while parent is not None:
            if self._encloses(parent, child, node, named=named):
                return parent
            child, parent = parent, parent.parent
        return self.root

    def _encloses(self, scope: Node, child: Node, node: Node, *, named: bool) -> bool:
        if scope.type in _FUNCTIONS:
            body = scope.child_by_field_name("body")
            return child == body or (named and child.type in _PARAMETERS)
        if scope.type == "class_definition":
            return child == scope.child_by_field_name("body")
        if scope.type not in _COMPREHENSIONS or named:
            return False
        clauses = (each for each in scope.named_children if each.type == "for_in_clause")
        iterable = next(clauses, scope).child_by_field_name("right")
        return iterable is None or not _is_within(node, iterable)

    def _is_global(self, name: str, binders: set[int], declared: dict[int, str]) -> bool:
        return self.root.id in binders or "global_statement" in declared.values()

    def _declared(self, name: str) -> dict[int, str]:
        found = (each for each in self.occurrences(name) if each.role == "declared")
        return {each.scope.id: each.node.parent.type for each in found if each.node.parent}

    def _occurrences(self, name: str) -> Iterator[Occurrence]:
        for found in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", self.text):
            node = self.node_at(found.start(), found.end())
            if node is not None and node.type == "identifier" and self.slice(node) == name:
                role, named = _role(node)
                scope = self.scope_of(node, named=named)
                yield Occurrence(name, found.start(), found.end(), node, role, scope)

    def _byte(self, character: int) -> int:
        return character if self._ascii else len(self.text[:character].encode("utf-8", "replace"))

    def _character(self, byte: int) -> int:
        return byte if self._ascii else len(self.data[:byte].decode("utf-8", "replace"))


def _role(node: Node) -> tuple[Role, bool]:
    """Return what an identifier does, and whether a scope around its statement takes it."""
    parent = node.parent
    if parent is None:
        return "other", False
    kind = parent.type
    if kind == "attribute":
        return ("attribute" if parent.child_by_field_name("attribute") == node else "load"), False
    if kind == "keyword_argument":
        return ("keyword" if parent.child_by_field_name("name") == node else "load"), False
    if kind in ("global_statement", "nonlocal_statement"):
        return "declared", False
    if kind in ("dotted_name", "aliased_import"):
        return _imported(node, parent), False
    if kind in ("keyword_pattern", "keyword_separator"):
        return "other", False
    if kind in ("function_definition", "class_definition"):
        return ("bind" if parent.child_by_field_name("name") == node else "load"), False
    if _is_parameter(node, parent):
        return "bind", True
    if kind == "named_expression" and parent.child_by_field_name("name") == node:
        return "bind", True
    return ("bind" if _is_target(node, parent) else "load"), False


def _imported(node: Node, parent: Node) -> Role:
    """Return what a name in an import does, or one with dots elsewhere: in a pattern."""
    if parent.type == "aliased_import":  # its alias; the name is in a dotted one
        return "bind"
    around = parent.parent
    first = parent.named_children[0] == node
    alone = parent.named_child_count == 1
    if around is None or around.type in ("relative_import", "aliased_import"):
        return "module"
    if around.type == "import_from_statement":
        module = around.child_by_field_name("module_name")
        return "module" if module == parent else "bind"
    if around.type == "import_statement":
        return "bind" if first else "module"
    if around.type == "case_pattern":
        return "bind" if alone else "load" if first else "attribute"
    return "load" if first else "other"


def _is_parameter(node: Node, parent: Node) -> bool:
    if parent.type in _SPLATS and parent.parent is not None:
        node, parent = parent, parent.parent
    if parent.type in _DEFAULTS:
        return parent.child_by_field_name("name") == node
    return parent.type == "typed_parameter" or parent.type in _PARAMETERS


def _is_target(node: Node, parent: Node) -> bool:
    while parent.type in _PATTERNS and parent.parent is not None:
        node, parent = parent, parent.parent
    if parent.type in _TARGETS:
        return parent.child_by_field_name("left") == node
    return parent.type == "as_pattern_target"


def _is_within(node: Node, other: Node) -> bool:
    return other.start_byte <= node.start_byte and node.end_byte <= other.end_byte
