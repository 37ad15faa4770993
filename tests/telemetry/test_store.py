"""Durable writes off the caller's path, and every way in which a disk can refuse them."""

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from unittest import mock

import pytest

from telemetry.database import DatabaseFile, prepare
from telemetry.files import database_files, holds_telemetry, new_database_path
from telemetry.migrations import SchemaTooNewError
from telemetry.store import Store, changing, reading
from telemetry.writes import Write, insert_row, update_row
from tests.telemetry.databases import count, gaps, is_sound, make_database, rows


@pytest.fixture
def path(tmp_path):
    return new_database_path(tmp_path / "telemetry")


@pytest.fixture
def store(path):
    store = Store(path, patience_s=0.3, busy_s=0.1)
    yield store
    store.close()


def session(row_id, started_ms=0):
    return insert_row(
        "session",
        id=row_id,
        user_h="u",
        client=1,
        client_ver=1,
        server_ver=1,
        started_ms=started_ms,
    )


def put(store, *writes):
    receipt: Future[bool] = Future()
    store.put(*writes, receipt=receipt)
    return receipt


def test_a_receipt_means_that_another_process_could_read_it(store, path):
    assert put(store, session(1)).result(5)
    assert count(path, "session") == 1


def test_nobody_else_may_read_the_files(store, path):
    assert put(store, session(1)).result(5)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert len(modes) == 3
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_writes_of_one_group_are_stored_together_or_not_at_all(store, path):
    broken = Write("INSERT INTO session (id) VALUES (?)", [(3,)])
    assert not put(store, session(2), broken).result(5)
    assert put(store, session(4)).result(5)
    assert rows(path, "SELECT id FROM session") == [(4,)]
    assert gaps(path) == {"rejected": 1}


def test_a_repeated_write_changes_nothing(store, path):
    for _ in range(3):
        assert put(store, session(1, started_ms=7)).result(5)
    assert rows(path, "SELECT id, started_ms FROM session") == [(1, 7)]


def test_updates_change_the_columns_they_name(store, path):
    put(store, session(1, started_ms=7))
    assert put(store, update_row("session", 1, ended_ms=9)).result(5)
    assert rows(path, "SELECT started_ms, ended_ms FROM session") == [(7, 9)]


def test_labels_are_stored_once_and_before_what_refers_to_them(store, path):
    assert store.label("python") == store.label("python") != store.label("rust")
    assert store.flush()
    assert rows(path, "SELECT name FROM label ORDER BY id") == [("python",), ("rust",)]


def test_lost_events_are_counted_in_the_file(store, path):
    store.count_lost("queue_full", 3)
    assert store.flush()
    assert gaps(path) == {"queue_full": 3}


def test_a_cancelled_receipt_does_not_stop_the_writer(store):
    receipt: Future[bool] = Future()
    receipt.cancel()
    store.put(session(1), receipt=receipt)
    assert put(store, session(2)).result(5)


def test_what_does_not_fit_the_queue_is_refused_at_once(path):
    store = Store(path, capacity=0)
    assert not put(store, session(1)).result(0.1)
    store.close()
    assert gaps(path) == {"queue_full": 1}


def test_after_close_nothing_is_taken(store):
    store.close()
    assert not put(store, session(1)).result(1)


def test_a_full_disk_loses_events_counts_them_and_recovers(path):
    store = Store(path, max_bytes=200_000, patience_s=0.0)
    filler = Write("INSERT INTO label (name) VALUES (?)", [("x" * 150_000,)])
    assert put(store, session(1)).result(5)
    assert not put(store, filler).result(5)
    assert put(store, session(2)).result(5)
    store.close()
    assert rows(path, "SELECT id FROM session") == [(1,), (2,)]
    assert gaps(path) == {"disk_full": 1}
    assert is_sound(path)


