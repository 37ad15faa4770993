"""What static analysis knows of the names at one caret: plain values, wherever they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum


class NameKind(StrEnum):
    """What names are the names of; how surely a set of them is all there are depends on it."""

    SELF = "self"
    """Members of an instance of the class around the caret."""
    INSTANCE = "instance"
    """Members of an instance of another class."""
    CLASS = "class"
    """Members of a class itself."""
    MODULE = "module"
    """Members of a module."""
    OPEN = "open"
    """Members of something that may have more: `__getattr__`, a base class that is not known."""
    IMPORTABLE = "importable"
    """What may stand behind `from x import`, or be imported."""
    PARAMETER = "parameter"
    """Parameters that a call may name."""
    SCOPE = "scope"
    """Names that are bound at the caret, built-in ones too."""


NameWeights = Mapping[NameKind, float]
"""How sure names of a kind are to be all that may stand there, from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names that may stand at one kind of place, none of them twice."""

    kind: NameKind
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class NameEvidence:
    """The names that may stand at a caret and in what is written there.

    `members` has the members of what dotted names in scope stand for ("self", "os.path"), by the
    text of the name. `at_caret` are those that may stand where the name that the caret is in or
    behind begins, where that is behind a dot or `import`; `None` where it is not, or not known.
    `parameters` are those of callees, by the text of the callee. `scope` are the names that are
    bound; `unbound` those that the text behind the caret uses and nothing binds, nearest first.
    `modules` has what may be imported from modules, by the text of their names (".models").
    """

    members: Mapping[str, Names] = field(default_factory=dict)
    at_caret: Names | None = None
    parameters: Mapping[str, Names] = field(default_factory=dict)
    scope: Names | None = None
    unbound: tuple[str, ...] = ()
    modules: Mapping[str, Names] = field(default_factory=dict)

    def with_named(self, named: "NameEvidence | None") -> "NameEvidence":
        """Add what is known of the names in an answer."""
        if named is None:
            return self
        members = {**named.members, **self.members}
        return replace(self, members=members, modules=named.modules)
