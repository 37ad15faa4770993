"""Errors named by what is wrong with the disk."""

import sqlite3
from contextlib import closing

import pytest

from telemetry.faults import fault_of
from telemetry.migrations import SchemaTooNewError


def caught(statement, path=":memory:"):
    with pytest.raises(sqlite3.Error) as error, closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
    return error.value


def test_a_file_that_is_no_database_is_damaged(tmp_path):
    (tmp_path / "a").write_bytes(b"\xff" * 5_000)
    assert fault_of(caught("SELECT * FROM sqlite_master", tmp_path / "a")) == "damaged"


def test_a_file_that_cannot_be_opened(tmp_path):
    assert fault_of(caught("SELECT 1", tmp_path / "no" / "a")) == "cannot_open"


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (NotADirectoryError(), "cannot_open"),
        (SchemaTooNewError(), "newer_schema"),
        (sqlite3.ProgrammingError("wrong number of bindings"), "rejected"),
        (ZeroDivisionError(), "internal_error"),
    ],
)
def test_other_errors(error, fault):
    assert fault_of(error) == fault


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (sqlite3.SQLITE_FULL, "disk_full"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "read_only"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked"),
        (sqlite3.SQLITE_IOERR_FSYNC, "io_error"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "damaged"),
        (sqlite3.SQLITE_CONSTRAINT, "rejected"),
    ],
)
def test_extended_codes_are_read_by_their_primary_code(code, fault):
    error = sqlite3.OperationalError()
    error.sqlite_errorcode = code
    assert fault_of(error) == fault
