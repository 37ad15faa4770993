"""Databases for tests: rows in, rows out, and files in every kind of trouble."""

import sqlite3
import time
from contextlib import closing

from telemetry.database import prepare
from telemetry.store import reading


def make_database(path):
    """An empty database of ours."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        prepare(connection)


def make_old_database(path):
    """One from before databases of ours said so in their header."""
    make_database(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA application_id = 0")


def rows(path, query, *parameters):
    with reading(path) as connection:
        return connection.execute(query, parameters).fetchall()


def count(path, table):
    return rows(path, f"SELECT count(*) FROM {table}")[0][0]


def gaps(path):
    """Lost events by reason."""
    return dict(rows(path, "SELECT reason, sum(lost) FROM ingest_gap_named GROUP BY reason"))


def is_sound(path):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def wait_until(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)
