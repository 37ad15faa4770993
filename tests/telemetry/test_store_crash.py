"""What was acknowledged outlives the process and the machine."""

from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest

from benchmarks.killed_writer import write_and_kill
from telemetry.store import Store
from telemetry.writes import insert_row
from tests.telemetry.databases import is_sound, rows
from tests.telemetry.write_log import CrashedDisk, logged_writes

pytestmark = pytest.mark.slow

KILLS = 20
POINTS = 200
EVENTS = 500


def stored_ids(path):
    return {row_id for (row_id,) in rows(path, "SELECT id FROM label")}


def test_kill_9_loses_nothing_acknowledged_and_damages_nothing(tmp_path):
    for kill in range(KILLS):
        path = tmp_path / f"{kill}.sqlite3"
        acknowledged = write_and_kill(path, 0.002 * kill)
        assert is_sound(path)
        assert acknowledged <= stored_ids(path)


def acknowledge(log, row_id, receipt):
    log.note(None, "ack", row_id)


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """What SQLite wrote while events were stored, with `ack` entries as receipts came."""
    path = tmp_path_factory.mktemp("log") / "a.sqlite3"
    with logged_writes() as log:
        if log is None:
            pytest.skip("sqlite3 runs on a library that ctypes does not find")
        store = Store(path)
        for row_id in range(1, EVENTS + 1):
            receipt: Future[bool] = Future()
            receipt.add_done_callback(partial(acknowledge, log, row_id))
            # Long rows fill the write-ahead log, so that it is carried over several times.
            name = f"{row_id} {'x' * 9_000}"
            store.put(insert_row("label", id=row_id, name=name), receipt=receipt)
            if row_id % 3 == 0:
                assert receipt.result(10)
        store.close()
    if not any(kind == "sync" for _, kind, *_ in log.entries):
        pytest.skip("sqlite3 runs on another library than the one that ctypes finds")
    return log


def test_the_log_covers_what_matters(log):
    kinds = [(Path(path or "").suffix, kind) for path, kind, *_ in log.entries]
    assert kinds.count((".sqlite3-wal", "sync")) > 50
    assert kinds.count((".sqlite3", "sync")) > 1  # the log was carried over into the file


@pytest.mark.parametrize("lose_all", [True, False], ids=["all unsynced", "any unsynced"])
def test_a_crash_at_any_point_keeps_what_was_acknowledged(log, tmp_path, lose_all):
    points = {len(log.entries) * point // POINTS for point in range(1, POINTS + 1)}
    disk, acknowledged = CrashedDisk(), set()
    for number, (path, kind, *details) in enumerate(log.entries, 1):
        if kind == "ack":
            acknowledged.add(details[0])
        else:
            disk.apply(path, kind, *details)
        if number in points:
            folder = tmp_path / str(number)
            folder.mkdir()
            disk.crash(folder, lose_all=lose_all)
            left = folder / "a.sqlite3"
            if acknowledged:
                assert is_sound(left)
                assert acknowledged <= stored_ids(left)
    assert acknowledged == set(range(1, EVENTS + 1))
