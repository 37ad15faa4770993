"""What kind of change an edit was, so that the share of code typed has an honest denominator.

A language server sees text change and nothing else. The rules below tell kinds apart by shape,
history and pace; what fits none of them is `unknown`, and counts neither as typed nor as offered.
Edits are summed by session, document, language, minute and class before they are stored.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from telemetry.alignment import utf16_length
from telemetry.events import AUTO_CLOSED, EditClass, TextEdit
from telemetry.schema import TABLES
from telemetry.store import Store
from telemetry.writes import accumulate

STORED_EVERY_MS: Final = 5_000
_IDENTIFIER: Final = re.compile(r"[\w$]+(\(\)?)?")
_INDENTED_NEWLINE: Final = re.compile(r"\r?\n[ \t]*")
_BULK_CHARACTERS: Final = 1_000
_LONGEST_FORMATTED: Final = (
    1 << 20
)  # characters; whether more than that only moved is not looked at
_TYPING_PER_S: Final = 20.0  # faster than anyone types for long
_BATCH_S: Final = 0.25  # editors that batch keystrokes send them within this
_HISTORY: Final = 100


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a change that belongs to one class: UTF-16 units in and out, bytes in."""

    edit_class: EditClass
    inserted: int
    inserted_bytes: int
    deleted: int


class EditClassifier:
    """Classifies the changes of one document in the order in which they come."""

    def __init__(self) -> None:
        self._undoable: deque[TextEdit] = deque(maxlen=_HISTORY)
        self._redoable: deque[TextEdit] = deque(maxlen=_HISTORY)
        self._typed_until: int | None = None
        self._last_ms = 0

    def classify(
        self, edits: Sequence[TextEdit], now_ms: int, known: EditClass | None = None
    ) -> list[Share]:
        """The classes of one change notification, `known` where the caller can say it."""
        pause_s = min((now_ms - self._last_ms) / 1000, _BATCH_S)
        self._last_ms = now_ms
        if len(edits) == 1:
            kind = known or self._single(edits[0], pause_s)
            self._remember(edits[0], kind)
        else:
            kind = known or _several(edits)
            self._forget()
        return [share for edit in edits for share in _shares(edit, kind)]

    def _single(self, edit: TextEdit, pause_s: float) -> EditClass:
        trimmed = edit.trimmed()
        removed, inserted = trimmed.removed, trimmed.inserted
        if len(removed) + len(inserted) > 1 and (revert := self._revert(trimmed)):
            return revert
        if len(inserted) <= 1 or _INDENTED_NEWLINE.fullmatch(inserted):
            return "typed"
        if inserted in AUTO_CLOSED and not removed:
            return "auto_close"
        if _same_but_for_space(removed, inserted):
            return "format"
        if len(inserted) > _BULK_CHARACTERS:
            return "bulk_external"
        if edit.removed and edit.inserted.startswith(edit.removed) and _is_name(edit.inserted):
            return "ide_complete"
        if removed or trimmed.offset != self._typed_until:
            return "paste"
        if len(inserted) <= 1 + _TYPING_PER_S * pause_s:
            return "typed"
        return "ide_complete" if _is_name(inserted) else "paste"

    def _revert(self, edit: TextEdit) -> EditClass | None:
        if self._undoable and edit == self._undoable[-1].inverse():
            return "undo"
        if self._redoable and edit == self._redoable[-1]:
            return "redo"
        return None

    def _remember(self, edit: TextEdit, kind: EditClass) -> None:
        edit = edit.trimmed()
        if kind == "undo" and self._undoable:
            self._redoable.append(self._undoable.pop())
        elif kind == "redo" and self._redoable:
            self._undoable.append(self._redoable.pop())
        else:
            self._redoable.clear()
            self._undoable.append(self._joined(edit) if kind == "typed" else edit)
        caret = edit.offset + (1 if kind == "auto_close" else len(edit.inserted))
        self._typed_until = caret if kind in ("typed", "auto_close") else None

    def _joined(self, edit: TextEdit) -> TextEdit:
        """A keystroke joined to the run of typing that it continues: editors undo runs."""
        if self._undoable and edit.offset == self._typed_until and not edit.removed:
            run = self._undoable[-1]
            if run.offset + len(run.inserted) == edit.offset:
                self._undoable.pop()
                return TextEdit(run.offset, run.removed, run.inserted + edit.inserted)
        return edit

    def _forget(self) -> None:
        self._undoable.clear()
        self._redoable.clear()
        self._typed_until = None


def _several(edits: Sequence[TextEdit]) -> EditClass:
    if len({(edit.removed, edit.inserted) for edit in edits}) == 1:
        return "multi_cursor"
    if all(_same_but_for_space(edit.removed, edit.inserted) for edit in edits):
        return "format"
    total = sum(len(edit.inserted) + len(edit.removed) for edit in edits)
    return "bulk_external" if total > _BULK_CHARACTERS else "unknown"


def _shares(edit: TextEdit, kind: EditClass) -> list[Share]:
    """An auto-closed pair is one character typed and the rest closed; all else is one class."""
    edit = edit.trimmed()
    if kind != "auto_close":
        return [_share(kind, edit.inserted, edit.removed)]
    return [_share("typed", edit.inserted[:1], ""), _share(kind, edit.inserted[1:], edit.removed)]


def _share(kind: EditClass, inserted: str, removed: str) -> Share:
    return Share(
        kind,
        utf16_length(inserted),
        len(inserted.encode("utf-8", "surrogatepass")),
        utf16_length(removed),
    )


def _same_but_for_space(removed: str, inserted: str) -> bool:
    if len(removed) + len(inserted) > _LONGEST_FORMATTED:
        return False
    return "".join(removed.split()) == "".join(inserted.split())


def _is_name(text: str) -> bool:
    return _IDENTIFIER.fullmatch(text) is not None


class EditRollup:
    """Sums of edits that the store will add to what it has, every five seconds at most."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sums: dict[tuple[int, ...], list[int]] = {}
        self._since_ms = 0

    @property
    def next_due_ms(self) -> int | None:
        """When `store_due` will have something to do."""
        return self._since_ms + STORED_EVERY_MS if self._sums else None

    def add(
        self, session: int, doc_h: int, language: str, shares: Sequence[Share], now_ms: int
    ) -> None:
        """Count the classes of one change."""
        if not self._sums:
            self._since_ms = now_ms
        label = self._store.label
        for share in shares:
            key = (session, doc_h, label(language), now_ms // 60_000, label(share.edit_class))
            sums = self._sums.setdefault(key, [0, 0, 0, 0])
            sums[0] += share.inserted
            sums[1] += share.inserted_bytes
            sums[2] += share.deleted
            sums[3] += 1

    def store_due(self, now_ms: int) -> None:
        """Store what has been counted, if that is due."""
        due_ms = self.next_due_ms
        if due_ms is not None and due_ms <= now_ms:
            self.store_all()

    def store_all(self) -> None:
        """Store what has been counted."""
        rows = [(*key, *sums) for key, sums in self._sums.items()]
        self._sums.clear()
        if rows:
            self._store.put(accumulate("edit_rollup", TABLES["edit_rollup"].names, rows))
