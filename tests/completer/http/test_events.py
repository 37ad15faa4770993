"""What clients report about completions, in both shapes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import pytest_asyncio

from telemetry.events import (
    Accepted,
    Hidden,
    Opportunity,
    Returned,
    SessionStarted,
    Shown,
)
from telemetry.recorder import settled

URL = "/v1/events"


@pytest_asyncio.fixture
async def reply_id(post, service):
    service.reply = lambda request: "é😋\ntwo"
    return (await post("/v1/completions", {"prompt": "a", "suffix": ""}))["id"]


async def test_the_recorder_hears_of_every_completion(post, recorder, service, reply_id):
    (opportunity,) = recorder.of(Opportunity)
    assert opportunity.outcome == "returned"
    assert opportunity.session == recorder.sessions[0]
    assert opportunity.engine_ms == 10
    assert opportunity.total_ms > 0
    (returned,) = recorder.of(Returned)
    assert returned.opportunity == opportunity.id
    (suggestion,) = returned.suggestions
    assert (suggestion.id, suggestion.text) == (f"{reply_id}-0", "é😋\ntwo")
    await post("/v1/completions", {"prompt": "a"})
    assert len(recorder.of(SessionStarted)) == 1


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "view", "view_id": "v"}, Shown("")),
        ({"type": "select"}, Accepted("")),
        ({"type": "select", "select_kind": "line"}, Accepted("", "line", 3)),
        ({"type": "dismiss", "elapsed": 900}, Hidden("", "unknown", 900)),
        ({"event": "shown"}, Shown("")),
        ({"event": "accepted"}, Accepted("")),
        ({"event": "accepted", "kind": "word", "length": 2}, Accepted("", "word", 2)),
        (
            {"event": "hidden", "reason": "typed_over"},
            Hidden("", "typed_over"),
        ),
    ],
)
async def test_events_in_both_shapes(post, recorder, reply_id, event, expected):
    assert await post(URL, {**event, "completion_id": reply_id}) == {"stored": True}
    expected = replace(expected, suggestion=f"{reply_id}-0")
    assert recorder.of(type(expected)) == [expected]


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"type": "select"}, "é😋\ntwo"),
        ({"type": "select", "select_kind": "line"}, "é😋"),
        ({"event": "accepted", "kind": "partial", "length": 2}, "é"),
    ],
)
async def test_the_service_learns_what_was_accepted(post, service, reply_id, event, text):
    await post(URL, {**event, "completion_id": reply_id})
    assert service.accepts == [("cmpl-1", text)]


@pytest.mark.parametrize("event", ["shown", "accepted"])
async def test_an_event_that_is_lost_is_not_acknowledged(client, recorder, reply_id, event):
    recorder.receipt = settled(False)
    reply = await client.post(URL, json={"event": event, "completion_id": reply_id})
    assert reply.status_code == 503
    assert reply.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    "change",
    [
        {"completion_id": "unknown"},
        {"completion_id": 3},
        {"choice_index": 7},
        {"choice_index": -1},
        {"type": "explode"},
        {"type": "dismiss", "elapsed": -1},
        {"event": "hidden", "reason": "because"},
    ],
)
async def test_bad_events_are_refused(client, reply_id, change):
    event = {"type": "view", "completion_id": reply_id, "choice_index": 0}
    assert (await client.post(URL, json={**event, **change})).status_code == 400
