"""Acceptances: reported by the client, seen in the document, or both, and each counted once."""

from __future__ import annotations

from collections.abc import Sequence

from telemetry.alignment import utf16_length
from telemetry.commits import AcceptedRuns
from telemetry.events import Accepted, AcceptKind, EventSource, TextEdit
from telemetry.recorder import Receipt
from telemetry.spans import RetainedSpan
from telemetry.store import Store
from telemetry.suggestions import Pending, Placement, points
from telemetry.survival import Survival, Watch, censored
from telemetry.watches import Watches
from telemetry.writes import event_rows

_AWAITED_MS = 1_000


class Accepts:
    """Stores acceptances and has their texts watched."""

    def __init__(self, store: Store, runs: AcceptedRuns) -> None:
        self._store = store
        self._runs = runs
        self.watches = Watches()
        # Reported by the client just now; the edit has not come yet.
        self._awaited: list[tuple[Pending, Watch]] = []
        self._rows = 0

    def awaiting(self, uri: str, now_ms: int) -> list[Pending]:
        """Suggestions whose acceptance was just reported and not seen in the document yet."""
        self._awaited = [e for e in self._awaited if now_ms - e[1].accepted_ms <= _AWAITED_MS]
        return [pending for pending, _ in self._awaited if pending.uri == uri]

    def reported(
        self, now_ms: int, event: Accepted, pending: Pending, taken: int, receipt: Receipt | None
    ) -> None:
        """Store that the client reports `taken` UTF-16 units of the new text as accepted by now."""
        if taken <= pending.accepted and pending.accept_row is not None:
            self._confirm(pending, event.source, receipt)
            return
        before = pending.accepted
        watch = self._accept(now_ms, pending, event.kind, taken, event.source, receipt)
        if pending.change is None:
            self.store_checks(censored(watch, now_ms, "censored_desync"))
            return
        new_text = pending.change.inserted
        watch.text = new_text[points(new_text, before) : points(new_text, taken)]
        self._watch(watch, now_ms)
        if watch.in_editor:
            self._awaited.append((pending, watch))

    def seen(
        self, pending: Pending, seen: Placement, spans: list[RetainedSpan], now_ms: int
    ) -> None:
        """The document took the suggestion's text up to `seen.text`, what is new at `spans`."""
        pending.placed = len(seen.text)
        awaited = next((entry for entry in self._awaited if entry[0] is pending), None)
        if awaited is not None:
            awaited[1].spans = spans
            self._count_carets(awaited[1], pending, len(spans))
            self._awaited.remove(awaited)
            return
        taken = utf16_length(seen.text)
        watch = self._accept(now_ms, pending, seen.kind or "partial", taken, "inferred")
        self._count_carets(watch, pending, len(spans))
        watch.text, watch.spans = spans[0].text, spans
        self._watch(watch, now_ms)

    def _count_carets(self, watch: Watch, pending: Pending, carets: int) -> None:
        """What was taken at several carets counts as often, as what is left of it will."""
        if carets > 1:
            self._store.update("accept", watch.accept, net_len=carets * pending.net_length)

    def edit_comes(self, uri: str, edit: TextEdit, now_ms: int) -> None:
        """An edit of the document, before anything that it places is watched."""
        small = edit.trimmed()
        for watch in self.watches.undone_by(uri, small, now_ms):
            undone_ms = now_ms - watch.accepted_ms
            self._store.update("accept", watch.accept, undone_ms=undone_ms)
        for watch in self.watches.redone_by(uri, small):
            self._store.update("accept", watch.accept, undone_ms=None)
        self.watches.apply(uri, edit)

    def renamed(self, uri: str, new_uri: str) -> None:
        """Follow a file to its new name."""
        self.watches.rename(uri, new_uri)
        self._runs.rename(uri, new_uri)

    def _confirm(self, pending: Pending, source: EventSource, receipt: Receipt | None) -> None:
        """An acceptance that is known already; the client's word outweighs the inference."""
        if source == "client" and pending.accept_source == "inferred" and pending.accept_row:
            pending.accept_source = source
            self._store.update("accept", pending.accept_row, receipt=receipt, ev_src=source)
        else:
            self._store.put(receipt=receipt)

    def _accept(
        self,
        now_ms: int,
        pending: Pending,
        kind: AcceptKind,
        taken: int,
        source: EventSource,
        receipt: Receipt | None = None,
    ) -> Watch:
        replaced = pending.replaced_length if pending.accept_row is None else 0
        delta = max(taken - pending.accepted, 0)
        self._rows += 1
        pending.accept_row, pending.accept_source = self._rows, source
        pending.accepted, pending.net_length = taken, delta - replaced
        is_full = taken >= pending.length
        self._store.insert(
            "accept",
            receipt=receipt,
            id=self._rows,
            suggestion=pending.row,
            ts_ms=now_ms,
            kind="full" if is_full else "partial" if kind == "full" else kind,
            delta_len=delta,
            cum_len=taken,
            replaced_len=replaced,
            net_len=pending.net_length,
            ev_src=source,
        )
        change = pending.change
        text = change.removed if change is not None and replaced else ""
        return Watch(self._rows, pending.uri, pending.workspace, "", text, now_ms)

    def _watch(self, watch: Watch, now_ms: int) -> None:
        self._runs.add(watch.uri, watch.workspace, watch.text)
        self.store_checks(self.watches.add(watch, now_ms))

    def store_checks(self, results: Sequence[Survival]) -> None:
        """Store checks that were made or censored."""
        if results:
            self._store.put(event_rows("survival", results, self._store.label))
