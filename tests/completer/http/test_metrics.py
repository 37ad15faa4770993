"""What Prometheus reads."""

from __future__ import annotations

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
