"""Forgetting by age, by user, and altogether."""

import sqlite3
from contextlib import closing

import pytest

from telemetry.privacy import KEY_FILE, NoKeyError, make_key
from telemetry.retention import apply_retention, purge
from telemetry.schema import DAY_MS
from tests.telemetry.conftest import Editor
from tests.telemetry.databases import count, make_database, rows

ENDED = "2026-01-02-999999999-0123abcd.sqlite3"  # no process has this number
TABLES = ("opportunity", "suggestion", "accept", "survival", "edit_rollup", "commit_attr")


@pytest.fixture
def past(tmp_path):
    """A finished process's file: ada's day, and ten days later bob's."""
    editor = Editor(tmp_path)
    editor.offer("return x")
    editor.write("return x")
    editor.commit("c1")
    editor.wait(1_000)
    editor.now_ms += 10 * DAY_MS
    editor.session = editor.connect("bob")
    editor.open()
    editor.offer("return y")
    editor.write("return y")
    editor.commit("c2")
    editor.settle()
    editor.recorder.close()
    path = editor.recorder.path.rename(tmp_path / ENDED)
    return path, editor.now_ms


def counts(path):
    return [count(path, table) for table in TABLES]


def test_old_events_go_with_all_that_hangs_on_them(past, tmp_path):
    path, now_ms = past
    assert counts(path) == [2, 2, 2, 20, 2, 2]
    apply_retention(tmp_path, 5, now_ms=now_ms)
    assert counts(path) == [1, 1, 1, 10, 1, 1]
    assert rows(path, "SELECT count(*) FROM session") == [(1,)]


def test_a_file_without_events_left_goes_too(past, tmp_path):
    path, now_ms = past
    apply_retention(tmp_path, 5, now_ms=now_ms + 6 * DAY_MS)
    assert not path.exists()


def test_retention_without_a_database_does_nothing(tmp_path):
    assert apply_retention(tmp_path, 5, now_ms=0) == 0


def test_a_user_is_forgotten_and_others_are_not(past, tmp_path):
    path, _ = past
    purged = purge(tmp_path, user="ada")
    assert {table: purged.tables[table] for table in TABLES} == dict(
        zip(TABLES, (1, 1, 1, 10, 1, 1), strict=True)
    )
    assert (purged.tables["session"], purged.rows, purged.removed) == (1, 16, [])
    assert purged.is_complete
    assert counts(path) == [1, 1, 1, 10, 1, 1]
    assert purge(tmp_path, user="ada").rows == 0


def test_a_user_is_found_under_the_folders_key_and_under_the_teams(past, tmp_path):
    path, _ = past
    team = tmp_path / "team" / "people.key"
    make_key(team)
    with pytest.raises(NoKeyError, match=r"none\.key is missing"):
        purge(tmp_path, user="ada", identity=tmp_path / "none.key")
    editor = Editor(tmp_path, identity=team)
    editor.offer("return z")
    editor.settle()
    editor.recorder.close()
    editor.recorder.path.rename(tmp_path / ENDED.replace("0123abcd", "00000000"))
    assert purge(tmp_path, user="ada", identity=team).tables["session"] == 2
    assert counts(path) == [1, 1, 1, 10, 1, 1]


def test_without_the_key_a_user_cannot_be_found(past, tmp_path):
    path, _ = past
    before = counts(path)
    (tmp_path / KEY_FILE).unlink()
    with pytest.raises(NoKeyError, match="missing"):
        purge(tmp_path, user="ada")
    assert counts(path) == before
    assert not (tmp_path / KEY_FILE).exists()


def test_deleted_rows_are_not_left_in_the_files(past, tmp_path):
    path, _ = past
    (user_h,) = rows(path, "SELECT user_h FROM session ORDER BY id")[0]
    purge(tmp_path, user="ada")
    assert all(user_h.encode() not in file.read_bytes() for file in tmp_path.iterdir())


def test_everything_goes_with_the_key(past, tmp_path):
    purge(tmp_path, everything=True)
    assert list(tmp_path.iterdir()) == []


def test_what_a_running_process_writes_is_left_alone_and_named(tmp_path):
    editor = Editor(tmp_path)
    editor.offer("return x")
    editor.settle()
    purged = purge(tmp_path, everything=True)
    assert purged.in_use == (editor.recorder.path,)
    assert (tmp_path / KEY_FILE).exists()
    assert editor.one("SELECT count(*) FROM opportunity") == (1,)
    editor.recorder.close()


def test_what_to_purge_must_be_said(tmp_path):
    with pytest.raises(ValueError, match="an age, a user, or everything"):
        purge(tmp_path)


def test_a_file_that_cannot_be_read_keeps_no_other_from_being_purged(past, tmp_path):
    path, now_ms = past
    damaged = tmp_path / ENDED.replace("0123abcd", "00000000")
    damaged.write_bytes(path.read_bytes()[:100] + b"\xff" * 5_000)
    newer = tmp_path / ENDED.replace("0123abcd", "00000001")
    make_database(newer)
    with closing(sqlite3.connect(newer)) as connection, connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) "
            "VALUES ('telemetry', '9999_future', '')"
        )
    purged = purge(tmp_path, before_ms=now_ms - 5 * DAY_MS)
    assert purged.rows
    assert purged.failed.keys() == {damaged, newer}
    assert "newer version" in purged.failed[newer]
    assert counts(path) == [1, 1, 1, 10, 1, 1]
    assert apply_retention(tmp_path, 1, now_ms=now_ms + 5 * DAY_MS)
    assert not path.exists()


def test_a_link_that_is_named_stands_for_its_file(past, tmp_path):
    path, _ = past
    link = tmp_path / "link.sqlite3"
    link.symlink_to(path)
    assert purge(link, everything=True).rows
    assert not path.exists()
    assert link.is_symlink()
