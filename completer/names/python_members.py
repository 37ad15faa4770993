"""The members of what jedi says a Python expression may be, and whether those are all it has."""

import re
from pathlib import Path

import jedi
from jedi.api.completion import complete_trailer
from jedi.inference.base_value import Value, ValueSet
from jedi.inference.context import AbstractContext
from parso.tree import NodeOrLeaf

from completer.names.evidence import NameKind, Names

_MOST = 4_000
_STUBS = Path(jedi.__file__).parent / "third_party"
_Key = tuple[type, bool, NodeOrLeaf]
_TYPESHED: dict[_Key, Names] = {}
_OF_TYPES = frozenset(dir(type))
"""What every class has beside its members, which jedi leaves out."""
_TYPES = frozenset({"type", "GenericAlias"})
_ROOTS = frozenset({"object", "type"})
_LOOKS_UP = re.compile(r"\bdef __getattr(?:ibute)?__\b")
_SETS_UP = re.compile(
    r"\bdef __new__\b|\bsetattr\s*\(|\b(?:__dict__|vars\(\w+\))(?:\.update|\s*[\[|])"
)
_KEEPS_ALL = re.compile(
    r"@\s*(?:\w+\.)*(?:dataclass|define|frozen|mutable|attrs|s|final|unique|runtime_checkable"
    r"|total_ordering|abstract|deprecated|inherit_doc|dataclass_transform)\b"
)


class Members:
    """Finds members in one module, `around` whose caret a class may stand.

    What an instance has depends on its class, which is looked through once; classes of typeshed,
    which never change, once in this process.
    """

    def __init__(self, context: AbstractContext, around: NodeOrLeaf | None) -> None:
        self._context = context
        self._around = around
        self._known: dict[_Key, Names] = {}

    def of(self, values: ValueSet) -> Names | None:
        """Return the names behind a dot after `values`; `None` if not known.

        Of several values what any of them has is returned; `None` itself, which nobody asks for
        its members, counts beside others as nothing.
        """
        known = [value for value in values if not _is_none(value)]
        if not known or any(_is_unknown(value) for value in known):
            return None
        found = [self._of_one(value) for value in known]
        names = frozenset[str]().union(*(each.names for each in found))
        kinds = {each.kind for each in found}
        kind = kinds.pop() if len(kinds) == 1 else NameKind.INSTANCE
        return Names(NameKind.OPEN if NameKind.OPEN in kinds else kind, names) if names else None

    def _of_one(self, value: Value) -> Names:
        key = _key(value)
        if key is None:
            return self._look_through(value)
        remembered = _TYPESHED if _is_typeshed(value) else self._known
        if key not in remembered:
            remembered[key] = self._look_through(value)
        return remembered[key]

    def _look_through(self, value: Value) -> Names:
        found = complete_trailer(self._context, ValueSet([value]))
        names = frozenset(name.string_name for name in found[:_MOST])
        if value.is_class() or _is_type(value):
            names |= _OF_TYPES
        kind = _kind_of(value, self._around)
        inherits = kind is NameKind.MODULE or "__class__" in names  # else a base was not found
        return Names(kind if inherits and len(found) <= _MOST else NameKind.OPEN, names)


def forget_typeshed() -> None:
    """Forget the members of typeshed's classes, which syntax trees are kept by."""
    _TYPESHED.clear()


def _key(value: Value) -> "_Key | None":
    if not value.is_class() and not value.is_instance():
        return None  # what a module has, its class does not say
    node = (value if value.is_class() else value.py__class__()).tree_node
    is_class = node is not None and node.type == "classdef"
    return (type(value), value.is_class(), node) if is_class else None


def _is_typeshed(value: Value) -> bool:
    made_by = value if value.is_class() else value.py__class__()
    path = made_by.get_root_context().py__file__()
    return path is not None and _STUBS in Path(path).parents


def _kind_of(value: Value, around: NodeOrLeaf | None) -> NameKind:
    if value.is_module() or value.is_namespace():
        return NameKind.OPEN if _is_open_module(value) else NameKind.MODULE
    if _is_type(value):
        return NameKind.OPEN
    if value.is_class():
        return NameKind.OPEN if _is_open_class(value) else NameKind.CLASS
    made_by = value.py__class__()
    if _is_open_class(made_by):
        return NameKind.OPEN
    is_self = around is not None and made_by.tree_node is around
    return NameKind.SELF if is_self else NameKind.INSTANCE


def _is_type(value: Value) -> bool:
    """Whether a value is a class that is not known, as `__class__` is."""
    is_value = not value.is_module() and not value.is_class()
    return is_value and bool(value.py__class__().py__name__() in _TYPES)


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
    return bool(stars > len(module.star_imports()))


def _is_open_class(cls: Value) -> bool:
    return any(_may_have_more(base) for base in cls.py__mro__())


def _may_have_more(cls: Value) -> bool:
    tree = cls.tree_node
    if cls.is_compiled() or tree is None or cls.py__name__() in _ROOTS:
        return False
    if tree.type != "classdef":  # what `typing` makes: Generic, Protocol, Tuple
        return bool(tree.type != "name" or cls.py__name__() == "Any")
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
