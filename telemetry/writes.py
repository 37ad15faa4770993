"""Rows on their way to the store: a statement and the parameters it is run with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from telemetry.schema import TABLES, SqlValue

Parameters = Sequence[SqlValue]
Label = Callable[[str], int]


@dataclass(frozen=True, slots=True)
class Write:
    """One statement, run once for each row of parameters."""

    statement: str
    rows: Sequence[Parameters]


def event_rows(table: str, events: Sequence[object], label: Label, **given: SqlValue) -> Write:
    """A row for each event: its columns' values are given, or read from it."""
    columns = [c for c in TABLES[table].columns if c.source is not None and c.name not in given]
    given = labelled(table, given, label)
    rows = []
    for event in events:
        values = {column.name: column.value(event) for column in columns}
        rows.append((*given.values(), *labelled(table, values, label).values()))
    return insert(table, (*given, *(column.name for column in columns)), rows)


def labelled(table: str, values: Mapping[str, SqlValue], label: Label) -> dict[str, SqlValue]:
    """The same values, with ids for the words that the table stores as labels."""
    labels = TABLES[table].labels
    return {
        name: label(value) if name in labels and isinstance(value, str) else value
        for name, value in values.items()
    }


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
    key = TABLES[table].key
    sums = ", ".join(f"{c} = {c} + excluded.{c}" for c in columns if c not in key)
    marks = ", ".join("?" * len(columns))
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks}) "  # noqa: S608
        f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {sums}"
    )
