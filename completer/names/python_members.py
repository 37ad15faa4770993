"""The members of what jedi says a Python expression may be, and whether those are all it has."""

import re
from collections.abc import Iterable

from jedi.api.completion import complete_trailer
from jedi.inference.base_value import Value, ValueSet
from jedi.inference.context import AbstractContext
from parso.tree import NodeOrLeaf

from completer.names.evidence import NameKind, Names

_MOST = 4_000
_ROOTS = frozenset({"object", "type"})
_LOOKS_UP = re.compile(r"\bdef __getattr(?:ibute)?__\b")
_SETS_UP = re.compile(r"\bsetattr\s*\(|\b(?:__dict__|vars\(\w+\))(?:\.update|\s*[\[|])")
_KEEPS_ALL = re.compile(
    r"@\s*(?:\w+\.)*(?:dataclass|define|frozen|mutable|attrs|s|final|unique|runtime_checkable"
    r"|total_ordering|abstract|deprecated|inherit_doc|dataclass_transform)\b"
)


def members(values: ValueSet, context: AbstractContext, around: NodeOrLeaf | None) -> Names | None:
    """Return the names behind a dot after `values`, read in `context`; `None` if not known.

    `around` is the class that the dot stands in. Of several values what any of them has is
    returned; `None` itself, which nobody asks for its members, counts beside others as nothing.
    """
    known = [value for value in values if not _is_none(value)]
    if not known or any(_is_unknown(value) for value in known):
        return None
    found = complete_trailer(context, ValueSet(known))
    names = frozenset(name.string_name for name in found[:_MOST])
    kind = _kind(known, around) if len(found) <= _MOST else NameKind.OPEN
    return Names(kind, names) if names else None


def _kind(values: Iterable[Value], around: NodeOrLeaf | None) -> NameKind:
    kinds = {_kind_of(value, around) for value in values}
    if NameKind.OPEN in kinds:
        return NameKind.OPEN
    return kinds.pop() if len(kinds) == 1 else NameKind.INSTANCE


def _kind_of(value: Value, around: NodeOrLeaf | None) -> NameKind:
    if value.is_module() or value.is_namespace():
        return NameKind.OPEN if _is_open_module(value) else NameKind.MODULE
    if value.is_class():
        return NameKind.OPEN if _is_open_class(value) else NameKind.CLASS
    made_by = value.py__class__()
    if _is_open_class(made_by):
        return NameKind.OPEN
    is_self = around is not None and made_by.tree_node is around
    return NameKind.SELF if is_self else NameKind.INSTANCE


def _is_none(value: Value) -> bool:
    return bool(value.py__class__().py__name__() == "NoneType") if value.is_instance() else False


def _is_unknown(value: Value) -> bool:
    """Whether a value stands for any object: its members are those that everything has."""
    name = value.py__name__() if value.is_class() else value.py__class__().py__name__()
    return name in ("object", "Any", "TypeVar", "_Alias", "_SpecialForm")


def _is_open_module(module: Value) -> bool:
    if module.is_namespace() or module.is_compiled() or module.tree_node is None:
        return False
    names = module.tree_node.get_used_names()
    if module.is_stub():
        return "__getattr__" in names
    return "__getattr__" in names or "globals" in names or has_unknown_star(module)


def has_unknown_star(module: Value) -> bool:
    """Whether a module imports everything from another one that is not there."""
    stars = sum(found.is_star_import() for found in module.tree_node.iter_imports())
    return stars > len(module.star_imports())


def _is_open_class(cls: Value) -> bool:
    return any(_may_have_more(base) for base in cls.py__mro__())


def _may_have_more(cls: Value) -> bool:
    tree = cls.tree_node
    if cls.is_compiled() or tree is None or cls.py__name__() in _ROOTS:
        return False
    if tree.type != "classdef":
        return True
    code = tree.get_code(include_prefix=False)
    if cls.is_stub():
        return _LOOKS_UP.search(code) is not None
    decorators = [each.get_code(include_prefix=False) for each in tree.get_decorators()]
    if (
        _LOOKS_UP.search(code)
        or _SETS_UP.search(code)
        or not all(map(_KEEPS_ALL.match, decorators))
    ):
        return True
    return any(not base.infer() for base in cls.py__bases__())
