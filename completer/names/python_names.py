"""What jedi and a syntax tree say of the names at a caret in Python. Nothing is imported or run."""

import re
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import Parameter
from itertools import islice
from pathlib import Path

import jedi
from jedi.api.completion import get_user_context
from jedi.api.environment import InterpreterEnvironment
from jedi.inference.base_value import ValueSet
from jedi.inference.context import AbstractContext
from jedi.inference.helpers import infer_call_of_leaf
from parso.python.tree import Name
from parso.tree import NodeOrLeaf

from completer.names.document import Document, Position
from completer.names.evidence import NameEvidence, NameKind, Names
from completer.names.python_members import Members, has_unknown_star
from completer.names.python_scopes import Scopes, class_around, function_around

_MOST_MEMBERS = 48
_MOST_CALLEES = 24
_TRIES = 2
_NEAR_LINES = 150
_KEYWORDS = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
_SELF = ("self", "cls")
_MISTAKES = (Exception,)  # jedi is known to stumble over rare code in many ways
_CALLEE = re.compile(r"(?:\.?\w+)+$")


@dataclass(frozen=True, slots=True)
class PythonPlace:
    """Where a document lies, and the folders in which modules are found."""

    path: Path | None
    root: Path
    sys_path: tuple[str, ...]


def evidence_around(
    document: Document, place: PythonPlace, environment: InterpreterEnvironment, until: float
) -> NameEvidence:
    """Return what may stand in the caret's line, whatever it says.

    What is not found by the time `until`, on the monotonic clock, is left out.
    """
    text, position = document.without_line()
    return _Around(_script(text, place, environment), position).evidence(until)


def evidence_at_caret(
    document: Document, place: PythonPlace, environment: InterpreterEnvironment
) -> NameEvidence:
    """Return what may stand at the caret itself, and the parameters of the call that it is in."""
    if document.in_text:
        return NameEvidence()
    text, position = document.with_name()
    script = _script(text, place, environment)
    if document.in_import:
        names = frozenset(found.name for found in script.complete(*position) if _is_name(found))
        kind = NameKind.OPEN if "__getattr__" in names else NameKind.IMPORTABLE
        return NameEvidence(at_caret=Names(kind, names) if names else None)
    return NameEvidence(
        at_caret=_behind_dot(script, position), parameters=_open_call(script, position)
    )


def evidence_named(
    document: Document,
    place: PythonPlace,
    environment: InterpreterEnvironment,
    owners: Sequence[str],
    modules: Sequence[str],
    until: float,
) -> NameEvidence:
    """Return the members of the `owners` at the caret, and what may be imported from `modules`."""
    text, position = document.without_line()
    around = _Around(_script(text, place, environment), position)
    found = around.members({owner: [] for owner in owners}, until)
    imports = {
        module: evidence_at_caret(Document(f"from {module} import ", ""), place, environment)
        for module in modules
    }
    known = {module: each.at_caret for module, each in imports.items() if each.at_caret}
    return NameEvidence(found, modules=known)


def _script(text: str, place: PythonPlace, environment: InterpreterEnvironment) -> jedi.Script:
    project = jedi.Project(place.root, sys_path=place.sys_path)
    return jedi.Script(text, path=place.path, environment=environment, project=project)


def _is_name(found: jedi.api.classes.Completion) -> bool:
    return bool(found.type != "keyword")


def _behind_dot(script: jedi.Script, position: Position) -> Names | None:
    module = script._get_module_context()
    name = module.tree_node.get_leaf_for_position((position[0], position[1] + 1))
    dot = name.get_previous_leaf()
    if dot is None or dot != ".":
        return None
    expression = dot.get_previous_leaf()
    if not _is_whole(expression):
        return None
    with suppress(*_MISTAKES):
        values = infer_call_of_leaf(module.create_context(expression), expression)
        return Members(get_user_context(module, position), class_around(name)).of(values)
    return None


def _open_call(script: jedi.Script, position: Position) -> dict[str, Names]:
    with suppress(*_MISTAKES):
        for signature in script.get_signatures(*position):
            line, column = signature.bracket_start
            before = script._code_lines[line - 1][:column]
            callee = _CALLEE.search(before)
            used = set(signature._call_details.iter_used_keyword_arguments())
            given = signature._call_details.count_positional_arguments()
            names = {
                param.name
                for index, param in enumerate(signature.params)
                if param.kind in _KEYWORDS
                and (index >= given or param.kind is Parameter.KEYWORD_ONLY)
            }
            return {callee[0] if callee else "": Names(NameKind.PARAMETER, frozenset(names - used))}
    return {}


