"""Statements: inserting, updating and accumulating rows."""

import sqlite3

import pytest

from telemetry.migrations import MIGRATIONS
from telemetry.schema import TABLES
from telemetry.writes import accumulate, insert, insert_row, update_row


@pytest.fixture
def db():
    connection = sqlite3.connect(":memory:")
    MIGRATIONS.apply(connection)
    yield connection
    connection.close()


def run(db, write):
    db.executemany(write.statement, write.rows)


def test_an_insert_that_is_repeated_replaces(db):
    for name in ("a", "b"):
        run(db, insert_row("label", id=1, name=name))
    assert db.execute("SELECT * FROM label").fetchall() == [(1, "b")]


def test_many_rows_in_one_write(db):
    run(db, insert("label", ("id", "name"), [(1, "a"), (2, "b")]))
    assert db.execute("SELECT count(*) FROM label").fetchone() == (2,)


def test_an_update_names_its_row(db):
    run(db, insert("label", ("id", "name"), [(1, "a"), (2, "b")]))
    run(db, update_row("label", 2, name="c"))
    assert db.execute("SELECT name FROM label ORDER BY id").fetchall() == [("a",), ("c",)]


def test_accumulating_adds_to_what_is_there(db):
    key = (1, 2, 3, 4, 5)
    for _ in range(2):
        run(db, accumulate("edit_rollup", TABLES["edit_rollup"].names, [(*key, 10, 11, 1, 1)]))
    assert db.execute("SELECT * FROM edit_rollup").fetchall() == [(*key, 20, 22, 2, 2)]
