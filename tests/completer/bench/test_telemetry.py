"""The benchmark of telemetry runs, counts honestly, and has lines to print."""

from completer.bench.telemetry import bench_telemetry, rows


def test_a_small_run_measures_everything_and_loses_nothing(tmp_path):
    result = bench_telemetry(tmp_path, events=500, kills=2, pairs=5, suggestions=300)
    assert result["store"]["events"] == 500
    assert result["store"]["events_per_s"] > result["store"]["inline_events_per_s"] > 0
    assert result["recorder"]["enqueue_ms_p99"] >= result["recorder"]["enqueue_ms_p50"] > 0
    assert result["kill"]["acknowledged"] >= 2
    assert (result["kill"]["lost"], result["kill"]["damaged"]) == (0, 0)
    assert result["stall"]["pairs"] == 5
    assert result["report"]["figures_that_differ"] == 0
    assert all(len(row) == 3 for row in rows(result))


def test_a_completion_of_the_callers_takes_the_stand_ins_place(tmp_path):
    calls = []
    bench_telemetry(
        tmp_path, events=500, kills=0, pairs=3, suggestions=100, complete=lambda: calls.append(1)
    )
    assert len(calls) == 6
