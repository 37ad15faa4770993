"""Guides one generation by evidence of names (monitor-guided decoding, Agrawal et al. 2023).

At every token of a name whose members, or whatever may stand there, are known, the tokens that go
on with one of them are allowed. All is a function of the text: neither steps nor drafts change it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from completer.context.lexical import open_token
from completer.drafting.tree import DraftSource, DraftTree
from completer.engine.narrowing import Narrowing
from completer.names.evidence import NameEvidence, NameKind, Names, NameWeights
from completer.names.place import NamePlace, binds, name_place, with_import
from completer.names.vocabulary import NameTokens

WEIGHTS: NameWeights = dict.fromkeys(NameKind, 0.0) | {
    NameKind.SELF: 0.97,
    NameKind.INSTANCE: 0.92,
    NameKind.CLASS: 0.92,
    NameKind.MODULE: 0.97,
    NameKind.OPEN: 0.85,
    NameKind.IMPORTABLE: 0.97,
}
"""How sure each kind is, until a calibration says so."""

_MORE_IMPORTED = re.compile(r"(?:\w+,[\s(]*)+")
_BOUND_LATER = frozenset({NameKind.SELF, NameKind.INSTANCE, NameKind.CLASS})
_SURE = 0.9  # what is only likely is not drafted: the index does that better


@dataclass(slots=True)
class NameGuide:
    """Guides a text that begins behind `line`, which is the caret's line left of it.

    Of a comment or string that goes over the line's start, its opening mark stands in front.
    """

    evidence: NameEvidence
    weights: NameWeights
    tokens: NameTokens
    line: str
    language: str | None
    _caret: int = field(init=False)
    """Where the name begins that the caret is in or behind, or that is imported; -1 if none."""
    _text: str = field(init=False)
    """The line and what has been generated."""
    _read: int = field(default=0, init=False)
    """So many generated tokens are in `_text`."""

    def __post_init__(self) -> None:
        place = name_place(with_import(self.line) or self.line)
        self._caret = place.start if place else -1
        self._text = self.line

    def narrowings(self, generated: Sequence[int], tree: DraftTree) -> list[Narrowing]:
        """See `Guide`."""
        texts = [self._so_far(generated)]
        for token, parent in zip(tree.token_ids.tolist(), tree.parents.tolist(), strict=True):
            texts.append(texts[1 + parent] + self.tokens.pieces[token])
        return [found for row, text in enumerate(texts) if (found := self._narrowing(row, text))]

    def draft(self, generated: Sequence[int], most: int) -> DraftTree:
        """See `Guide`: the rest of the only name that begins as what is there does."""
        place, names = self._names_at(self._so_far(generated))
        weight = self.weights[names.kind] if names else 0.0
        if place is None or names is None or weight < _SURE:
            return DraftTree.empty()
        begun = [name for name in names.names if name.startswith(place.typed)]
        ids = self.tokens.spell(begun[0][len(place.typed) :])[:most] if len(begun) == 1 else []
        if not ids:
            return DraftTree.empty()
        probs = np.full(len(ids), weight, np.float32)
        return DraftTree.path(np.array(ids, np.int32), probs, DraftSource.NAMES)

    def names_after(self, text: str) -> Names | None:
        """Return the names that may stand where `text`, behind the caret, ends; `None`: any."""
        return self._names_at(self.line + text)[1]

    def _so_far(self, generated: Sequence[int]) -> str:
        self._text += "".join(self.tokens.pieces[token] for token in generated[self._read :])
        self._read = len(generated)
        return self._text

    def _narrowing(self, row: int, text: str) -> Narrowing | None:
        place, names = self._names_at(text)
        if place is None or names is None or not (weight := self.weights[names.kind]):
            return None
        if place.owner == "" and not place.typed:  # no dot demands a name
            return Narrowing(row, self.tokens.beginning(names.names), weight)
        allowed = self.tokens.going_on(names.names, place.typed)
        return Narrowing(row, allowed, weight) if allowed.any() else None

    def _names_at(self, text: str) -> tuple[NamePlace | None, Names | None]:
        place = name_place(text)
        names = self._known(place, text) if place else None
        if place is None or names is None or open_token(text, self.language) is not None:
            return place, None
        if place.owner and binds(text[len(self.line) :], place.owner.partition(".")[0]):
            return place, None
        if (
            place.owner
            and names.kind in _BOUND_LATER
            and _begins_statement(text, place.start - len(place.owner) - 1)
        ):
            names = Names(NameKind.OPEN, names.names)  # it may be bound for the first time
        return place, names

    def _known(self, place: NamePlace, text: str) -> Names | None:
        at_caret = self.evidence.at_caret
        if place.start == self._caret and at_caret is not None:
            return at_caret
        if place.owner:
            return self.evidence.members.get(place.owner)
        if place.owner == "" and at_caret is not None and at_caret.kind is NameKind.IMPORTABLE:
            return at_caret if _MORE_IMPORTED.fullmatch(text, self._caret, place.start) else None
        return None


def _begins_statement(text: str, at: int) -> bool:
    """Whether only white space stands before a place in its line."""
    return not text[text.rfind("\n", 0, at) + 1 : at].strip()
