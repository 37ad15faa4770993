"""Edits summed by session, document, language, minute and class before they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from telemetry.edits import Share
from telemetry.schema import TABLES
from telemetry.store import Store
from telemetry.writes import accumulate

STORED_EVERY_MS: Final = 5_000


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
