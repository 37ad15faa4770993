"""The benchmark of telemetry runs, counts honestly, and has lines to print."""

from benchmarks.telemetry import run, table


def test_a_small_run_measures_everything_and_loses_nothing(tmp_path):
    result = run(folder=tmp_path, events=500, kills=2, pairs=5, suggestions=300)
    assert result["store"]["events"] == 500
    assert result["store"]["events_per_s"] > result["store"]["inline_events_per_s"] > 0
    assert result["recorder"]["enqueue_ms_p99"] >= result["recorder"]["enqueue_ms_p50"] > 0
    assert result["kill"]["acknowledged"] >= 2
    assert (result["kill"]["lost"], result["kill"]["damaged"]) == (0, 0)
    assert result["stall"]["pairs"] == 5
    assert result["report"]["figures_that_differ"] == 0
    assert table(result).row_count == 5
