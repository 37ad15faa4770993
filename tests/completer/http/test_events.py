"""What clients report about completions, in both shapes."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
import pytest_asyncio

URL = "/v1/events"


@pytest_asyncio.fixture
async def reply_id(post, service):
    service.reply = lambda request: "é😋\ntwo"
    return (await post("/v1/completions", {"prompt": "a", "suffix": ""}))["id"]


async def test_the_recorder_hears_of_every_completion(post, recorder, service, reply_id):
    ((opportunity,),) = recorder.of("opportunity")
    assert opportunity.outcome == "returned"
    assert opportunity.session == "session-1"
    assert opportunity.engine_ms == 10
    assert opportunity.total_ms > 0
    ((opportunity_id, (suggestion,)),) = recorder.of("returned")
    assert opportunity_id == opportunity.id
    assert (suggestion.id, suggestion.text) == (f"{reply_id}-0", "é😋\ntwo")
    await post("/v1/completions", {"prompt": "a"})
    assert len(recorder.of("session_started")) == 1


@pytest.mark.parametrize(
    ("event", "call"),
    [
        ({"type": "view", "view_id": "v"}, ("shown",)),
        ({"type": "select"}, ("accepted", "full", None)),
        ({"type": "select", "select_kind": "line"}, ("accepted", "line", 3)),
        ({"type": "dismiss", "elapsed": 900}, ("hidden", "esc", {"shown_for_ms": 900})),
        ({"event": "shown"}, ("shown",)),
        ({"event": "accepted"}, ("accepted", "full", None)),
        ({"event": "accepted", "kind": "word", "length": 2}, ("accepted", "word", 2)),
        (
            {"event": "hidden", "reason": "typed_over"},
            ("hidden", "typed_over", {"shown_for_ms": None}),
        ),
    ],
)
async def test_events_in_both_shapes(post, recorder, reply_id, event, call):
    assert await post(URL, {**event, "completion_id": reply_id}) == {"stored": True}
    method, *arguments = call
    assert recorder.of(method) == [(f"{reply_id}-0", *arguments)]


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
    recorder.receipt = Future()
    recorder.receipt.set_result(False)
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
