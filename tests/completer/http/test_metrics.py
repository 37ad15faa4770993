"""What Prometheus reads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families


async def samples(client: httpx.AsyncClient) -> dict[tuple[str, ...], float]:
    """Values by name and labels."""
    text = (await client.get("/metrics")).text
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_memory_is_told_by_part(client, service):
    service.memory_bytes = {"kv_pool": 1000, "draft_indexes": 24}
    found = await samples(client)

    assert found["completer_memory_bytes", "kv_pool"] == 1000
    assert found["completer_memory_bytes", "draft_indexes"] == 24


async def test_whether_the_model_is_there_is_told(client, service):
    service.state = "unloaded"
    found = await samples(client)

    assert found["completer_model", "unloaded"] == 1
    assert found["completer_model", "ready"] == 0


async def test_the_process_tells_its_memory(client):
    assert (await samples(client))["process_resident_memory_bytes",] > 1 << 20


async def test_requests_tokens_and_outcomes_are_counted(client, service):
    await client.post("/v1/completions", json={"prompt": "a b", "suffix": ""})
    await client.post("/v1/completions", json={"prompt": 3})
    service.reply = lambda request: ""
    await client.post("/infill", json={"input_prefix": "a", "input_suffix": ""})
    await client.get("/no/such/path")
    found = await samples(client)
    assert found["completer_http_requests_total", "/v1/completions", "200"] == 1
    assert found["completer_http_requests_total", "/v1/completions", "400"] == 1
    assert found["completer_http_requests_total", "404", "other"] == 1
    assert found["completer_http_request_seconds_count", "/infill"] == 1
    assert found["completer_completions_total", "returned"] == 1
    assert found["completer_completions_total", "empty"] == 1
    assert found["completer_tokens_total", "prompt"] == 3
    assert found["completer_tokens_total", "generated"] == 2
    assert found["completer_running",] == 0


async def test_every_application_counts_for_itself(client, app):
    assert ("completer_completions_total", "returned") not in await samples(client)


async def test_what_was_remembered_is_no_token_that_was_computed(client, service):
    service.cached = True
    await client.post("/v1/completions", json={"prompt": "a b", "suffix": ""})
    found = await samples(client)

    assert found["completer_completions_total", "returned"] == 1
    assert ("completer_tokens_total", "prompt") not in found


async def test_what_clients_tell_of_suggestions_is_counted(client, service):
    reply = await client.post("/v1/completions", json={"prompt": "a b", "suffix": ""})
    id_, text = reply.json()["id"], reply.json()["choices"][0]["text"]
    for event in ({"event": "shown"}, {"event": "accepted", "kind": "word", "length": 1}):
        await client.post("/v1/events", json={"completion_id": id_, **event})
    await client.post("/v1/events", json={"completion_id": id_, "event": "accepted"})
    found = await samples(client)
    events = {name: found["completer_suggestions_total", name] for name in ("shown", "accepted")}
    assert events == {"shown": 1, "accepted": 1}
    assert found["completer_suggestions_total", "partial"] == 1
    assert found["completer_accepted_characters_total",] == len(text)


async def test_the_dashboard_asks_only_for_what_is_told(client):
    """Whatever it names is a series here, so that a renamed one does not leave a panel empty."""
    dashboard = json.loads((Path(__file__).parents[3] / "docs" / "grafana.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    named = {name for query in queries for name in re.findall(r"(?:completer|process)_\w+", query)}
    families = text_string_to_metric_families((await client.get("/metrics")).text)
    told = {family.name for family in families} | {"completer_model"}
    suffixes = r"_(total|bucket)$"
    assert len(queries) > 12
    assert {re.sub(suffixes, "", name) for name in named} <= told
