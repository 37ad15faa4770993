"""Rows on their way to the store: a statement and the parameters it is run with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

SqlValue = int | float | str | None
Parameters = Sequence[SqlValue]

# What identifies a row where it is not `id`.
KEYS: dict[str, tuple[str, ...]] = {
    "survival": ("accept", "window_s"),
    "edit_rollup": ("session", "doc_h", "lang", "minute", "cls"),
}


@dataclass(frozen=True, slots=True)
class Write:
    """One statement, run once for each row of parameters."""

    statement: str
    rows: Sequence[Parameters]


def insert(table: str, columns: tuple[str, ...], rows: Sequence[Parameters]) -> Write:
    """Insert rows; one that is there already is replaced, so that repeats change nothing."""
    return Write(_insert_statement(table, columns), rows)


def insert_row(table: str, **values: SqlValue) -> Write:
    """`insert` for a single row."""
    return insert(table, tuple(values), [tuple(values.values())])


def update_row(table: str, row_id: int, **values: SqlValue) -> Write:
    """Set columns of the row with this id."""
    return Write(_update_statement(table, tuple(values)), [(*values.values(), row_id)])


def accumulate(table: str, columns: tuple[str, ...], rows: Sequence[Parameters]) -> Write:
    """Add the columns that are not part of the table's key to what is stored under the key."""
    return Write(_accumulate_statement(table, columns), rows)


@cache
def _insert_statement(table: str, columns: tuple[str, ...]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608


@cache
def _update_statement(table: str, columns: tuple[str, ...]) -> str:
    return f"UPDATE {table} SET {', '.join(f'{c} = ?' for c in columns)} WHERE id = ?"  # noqa: S608


@cache
def _accumulate_statement(table: str, columns: tuple[str, ...]) -> str:
    key = KEYS[table]
    sums = ", ".join(f"{c} = {c} + excluded.{c}" for c in columns if c not in key)
    marks = ", ".join("?" * len(columns))
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) "  # noqa: S608
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sums}"
    )
