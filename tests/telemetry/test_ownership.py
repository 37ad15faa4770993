"""Whose a file is, found out without touching it."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from telemetry.files import has_our_name, holds_telemetry, is_ours, new_database_path
from telemetry.store import changing, reading
from tests.telemetry.databases import make_database, make_old_database
from tests.telemetry.strangers import OUR_NAME as OURS
from tests.telemetry.strangers import STRANGERS, make_stranger, snapshot


@pytest.fixture(params=[make_database, make_old_database])
def ours(request, tmp_path):
    request.param(tmp_path / OURS)
    return tmp_path / OURS


def test_a_database_of_ours_is_known_by_its_header_and_an_older_one_by_its_tables(ours):
    before = snapshot(ours.parent)
    assert is_ours(ours)
    assert holds_telemetry(ours)
    assert snapshot(ours.parent) == before


def test_in_a_folder_the_name_counts_too(ours):
    renamed = ours.rename(ours.with_name("backup.sqlite3"))
    assert not is_ours(renamed)
    assert holds_telemetry(renamed)


def test_a_link_in_a_folder_is_not_ours(ours):
    link = ours.with_name("2026-01-03-999999999-0123abcd.sqlite3")
    link.symlink_to(ours)
    assert not is_ours(link)


@pytest.mark.parametrize("kind", STRANGERS)
@pytest.mark.parametrize("name", [OURS, "db.sqlite3"])
def test_a_strangers_file_is_not_ours_and_stays_as_it_is(kind, name, tmp_path):
    path = make_stranger(kind, tmp_path / name)
    before = snapshot(tmp_path)
    assert not is_ours(path)
    assert not holds_telemetry(path)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("table", ["customers", "label_backup"])
def test_an_old_database_with_another_table_is_not_ours(table, tmp_path):
    make_old_database(tmp_path / OURS)
    with closing(sqlite3.connect(tmp_path / OURS)) as connection:
        connection.execute(f"CREATE TABLE {table} (name TEXT)")
    assert not is_ours(tmp_path / OURS)


def test_another_programs_migrations_are_not_ours(tmp_path):
    make_old_database(tmp_path / OURS)
    with closing(sqlite3.connect(tmp_path / OURS)) as connection, connection:
        connection.execute("UPDATE _sqlite_migrations SET migration_set = 'shop' WHERE id = 1")
    assert not is_ours(tmp_path / OURS)


def test_an_old_database_whose_process_was_killed_is_known_by_its_log(tmp_path):
    write = (
        "import os, sqlite3, sys\n"
        "from telemetry.migrations import MIGRATIONS\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('PRAGMA journal_mode = WAL')\n"
        "MIGRATIONS.apply(connection)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    path = tmp_path / OURS
    subprocess.run([sys.executable, "-c", write, str(path)], check=False, timeout=30)
    assert path.with_name(f"{OURS}-wal").stat().st_size > path.stat().st_size
    before = snapshot(tmp_path)
    assert is_ours(path)
    assert snapshot(tmp_path) == before
    with changing(path):
        pass
    assert is_ours(path)


def test_looking_leaves_this_processs_locks_alone(tmp_path):
    """POSIX gives up a process's locks on a file when it closes that file, however it opened it."""
    path = tmp_path / OURS
    make_database(path)
    with reading(path):
        assert holds_telemetry(path)
        hold = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        hold += "c.execute('PRAGMA locking_mode = EXCLUSIVE'); c.execute('BEGIN EXCLUSIVE')\n"
        hold += "c.execute('PRAGMA journal_mode = DELETE')"
        done = subprocess.run(
            [sys.executable, "-c", hold, str(path)], capture_output=True, text=True, timeout=30
        )
        assert "locked" in done.stderr


def test_our_names():
    assert has_our_name(Path(OURS))
    assert has_our_name(new_database_path(Path()))
    for name in ("db.sqlite3", f"{OURS}-wal", f"copy-of-{OURS}", OURS.upper()):
        assert not has_our_name(Path(name))