def test_a_file_locked_by_another_process_is_waited_for_then_given_up(store, path):
    assert put(store, session(1)).result(5)
    hold = (
        "import sqlite3, sys\n"
        "c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        assert not put(store, session(2)).result(5)
        short = put(store, session(3))
        time.sleep(0.1)
        holder.communicate(b"\n")
    assert short.result(5)
    assert store.flush()
    assert rows(path, "SELECT id FROM session") == [(1,), (3,)]
    assert gaps(path) == {"locked": 1}


FULL_DISK = """
import resource, sys, time
from concurrent.futures import Future
from pathlib import Path
from telemetry.store import Store
from telemetry.writes import insert_row

store = Store(Path(sys.argv[1]), patience_s=1.0)

def seconds(row_id, stored):
    receipt: Future[bool] = Future()
    row = insert_row("ingest_gap", id=1000 + row_id, ts_ms=1, reason=0, lost=0)
    began = time.monotonic()
    store.put(row, receipt=receipt)
    assert receipt.result(10) is stored
    return time.monotonic() - began

seconds(1, True)
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
first = seconds(2, False)
others = [seconds(row_id, False) for row_id in range(3, 23)]
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
seconds(23, True)
assert first >= 1.0, first
assert sum(others) < first, (first, others)
store.close()
"""


@pytest.mark.slow
def test_a_full_disk_is_waited_for_once(path):
    path.parent.mkdir()
    subprocess.run([sys.executable, "-c", FULL_DISK, str(path)], check=True, timeout=60)
    assert rows(path, "SELECT id FROM ingest_gap WHERE reason = 0") == [(1001,), (1023,)]
    assert sum(gaps(path).values()) == 21


def test_nobody_waits_behind_an_attempt_that_hangs(path):
    store = Store(path, patience_s=0.1, busy_s=0.1)
    assert put(store, session(1)).result(5)
    release = threading.Event()
    connected = DatabaseFile.connected

    def hang(file, busy_s):
        release.wait(10)
        return connected(file, busy_s)

    with mock.patch.object(DatabaseFile, "connected", hang):
        store.put(session(2))
        waiting = put(store, session(3))
        time.sleep(0.3)
        assert not waiting.done()  # it came before the attempt took too long
        assert not put(store, session(4)).result(0.1)
        store.put(session(5))  # nobody waits for it: it may be stored when the disk is back
        release.set()
        assert waiting.result(5)
    store.close()
    assert rows(path, "SELECT id FROM session") == [(1,), (2,), (3,), (5,)]
    assert gaps(path) == {"stalled": 1}


def test_a_long_reader_hinders_no_writer(store, path):
    assert put(store, session(1)).result(5)
    with reading(path) as connection:
        assert connection.execute("SELECT count(*) FROM session").fetchone() == (1,)
        assert put(store, session(2)).result(5)
        assert connection.execute("SELECT count(*) FROM session").fetchone() == (1,)


WITHOUT_PRIVILEGES = """
import os, sqlite_utils, sys  # (as root: nobody may not read it)
from concurrent.futures import Future
from pathlib import Path
from telemetry.store import Store
from telemetry.writes import insert_row

if os.geteuid() == 0:  # permissions do not bind root
    os.setegid(65534)
    os.seteuid(65534)
folder = Path(sys.argv[1])
store = Store(folder / "a.sqlite3", patience_s=0.1)

def put(row_id):
    receipt: Future[bool] = Future()
    row = insert_row("ingest_gap", id=row_id, ts_ms=1, reason=0, lost=1)
    store.put(row, receipt=receipt)
    return receipt.result(5)

folder.chmod(0o500)
assert put(1) is False
folder.chmod(0o700)
assert put(2) is True
store.close()
"""


def test_a_folder_that_cannot_be_written_costs_events_and_nothing_else():
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o700)
        if os.geteuid() == 0:
            os.chown(folder, 65534, 65534)
        subprocess.run([sys.executable, "-c", WITHOUT_PRIVILEGES, name], check=True, timeout=30)
        assert gaps(folder / "a.sqlite3")["cannot_open"] == 1


