"""A traced request: calls are counted in all threads, and only those of the program's modules."""

import threading

import pytest

from benchmarks.path import CallTrace, measure, table
from completer.errors import CompleterError
from completer.http.app import create_app
from completer.http.options import HttpOptions
from completer.place import path_as_named
from completer.unicode import well_formed
from tests.fakes import FakeRecorder, FakeService


def test_calls_are_counted_by_module_in_threads_that_were_started_under_it():
    trace, go = CallTrace(), threading.Event()

    def work():
        go.wait()
        well_formed("a")

    with trace.watching():
        thread = threading.Thread(target=work)
        thread.start()
    well_formed("not counted")
    with trace.counting():
        well_formed("a")
        well_formed("b")
        path_as_named("file:///a")
        well_formed("c")
        go.set()
        thread.join()
    well_formed("not counted")

    found = trace.figures()
    assert found["calls_by_module"] == {"completer.unicode": 4, "completer.place": 3}
    assert (found["modules"], found["calls"]) == (2, 7)
    assert found["changes"] == 2
    assert [each["calls"] for each in found["threads"].values()] == [6, 1]
    assert [each["modules"] for each in found["threads"].values()] == [2, 1]


async def test_a_request_is_followed_through_the_application():
    service = FakeService()
    app = create_app(service, FakeRecorder(), options=HttpOptions())
    found = await measure(app, CallTrace(), tokens=8, patience_s=0)

    assert {"completer.http.app", "completer.http.handler", "completer.http.openai"} <= set(
        found["calls_by_module"]
    )
    assert found["modules"] < found["changes"] < found["calls"]
    assert [request.max_tokens for request in service.requests] == [9, 10, 11, 8]
    assert table(found).row_count == found["modules"]


async def test_an_answer_from_the_cache_is_no_warm_completion():
    app = create_app(FakeService(cached=True), FakeRecorder(), options=HttpOptions())
    with pytest.raises(CompleterError, match="from the cache"):
        await measure(app, CallTrace(), tokens=8, patience_s=0)
