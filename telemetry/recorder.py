"""What front doors are handed to record events with, and the recorder that records nothing.

`record` returns at once: it puts the event on a bounded queue and never raises, whatever the disk
does. Its receipt, a future, says whether the event was taken in; of `Shown` and `Accepted` it
becomes True when the event is durable (safe from a crash of process or machine) and False when it
was lost, which is then counted in `ingest_gap`. A front door that acknowledges an event waits for
the receipt first:

    if await asyncio.wrap_future(recorder.record(Accepted(suggestion_id))): ...reply

Nothing else needs waiting for.
"""

from __future__ import annotations

from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Final, Protocol

from telemetry.events import Event

Receipt = Future[bool]


class Recorder(Protocol):
    """A sink for what happens at a front door."""

    @property
    def records(self) -> bool:
        """Whether anything is kept of what is recorded: if not, it need not be found out."""
        ...

    def record(self, event: Event) -> Receipt:
        """Take in an event, of any kind."""
        ...

    def close(self, timeout_s: float = 5.0) -> None:
        """Store what is queued, censor what is still watched, and stop."""
        ...


class NullRecorder:
    """Telemetry that is switched off: nothing is to be stored, and so nothing is lost."""

    records = False

    def record(self, event: Event) -> Receipt:
        """See `Recorder`."""
        return TAKEN_IN

    def close(self, timeout_s: float = 5.0) -> None:
        """See `Recorder`."""


def settle(receipt: Receipt | None, durable: bool) -> None:
    """Answer a receipt, if someone has one and still waits for it."""
    if receipt is not None:
        with suppress(InvalidStateError):
            receipt.set_result(durable)


def settled(answer: bool) -> Receipt:
    """A receipt that is answered already."""
    receipt: Receipt = Future()
    receipt.set_result(answer)
    return receipt


TAKEN_IN: Final = settled(True)
REFUSED: Final = settled(False)