def test_a_damaged_file_is_set_aside_and_the_labels_come_along(path):
    path.parent.mkdir()
    make_database(path)
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 5_000)
    store = Store(path)
    label = store.label("python")
    assert put(store, session(1)).result(5)
    store.close()
    assert rows(path, "SELECT id, name FROM label") == [(label, "python")]
    assert len(list(path.parent.glob("*.damaged-*"))) == 1


@pytest.mark.parametrize("content", [b"", b"notes\n", b"SQLite format 3\0" + b"\xff" * 5_000])
def test_a_file_that_is_not_ours_keeps_its_place(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    store = Store(path)
    label = store.label("python")
    assert put(store, session(1)).result(5)
    store.close()
    assert path.read_bytes() == content
    assert store.path != path
    assert rows(store.path, "SELECT id, name FROM label") == [(label, "python")]
    assert set(path.parent.glob("*.sqlite3")) == {path, store.path}


def test_a_link_is_not_followed_to_what_is_not_there(path):
    path.parent.mkdir()
    path.symlink_to(path.with_name("elsewhere.sqlite3"))
    store = Store(path)
    assert put(store, session(1)).result(5)
    store.close()
    assert not path.exists()
    assert count(store.path, "session") == 1


def test_a_new_file_says_from_its_first_byte_on_whose_it_is(path):
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        prepare(connection)
        assert holds_telemetry(path)  # though all of its tables are in the log


def test_a_file_that_could_not_be_begun_is_not_left_behind(path):
    store = Store(path, patience_s=0.0)
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    with mock.patch("telemetry.database.MIGRATIONS.apply", side_effect=full):
        assert not put(store, session(1)).result(5)
        assert list(path.parent.iterdir()) == []
    store.close()


def test_a_file_damaged_while_it_is_written_is_replaced(store, path):
    store.label("python")
    assert put(store, session(1)).result(5)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    os.truncate(path, 8_192)  # a file system that lost its end
    assert put(store, session(2)).result(5)
    assert rows(path, "SELECT id FROM session") == [(2,)]
    assert rows(path, "SELECT name FROM label") == [("python",)]


def test_a_file_that_is_deleted_is_made_anew(store, path):
    assert put(store, session(1)).result(5)
    path.unlink()
    assert put(store, session(2)).result(5)
    assert rows(path, "SELECT id FROM session") == [(2,)]


def test_a_newer_schema_is_neither_written_nor_read(store, path):
    assert put(store, session(1)).result(5)
    store.close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
            "VALUES ('telemetry', '9999_future', '')"
        )
    with pytest.raises(SchemaTooNewError, match="9999_future"), reading(path):
        pass
    refusing = Store(path, patience_s=0.0)
    assert not put(refusing, session(2)).result(5)
    refusing.close()


def test_a_change_that_fails_leaves_no_trace(store, path):
    assert put(store, session(1)).result(5)
    store.close()

    def change():
        with changing(path) as connection:
            connection.execute("DELETE FROM session")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        change()
    assert count(path, "session") == 1


def test_three_processes_write_three_files_and_all_are_read(tmp_path):
    script = (
        "import sys, pathlib\n"
        "from telemetry.files import new_database_path\n"
        "from telemetry.store import Store\n"
        "from telemetry.writes import insert_row\n"
        "store = Store(new_database_path(pathlib.Path(sys.argv[1])))\n"
        "for i in range(200):\n"
        "    store.put(insert_row('ingest_gap', id=i, ts_ms=i, reason=0, lost=1))\n"
        "assert store.flush(); store.close()\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    writers = [subprocess.Popen(command) for _ in range(3)]
    assert [writer.wait(30) for writer in writers] == [0, 0, 0]
    files = database_files(tmp_path)
    assert [count(path, "ingest_gap") for path in files] == [200] * 3
