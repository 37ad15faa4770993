"""A report of a simulated database says what was drawn."""

import pytest

from benchmarks.simulation.simulate import simulate
from telemetry.report import build, to_json
from telemetry.survival import WINDOWS_S
from tests.telemetry.databases import count, is_sound
from tests.telemetry.strangers import STRANGERS, make_stranger, snapshot

SUGGESTIONS = 4_000


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    path = tmp_path_factory.mktemp("simulated") / "a.sqlite3"
    return path, simulate(SUGGESTIONS, path, seed=3)


def assert_equal(truth, report, where="report"):
    for name, expected in truth.items():
        if isinstance(expected, dict):
            assert_equal(expected, report[name], f"{where}/{name}")
        elif expected is None:
            assert report[name] is None, where
        else:
            assert report[name] == pytest.approx(expected, rel=1e-9), where


def test_the_report_equals_the_truth_figure_by_figure(simulated):
    path, truth = simulated
    assert_equal(truth, to_json(build(path)))


def test_the_truth_covers_what_it_should(simulated):
    _, truth = simulated
    assert set(truth) == {
        *("overall", "by_day", "by_language", "by_model", "by_arm"),
        *("by_exit_mode", "by_distribution"),
    }
    assert len(truth["by_day"]) == 15
    assert len(truth["by_language"]) == 6
    assert {f"unchanged_{window}" for window in WINDOWS_S} <= set(truth["overall"])
    assert 0.1 < truth["overall"]["acceptance"]["value"] < 0.4
    assert 0.03 < truth["overall"]["saved"]["value"] < 0.2


def test_the_database_is_written_by_the_stores_own_code(simulated):
    path, _ = simulated
    assert is_sound(path)
    assert count(path, "suggestion") == SUGGESTIONS
    assert count(path, "survival") == 10 * count(path, "accept")


def test_the_same_seed_and_time_draw_the_same(tmp_path):
    one, other = (
        simulate(200, tmp_path / name, seed=3, end_ms=1_700_000_000_000)
        for name in ("b.sqlite3", "c.sqlite3")
    )
    assert one == other


@pytest.mark.parametrize("kind", [kind for kind in STRANGERS if kind != "folder"])
def test_what_is_there_is_not_touched(kind, tmp_path):
    path = make_stranger(kind, tmp_path / "db.sqlite3")
    before = snapshot(tmp_path)
    with pytest.raises(FileExistsError, match="exists: name another file"):
        simulate(10, path)
    assert snapshot(tmp_path) == before
