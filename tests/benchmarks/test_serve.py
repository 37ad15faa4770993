"""The load that servers are put under, on a scripted service behind a real socket."""

from pathlib import Path

import pytest

from benchmarks.serve import ServerFailedError, model_state, table
from benchmarks.serve_load import Usage, put_under_load, usage
from benchmarks.spans import Span
from completer.errors import OverloadedError
from completer.http.app import create_app
from tests.completer.http.live import serving
from tests.fakes import FakeRecorder, FakeService

LINES = [Span(Path(f"/w/{n}.py"), f"x = {n}\n", "y = compute(x)", "\n") for n in range(3)]


async def load(service, levels, requests):
    async with serving(create_app(service, FakeRecorder())) as port:
        url = f"http://127.0.0.1:{port}"
        return await put_under_load({"none": url}, LINES, levels, requests, 0, lambda *_: None)


async def test_every_request_is_answered_or_given_up():
    service = FakeService(delay_s=0.03)
    result = await load(service, [3], 24)

    run = result["servers"]["none"]
    for figures in run["clients"].values():
        assert figures["answered"] + figures["cancelled"] == 24
        assert figures["cancelled"] > 0
        assert figures["refused"] == figures["failed"] == 0
        assert figures["completions_per_s"] < 3 / 0.03
        assert figures["completions_per_cpu_s"] > 0
        assert figures["latency_ms"]["p50"] >= 30
    assert service.running == 0
    assert run["resident_mb_before"] > 0
    assert table(result).row_count == 1


async def test_decoding_is_asked_for_without_stops_and_never_the_same_twice():
    service = FakeService()
    await load(service, [1, 2], 4)
    long = [request for request in service.requests if (request.max_tokens or 0) >= 64]

    assert len(long) == 24  # the three texts for one person and for two, in four turns each
    assert all(request.stop == () for request in long)
    assert len({(request.prefix, request.max_tokens) for request in long}) == 24


async def test_refusals_are_counted():
    service = FakeService(error=OverloadedError("The queue is full.", retry_after_s=1.0))
    figures = (await load(service, [1], 8))["servers"]["none"]["clients"][1]

    assert figures["refused"] == 8 - figures["cancelled"] > 0
    assert figures["answered"] == figures["failed"] == figures["decode_tokens_per_s"] == 0


def test_usage_is_nothing_where_a_server_does_not_tell():
    text = "process_resident_memory_bytes 5e6\n"

    assert usage(text) == Usage(5_000_000, 0.0)
    assert usage("") == Usage(0, 0.0)


def test_what_does_not_answer_is_told():
    with pytest.raises(ServerFailedError, match="No server answers"):
        model_state("http://127.0.0.1:9")
