"""What is asked of the process that reads names, and how it and the answer go over a pipe."""

import json
import sys
from dataclasses import asdict, dataclass
from typing import Literal
from weakref import ReferenceType, WeakKeyDictionary, ref

from completer.names.evidence import NameEvidence, NameKind, Names

Part = Literal["around", "caret", "named"]

_held: "WeakKeyDictionary[frozenset[str], ReferenceType[frozenset[str]]]" = WeakKeyDictionary()
"""The sets of names that somebody holds: many answers have the same ones, which are kept once."""


@dataclass(frozen=True, slots=True)
class Question:
    r"""A document around a caret; lines end with `\n`.

    `part` is what is asked for: what may stand in the caret's line, whatever that says; what may
    stand at the caret itself; or the members of `owners`, dotted names in scope, and what may be
    imported from `modules`. `path` is the document's, absolute or empty, `root` the
    workspace's. After `most_s` seconds what was found so far is answered; `None` for no limit.
    """

    part: Part
    before: str
    after: str
    language: str
    path: str
    root: str
    whole: bool = True
    """Whether that is all of the document, so that what it does not bind is not bound."""
    most_s: float | None = None
    cache: str = ""
    """A private folder for the syntax trees of a workspace that leaves no trace elsewhere, and to
    which the packages that are installed here are none."""
    owners: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return it as one line."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, line: bytes) -> "Question":
        """Read what `encode` wrote."""
        fields = json.loads(line)
        names = {each: tuple(fields[each]) for each in ("owners", "modules")}
        return cls(**{**fields, **names})


def encode_evidence(evidence: NameEvidence) -> bytes:
    """Return evidence as one line of JSON: the same for the same evidence."""
    fields = {
        "members": {text: _encode(names) for text, names in evidence.members.items()},
        "at_caret": _encode(evidence.at_caret),
        "parameters": {text: _encode(names) for text, names in evidence.parameters.items()},
        "scope": _encode(evidence.scope),
        "unbound": evidence.unbound,
        "modules": {text: _encode(names) for text, names in evidence.modules.items()},
    }
    return json.dumps(fields).encode()


def decode_evidence(line: bytes) -> NameEvidence:
    """Read what `encode_evidence` wrote. Raises `ValueError`, `KeyError` or `TypeError` else."""
    fields = json.loads(line)
    return NameEvidence(
        {sys.intern(text): _decode(*names) for text, names in fields["members"].items()},
        fields["at_caret"] and _decode(*fields["at_caret"]),
        {sys.intern(text): _decode(*names) for text, names in fields["parameters"].items()},
        fields["scope"] and _decode(*fields["scope"]),
        tuple(map(sys.intern, fields["unbound"])),
        {sys.intern(text): _decode(*names) for text, names in fields["modules"].items()},
    )


def _encode(names: Names | None) -> list[str] | None:
    return None if names is None else [names.kind, *sorted(names.names)]


def _decode(kind: str, *names: str) -> Names:
    found = frozenset(map(sys.intern, names))
    return Names(NameKind(kind), _held.setdefault(found, ref(found))() or found)
