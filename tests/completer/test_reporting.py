"""What was sent is remembered for a while, within bounds; each request is reported once."""

import pytest

from completer.reporting import MAX_CHARACTERS, MAX_OFFERS, Reports, TrackedRequest
from completer.request import Choice, Completion, DecodeStats
from telemetry.events import Opportunity, Suggestion
from tests.fakes import FakeRecorder, FakeService


def begin(reports: Reports) -> TrackedRequest:
    return reports.begin(
        session="s", uri="", workspace=None, places=(), language="", trigger="automatic"
    )


def completion(completion_id: str) -> Completion:
    choice = Choice(text="x", finish_reason="stop")
    return Completion(id=completion_id, model="m", choices=(choice,), stats=DecodeStats())


def reports_of(*texts: str) -> Reports:
    reports = Reports(FakeService(), FakeRecorder())
    for number, text in enumerate(texts):
        suggestion = Suggestion(text=text, id=str(number))
        reports.finish(begin(reports), completion(f"c{number}"), [suggestion])
    return reports


def test_the_oldest_go_when_there_are_many():
    reports = reports_of(*"x" * (MAX_OFFERS + 2))

    assert reports.find("1") is None
    assert reports.find("2").completion_id == "c2"


def test_the_oldest_go_when_they_are_long():
    reports = reports_of(*["x" * (MAX_CHARACTERS // 3)] * 5)

    assert reports.find("1") is None
    assert reports.find("2") is not None
    assert reports.find("4") is not None


def test_a_request_ends_once_and_whoever_counts_hears_of_it():
    recorder, ends = FakeRecorder(), []
    reports = Reports(FakeService(), recorder, on_end=lambda *end: ends.append(end))
    finished, failed = begin(reports), begin(reports)
    reports.finish(finished, completion("c"), [])
    with pytest.raises(RuntimeError), reports.following(finished):
        raise RuntimeError("the client has gone while the reply was sent")
    with pytest.raises(RuntimeError), reports.following(failed):
        raise RuntimeError("boom")

    assert [event.outcome for event in recorder.of(Opportunity)] == ["returned", "error"]
    assert ends == [("returned", DecodeStats()), ("error", None)]
