"""Names of database files, and whose they are."""

import os
from pathlib import Path

import pytest

from telemetry.files import database_files, is_in_use, new_database_path


def test_every_process_has_a_file_of_its_own(tmp_path):
    one, other = new_database_path(tmp_path), new_database_path(tmp_path)
    assert one != other
    assert str(os.getpid()) in one.name


def test_a_folder_stands_for_its_databases(tmp_path):
    for name in ("b.sqlite3", "a.sqlite3", "install.key", "a.sqlite3-wal", "c.sqlite3.damaged-1"):
        (tmp_path / name).touch()
    assert [path.name for path in database_files(tmp_path)] == ["a.sqlite3", "b.sqlite3"]
    assert database_files(tmp_path / "a.sqlite3") == [tmp_path / "a.sqlite3"]


def test_where_there_is_none_the_error_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"give a \.sqlite3 file or a folder"):
        database_files(tmp_path)


def test_a_file_is_in_use_while_the_process_in_its_name_runs(tmp_path):
    assert is_in_use(new_database_path(tmp_path))
    assert not is_in_use(Path("2020-01-01-999999999-0123abcd.sqlite3"))
    assert not is_in_use(Path("simulated.sqlite3"))
