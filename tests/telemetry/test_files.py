"""Names of database files, and whose they are."""

import os
from pathlib import Path

import pytest

from telemetry.files import (
    NotTelemetryError,
    database_files,
    is_in_use,
    left_alone,
    new_database_path,
    noted_as_open,
    own_files,
)
from tests.telemetry.databases import make_database


def test_every_process_has_a_file_of_its_own(tmp_path):
    one, other = new_database_path(tmp_path), new_database_path(tmp_path)
    assert one != other
    assert str(os.getpid()) in one.name


ENDED = "2026-01-02-999999999-0123abcd.sqlite3"


def test_a_folder_stands_for_its_databases(tmp_path):
    for name in ("b.sqlite3", ENDED, "a.sqlite3", "c.sqlite3.damaged-1"):
        make_database(tmp_path / name)
    for name in ("install.key", "d.sqlite3", "d.sqlite3-wal"):
        (tmp_path / name).touch()
    assert [path.name for path in database_files(tmp_path)] == [ENDED, "a.sqlite3", "b.sqlite3"]
    assert database_files(tmp_path / "a.sqlite3") == [tmp_path / "a.sqlite3"]


def test_what_has_another_name_is_read_with_its_folder_but_changed_only_by_itself(tmp_path):
    make_database(tmp_path / ENDED)
    make_database(tmp_path / "kept.sqlite3")
    (tmp_path / "link.sqlite3").symlink_to(tmp_path / ENDED)
    assert [path.name for path in database_files(tmp_path)] == [ENDED, "kept.sqlite3"]
    assert own_files(tmp_path) == [tmp_path / ENDED]
    assert own_files(tmp_path / "kept.sqlite3") == [tmp_path / "kept.sqlite3"]


def test_a_file_with_our_name_and_other_content_is_told_of(tmp_path):
    make_database(tmp_path / ENDED)
    (tmp_path / "2026-01-03-999999999-0123abcd.sqlite3").write_bytes(b"other")
    (tmp_path / "2026-01-04-999999999-0123abcd.sqlite3").mkdir()
    (tmp_path / "other.sqlite3").write_bytes(b"other")
    assert list(left_alone(tmp_path)) == [
        "2026-01-03-999999999-0123abcd.sqlite3",
        "2026-01-04-999999999-0123abcd.sqlite3",
    ]


def test_a_file_that_is_named_and_not_ours_is_refused(tmp_path):
    (tmp_path / "notes.sqlite3").write_text("not a database")
    with pytest.raises(NotTelemetryError, match=r"notes\.sqlite3 is not a telemetry database"):
        database_files(tmp_path / "notes.sqlite3")


def test_where_there_is_none_the_error_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"give a \.sqlite3 file or a folder"):
        database_files(tmp_path)


def test_a_file_is_in_use_while_the_process_in_its_name_runs(tmp_path):
    assert is_in_use(tmp_path / f"2020-01-01-{os.getppid()}-0123abcd.sqlite3")
    assert not is_in_use(Path("2020-01-01-999999999-0123abcd.sqlite3"))
    assert not is_in_use(Path("simulated.sqlite3"))


def test_a_file_of_an_earlier_process_with_the_same_number_is_not_in_use(tmp_path):
    """As in a container, in which the server is always process 1."""
    path = new_database_path(tmp_path)
    make_database(path)
    assert not is_in_use(path)
    with noted_as_open(path):
        assert is_in_use(path)
