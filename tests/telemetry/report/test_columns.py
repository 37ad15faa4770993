"""Columns read the fast way are the columns that SQL reads."""

import random
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from telemetry.database import prepare
from telemetry.report.columns import BEYOND, id_bounds, labels, read_columns, reported
from telemetry.schema import Reported
from telemetry.store import reading
from telemetry.writes import insert

LARGE = (0, 1, 0xD7FF, 0xD800, 0xDFFF, 0xFFFF, 0x10000, (1 << 20) - 1)


@pytest.fixture
def path(tmp_path):
    """Gaps of many sizes, with a hole in the middle."""
    path = tmp_path / "a.sqlite3"
    rng = random.Random(1)
    rows = [
        (number, rng.getrandbits(50), rng.choice(LARGE), rng.randint(0, 1_000_000))
        for number in [*range(3, 900), *range(2_000, 2_100)]
    ]
    write = insert("ingest_gap", ("id", "ts_ms", "reason", "lost"), rows)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        prepare(connection)
        connection.executemany(write.statement, write.rows)
        connection.execute("INSERT INTO label VALUES (1, 'x')")
    return path


def read(path, table, columns, step=100):
    with reading(path) as connection:
        return list(read_columns(path, connection, table, "id", columns, step=step))


def test_a_table_of_one_chunk_and_one_of_many_read_the_same(path):
    columns = {"reason": Reported("reason")}
    (whole,) = read(path, "ingest_gap", columns, step=10_000)
    parts = read(path, "ingest_gap", columns, step=100)
    for name in columns:
        assert whole[name].tolist() == np.concatenate([part[name] for part in parts]).tolist()


def test_values_of_every_size_come_back(path):
    columns = {
        "ts": Reported("ts_ms", 3),
        "reason": Reported("reason"),
        "rest": Reported("nullif(lost % 3, 0)", is_nullable=True),
    }
    chunks = read(path, "ingest_gap", columns)
    with reading(path) as connection:
        expected = connection.execute(
            "SELECT id, ts_ms, reason, coalesce(nullif(lost % 3, 0), -1) FROM ingest_gap"
        ).fetchall()
    names = ("id", *columns)
    found = np.stack([np.concatenate([c[name] for c in chunks]) for name in names], axis=1)
    assert found.tolist() == [list(row) for row in expected]


def test_numbers_are_cut_to_whole_ones_and_those_out_of_range_read_as_beyond(path):
    columns = {
        "cut": Reported("2.9"),
        "cut_long": Reported("1048577.9", 2),
        "none": Reported("NULL"),
        "large": Reported("0x110000"),
        "negative": Reported("-1"),
    }
    chunk = read(path, "ingest_gap", columns)[0]
    assert [chunk[name][0] for name in columns] == [2, 1_048_577, 0, BEYOND, BEYOND]


def test_chunks_come_in_order_and_no_larger_than_asked(path):
    chunks = read(path, "ingest_gap", {})
    assert all(len(chunk["id"]) <= 100 for chunk in chunks)
    ids = np.concatenate([chunk["id"] for chunk in chunks])
    assert (np.diff(ids) > 0).all()


def test_an_empty_table_has_one_empty_chunk_or_none(path):
    chunks = read(path, "session", {})
    assert sum(len(chunk["id"]) for chunk in chunks) == 0


def test_bounds_and_labels(path):
    with reading(path) as connection:
        assert id_bounds(connection, "ingest_gap") == (3, 2_099)
        assert id_bounds(connection, "session") == (0, 0)
        assert labels(connection) == {1: "x"}


def test_a_file_from_before_a_column_or_a_table_reads_as_without_it(path):
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP VIEW survival_named")
        connection.execute("ALTER TABLE survival DROP COLUMN arc")
        connection.execute("INSERT INTO survival VALUES (1,0,0,1,1,5,5,0,0,2,1,0,0)")
        connection.execute("DROP TABLE commit_attr")
    with reading(path) as connection:
        columns = reported(connection, "survival")
        (rows,) = read_columns(path, connection, "survival", "accept", columns, step=10)
        assert (rows["arc"].tolist(), rows["init_len"].tolist()) == ([0], [5])
        assert reported(connection, "commit_attr") == {}
