"""A recorder that is opened late: nothing is lost meanwhile, and nothing out of order."""

import asyncio
import threading

from telemetry.events import BranchChanged, SessionEnded
from telemetry.late import LateRecorder
from tests.fakes import FakeRecorder


class Opens:
    """Opens a recorder when it may."""

    def __init__(self, error=None):
        self.may = threading.Event()
        self.recorder = FakeRecorder()
        self.closed = threading.Event()
        self.recorder.close = lambda timeout_s: self.closed.set()
        self.times = 0
        self.error = error

    def __call__(self):
        self.times += 1
        assert self.may.wait(10)
        if self.error is not None:
            raise self.error
        return self.recorder


def test_events_wait_in_order_and_their_receipts_are_those_of_the_recorder():
    opens = Opens()
    late = LateRecorder(opens)
    events = [SessionEnded("a"), BranchChanged("/w"), SessionEnded("b")]
    receipts = [late.record(event) for event in events[:2]]
    assert opens.recorder.events == []
    opens.may.set()
    assert [receipt.result(5) for receipt in receipts] == [True, True]
    assert late.records
    late.record(events[2])
    assert opens.recorder.events == events
    assert opens.times == 1


def test_without_an_event_nothing_is_opened():
    opens = Opens()
    LateRecorder(opens).close()
    assert opens.times == 0


def test_closing_stores_what_waits():
    opens = Opens()
    late = LateRecorder(opens)
    late.record(SessionEnded("a"))
    opens.may.set()
    late.close(5)
    assert opens.closed.is_set()
    assert opens.recorder.events == [SessionEnded("a")]


def test_one_that_cannot_be_opened_records_nothing(caplog):
    opens = Opens(OSError("read-only"))
    opens.may.set()
    late = LateRecorder(opens)
    assert late.record(SessionEnded("a")).result(5) is True
    assert late.record(SessionEnded("b")).done()
    assert not late.records
    assert "read-only" in caplog.text


async def test_in_an_event_loop_it_begins_after_what_the_loop_is_at():
    opens = Opens()
    opens.may.set()
    late = LateRecorder(opens)
    receipt = late.record(SessionEnded("a"))
    assert opens.times == 0
    assert await asyncio.wait_for(asyncio.wrap_future(receipt), 5)
