"""Both are asked for everything, in turns."""

from benchmarks.socket import _as_sent, _measure, table
from completer.request import CompletionRequest
from tests.fakes import FakeService


async def test_both_are_asked_for_everything():
    services = {"in process": FakeService(cached=True), "socket": FakeService(delay_s=0.02)}
    asked = [CompletionRequest(prefix=f"x{i}") for i in range(3)]
    times, cached, sizes = await _measure(services, asked)
    assert all(len(each.requests) == 4 for each in services.values())  # one to warm up
    assert all(here < there for here, there in zip(times["in process"], times["socket"]))  # noqa: B905
    assert cached == [False] * 3
    assert sizes == [2.0] * 3


def test_a_request_is_cut_as_a_language_server_cuts_it():
    long = _as_sent(CompletionRequest(prefix="a" * 200_000 + "b", suffix="c" * 100_000))
    assert (len(long.prefix), long.prefix[-1], len(long.suffix)) == (131_072, "b", 65_536)


def test_the_table_has_the_difference():
    times = {"p10": 0.5, "p50": 1.0, "p95": 2.0}
    result = {
        "requests": 1,
        "characters": {"p50": 10.0},
        "ms": {"in process": times, "socket": times, "remote": times},
        "more_ms": {"socket": times, "remote": times},
        "more_ms_without_model": {},
    }
    assert table(result).row_count == 5
