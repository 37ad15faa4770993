"""Which names are bound where in a Python module, as its syntax tree says it, broken or not."""

import builtins
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

from parso.python.tree import Module, Name
from parso.tree import NodeOrLeaf

BUILT_IN = frozenset(
    {*dir(builtins), "__file__", "__path__", "__annotations__", "__class__", "__dict__"}
)

_FUNCTIONS = ("funcdef", "lambdef")
_COMPREHENSIONS = ("testlist_comp", "dictorsetmaker", "argument")
_MOST_UNBOUND = 16


class Scopes:
    """The bindings of one module. Whatever stands in a line that does not parse counts as bound."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._names: list[Name] = [
            name for names in module.get_used_names().values() for name in names
        ]

    def visible(self, leaf: NodeOrLeaf) -> set[str]:
        """Return what is bound where `leaf` stands, built-in names too."""
        return set(BUILT_IN).union(*(self._bound[scope] for scope in _scopes(leaf)))

    def local(self, leaf: NodeOrLeaf) -> set[str]:
        """Return what is bound in the innermost scope around `leaf` itself."""
        return self._bound[next(_scopes(leaf))]

    def unbound(self, leaf: NodeOrLeaf) -> tuple[str, ...]:
        """Return names behind `leaf`, in its function, that nothing binds, the nearest first."""
        scope = next(_scopes(leaf))
        behind = [name for name in self._names if name.start_pos > leaf.start_pos]
        loads = (name for name in behind if _is_load(name) and scope in _around(name, scope))
        found = sorted(
            (name for name in loads if name.value not in self.visible(name)),
            key=lambda name: name.start_pos,
        )
        return tuple(dict.fromkeys(name.value for name in found))[:_MOST_UNBOUND]

    @cached_property
    def _bound(self) -> defaultdict[NodeOrLeaf, set[str]]:
        bound: defaultdict[NodeOrLeaf, set[str]] = defaultdict(set)
        for name in self._names:
            if _is_binding(name):
                bound[next(_scopes(name))].add(name.value)
            elif name.parent.type in ("global_stmt", "nonlocal_stmt"):
                bound[self._module].add(name.value)
        return bound


def function_around(leaf: NodeOrLeaf) -> NodeOrLeaf | None:
    """Return the definition of the function that `leaf` is in."""
    scopes = (scope for scope in _scopes(leaf) if scope.type == "funcdef")
    return next(scopes, None)


def class_around(leaf: NodeOrLeaf) -> NodeOrLeaf | None:
    """Return the definition of the class that `leaf` is in."""
    return leaf.search_ancestor("classdef")


def _around(name: Name, scope: NodeOrLeaf) -> Iterator[NodeOrLeaf]:
    """Yield the scopes that a name's value is computed in with `scope`; not functions of a module.

    Functions are called later, when a module's names are bound.
    """
    for found in _scopes(name):
        yield found
        if scope.type == "file_input" and found.type == "funcdef":
            return


def _scopes(leaf: NodeOrLeaf) -> Iterator[NodeOrLeaf]:
    """Yield scopes whose names can be read at `leaf`, or that it binds in, the innermost first."""
    within, node, first = leaf, leaf.parent, True
    while node is not None:
        if _is_scope(node, within, leaf) and (first or node.type != "classdef"):
            yield node
            first = False
        within, node = node, node.parent


def _is_scope(node: NodeOrLeaf, within: NodeOrLeaf, leaf: NodeOrLeaf) -> bool:
    if node.type == "funcdef":
        return within is not node.name
    if node.type == "classdef":
        return within is node.children[-1]
    if node.type in _COMPREHENSIONS:
        is_comprehension = node.children[-1].type in ("comp_for", "sync_comp_for")
        return is_comprehension and not _is_walrus_target(leaf)
    return node.type in ("file_input", "lambdef")


def _is_walrus_target(leaf: NodeOrLeaf) -> bool:
    parent = leaf.parent
    return parent is not None and parent.type == "namedexpr_test" and parent.children[0] is leaf


def _is_binding(name: Name) -> bool:
    if name.parent.type == "trailer":
        return False
    return name.is_definition() or name.search_ancestor("error_node") is not None


def _is_load(name: Name) -> bool:
    if name.is_definition() or name.search_ancestor("import_name", "import_from", "error_node"):
        return False
    if name.parent.type == "argument" and name.parent.children[0] is name:
        return bool(name.get_next_leaf() != "=")
    before = name.get_previous_leaf()
    return bool(before != "." and name.parent.type not in ("param", "global_stmt", "nonlocal_stmt"))
