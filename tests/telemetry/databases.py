"""Databases for tests: rows in, rows out, and files in every kind of trouble."""

import sqlite3
import time
from contextlib import closing

from telemetry.store import reading


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