class _Around:
    """A module without what the caret's line says, and the place of that line."""

    def __init__(self, script: jedi.Script, position: Position) -> None:
        self._module = script._get_module_context()
        self._tree = self._module.tree_node
        self._position = position
        self._leaf = self._tree.get_leaf_for_position(position, include_prefixes=True)
        self._class = class_around(self._leaf)
        self._scopes = Scopes(self._tree)

    def evidence(self, until: float) -> NameEvidence:
        scope = self._visible()
        unbound = self._scopes.unbound(self._leaf) if scope is not None else ()
        found = self.members(dict(islice(self._chains.items(), _MOST_MEMBERS)), until)
        parameters = self._parameters(until)
        return NameEvidence(found, None, parameters, scope, unbound)

    def members(self, chains: Mapping[str, list[Name | None]], until: float) -> dict[str, Names]:
        """Return the members of dotted names that stand at some places, where they are known."""
        found = dict[str, Names]()
        # All are inferred before any is looked through: that spoils jedi's memory of `os.path`.
        inferred = {text: self._inferred(text, leaves) for text, leaves in chains.items()}
        for text, values in inferred.items():
            if time.monotonic() > until:
                break
            if (names := self._members(text, values)) is not None:
                found[text] = names
        return found

    def _visible(self) -> Names | None:
        names = self._scopes.visible(self._leaf)
        module = self._module.get_value()
        with suppress(*_MISTAKES):
            if has_unknown_star(module):
                return None
            for star in module.star_imports():
                for names_of in star.get_filters():
                    names.update(name.string_name for name in names_of.values())
        return Names(NameKind.SCOPE, frozenset(names))

    def _inferred(self, text: str, leaves: list[Name | None]) -> list[ValueSet]:
        """Return what a name stands for at its uses, and at the caret."""
        found = []
        for leaf in (*leaves[:_TRIES], None):
            with suppress(*_MISTAKES):
                found.append(self._values(text, leaf))
        return found

    def _members(self, text: str, inferred: list[ValueSet]) -> Names | None:
        for values in inferred:
            with suppress(*_MISTAKES):
                if (names := self._found.of(values)) is not None:
                    return replace(names, names=names.names | self._assigned[text])
        return None

    def _values(self, text: str, leaf: Name | None) -> ValueSet:
        if leaf is not None and _is_whole(leaf):
            return infer_call_of_leaf(self._module.create_context(leaf), leaf)
        first, *attributes = text.split(".")
        values = self._context.py__getattribute__(first, position=self._position)
        for attribute in attributes:
            values = values.py__getattribute__(attribute)
        return values

    @cached_property
    def _found(self) -> Members:
        return Members(self._context, self._class)

    @cached_property
    def _context(self) -> AbstractContext:
        return get_user_context(self._module, self._position)

    @cached_property
    def _near(self) -> list[Name]:
        """The names in the text near the caret, the nearest first."""
        line = self._position[0]
        names = (name for each in self._tree.get_used_names().values() for name in each)
        near = (name for name in names if abs(name.line - line) <= _NEAR_LINES)
        return sorted(near, key=lambda name: (abs(name.line - line), name.line < line, name.column))

    @cached_property
    def _chains(self) -> dict[str, list[Name | None]]:
        """The dotted names that members may be asked of, and where each of them stands."""
        found: dict[str, list[Name | None]] = {text: [None] for text in self._first}
        for name in self._near:
            if name.get_next_leaf() != "(" and (text := _dotted(name)):
                found.setdefault(text, []).append(name)
        return found

    @cached_property
    def _first(self) -> list[str]:
        """The parameters of the function around the caret, and what they are bound to."""
        function = function_around(self._leaf)
        return [param.name.value for param in function.get_params()] if function else []

    @cached_property
    def _assigned(self) -> defaultdict[str, set[str]]:
        """The attributes that the text binds, by the dotted name of their object."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        names = (name for each in self._tree.get_used_names().values() for name in each)
        for name in names:
            if name.parent.type == "trailer" and name.is_definition():
                owner, _, attribute = _dotted(name).rpartition(".")
                mine = owner.partition(".")[0] not in _SELF or class_around(name) is self._class
                if owner and mine:
                    found[owner].add(attribute)
        return found

    def _parameters(self, until: float) -> dict[str, Names]:
        found: dict[str, Names] = {}
        calls = (name for name in self._near if name.get_next_leaf() == "(")
        texts = {text: name for name in reversed(list(calls)) if (text := _dotted(name))}
        for text, name in islice(reversed(texts.items()), _MOST_CALLEES):
            if time.monotonic() > until:
                break
            with suppress(*_MISTAKES):
                if names := _keywords(infer_call_of_leaf(self._module.create_context(name), name)):
                    found[text] = Names(NameKind.PARAMETER, frozenset(names))
        return found


def _dotted(name: Name) -> str:
    """Return the dotted name that ends in `name`; empty if it begins with something else."""
    parts, leaf = [name.value], name
    while (dot := leaf.get_previous_leaf()) is not None and dot == ".":
        leaf = dot.get_previous_leaf()
        if leaf is None or leaf.type != "name":
            return ""
        parts.append(leaf.value)
    return ".".join(reversed(parts))


def _is_whole(leaf: NodeOrLeaf) -> bool:
    """Whether jedi finds all of the expression that ends in `leaf`: in broken code it may not."""
    before = leaf.get_previous_leaf()
    return before is None or before != "." or leaf.parent.type in ("trailer", "dotted_name")


def _keywords(values: ValueSet) -> set[str]:
    """Return the names by which arguments may be given to any of the callables `values`."""
    signatures = (signature for value in values for signature in value.get_signatures())
    params = (param for signature in signatures for param in signature.get_param_names(True))
    return {param.string_name for param in params if param.get_kind() in _KEYWORDS}
