"""Columns of a table as arrays, several times faster than row by row.

What is read of each table, `schema` declares. Making a Python tuple of every row takes longer than
reading it. Here SQLite itself joins a chunk of rows into one string in which every value is a code
point, and numpy reads the string's memory. While SQLite works the interpreter's lock is free, so
chunks are read ahead on two threads.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from telemetry.schema import TABLES, Reported
from telemetry.store import reading

Ints = NDArray[Any]
Floats = NDArray[np.float64]
Floats32 = NDArray[np.float32]
Codes = NDArray[np.intp]
Flags = NDArray[np.bool_]
Chunk = dict[str, Ints]

THREADS: Final = 2
_DIGIT_BITS: Final = 20  # a code point ends at 0x10FFFF
_DIGIT: Final = 1 << _DIGIT_BITS
_COLUMNS: Final = "SELECT name FROM pragma_table_info(?)"
BEYOND: Final = 0xFFFD  # what SQLite makes of a number that is no code point


def reported(connection: sqlite3.Connection, table: str) -> dict[str, Reported]:
    """What reports read of a table, by name; NULL for columns that the file is too old to have.

    Nothing if it is too old to have the table.
    """
    stored = {name for (name,) in connection.execute(_COLUMNS, (table,))}
    return {
        column.reported.name or column.name: column.reported._replace(
            expression=(column.reported.expression or column.name)
            if column.name in stored
            else "NULL"
        )
        for column in TABLES[table].columns
        if stored and column.reported is not None
    }


def read_columns(
    path: Path,
    connection: sqlite3.Connection,
    table: str,
    key: str,
    columns: Mapping[str, Reported],
    *,
    step: int,
) -> Iterator[Chunk]:
    """Read a table in the order of its integer `key`, `step` (up to 2^20) key values at a time.

    Yields `{name: [rows]}` of the columns and the key. `connection` reads a table of one chunk;
    larger ones are read on connections of their own, each chunk as the file is then.
    """
    first, last = id_bounds(connection, table, key)
    # Keys count from the chunk's first, so that one digit holds them.
    columns = {key: Reported(f"{key} - ?1"), **columns}
    query = (
        f"SELECT CAST(group_concat({_packed(columns)}, '') AS BLOB) "  # noqa: S608
        f"FROM {table} WHERE {key} >= ?1 AND {key} < ?2"
    )
    starts = range(first, last + 1, step)
    if len(starts) == 1:
        yield _read(connection, query, columns, key, first, first + step)
        return
    with ThreadPoolExecutor(THREADS) as pool:
        waiting: deque[Future[Chunk]] = deque()
        for start in itertools.chain(starts, [None] * THREADS):
            if start is not None:
                part = (query, columns, key, start, start + step)
                waiting.append(pool.submit(_read_apart, path, *part))
            if waiting and (start is None or len(waiting) > THREADS):
                yield waiting.popleft().result()


def _packed(columns: Mapping[str, Reported]) -> str:
    digits = []
    for expression, count, is_nullable, _ in columns.values():
        value = f"{expression} + 1" if is_nullable else expression
        for place in range(count):
            high = f"(({value}) >> {place * _DIGIT_BITS})" if place else f"({value})"
            digits.append(high if place == count - 1 else f"{high} & {_DIGIT - 1}")
    return f"char({', '.join(digits)})"


def _read_apart(
    path: Path, query: str, columns: Mapping[str, Reported], key: str, start: int, end: int
) -> Chunk:
    with reading(path) as connection:
        return _read(connection, query, columns, key, start, end)


def _read(
    connection: sqlite3.Connection,
    query: str,
    columns: Mapping[str, Reported],
    key: str,
    start: int,
    end: int,
) -> Chunk:
    packed: bytes | None = connection.execute(query, (start, end)).fetchone()[0]
    width = sum(column.digits for column in columns.values())
    text = (packed or b"").decode("utf-8", "surrogatepass")
    raw = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).reshape(-1, width)
    chunk: Chunk = {}
    at = 0
    for name, column in columns.items():
        chunk[name] = _joined(raw[:, at : at + column.digits])
        if column.is_nullable:
            chunk[name] -= 1
        at += column.digits
    chunk[key] = chunk[key] + np.int64(start)
    return chunk


def labels(connection: sqlite3.Connection) -> dict[int, str]:
    """The words behind the ids that other tables store."""
    return dict(connection.execute("SELECT id, name FROM label"))


def _joined(digits: NDArray[np.uint32]) -> Ints:
    """Numbers from their digits, `[rows, digits]`, the lowest first."""
    if digits.shape[1] == 1:
        return digits[:, 0].astype(np.int32)
    joined = digits[:, 0].astype(np.int64)
    for place in range(1, digits.shape[1]):
        joined |= digits[:, place].astype(np.int64) << place * _DIGIT_BITS
    return joined


def id_bounds(connection: sqlite3.Connection, table: str, key: str = "id") -> tuple[int, int]:
    """The smallest and largest key of a table, 0 if it is empty."""
    # One query with both min and max would read the whole table.
    queries = [f"SELECT coalesce({end}({key}), 0) FROM {table}" for end in ("min", "max")]  # noqa: S608
    first, last = (connection.execute(query).fetchone()[0] for query in queries)
    return first, last


class ById:
    """Values of rows by their id, for ids that are dense between `bounds`; 0 where unknown."""

    def __init__(self, bounds: tuple[int, int], *names: str) -> None:
        self._first, last = bounds
        self._size = last - self._first + 1
        self._columns: dict[str, NDArray[np.int32]] = {
            name: np.zeros(self._size, dtype=np.int32) for name in names
        }

    def put(self, ids: Ints, values: Mapping[str, Ints]) -> None:
        """Remember values of rows."""
        for name, of_rows in values.items():
            self._columns[name][ids - self._first] = of_rows

    def get(self, ids: Ints, name: str) -> Ints:
        """One value of each row."""
        at = ids - self._first
        is_there = (at >= 0) & (at < self._size)
        if is_there.all():
            found: Ints = self._columns[name][at].astype(np.intp)
            return found
        return np.where(is_there, self._columns[name][np.clip(at, 0, self._size - 1)], 0)


class Common(ById):
    """A value that all rows of an id share; 0 where they differ."""

    def __init__(self, bounds: tuple[int, int]) -> None:
        super().__init__(bounds, "value", "differs")

    def put_rows(self, ids: Ints, of_rows: Ints) -> None:
        """Take rows in, many of an id; 0 says nothing."""
        at, of_rows = (ids - self._first)[of_rows > 0], of_rows[of_rows > 0]
        before = self._columns["value"][at]
        self._columns["value"][at] = of_rows
        differs = (self._columns["value"][at] != of_rows) | ((before != of_rows) & (before > 0))
        self._columns["differs"][at[differs]] = 1

    def shared(self, ids: Ints) -> Ints:
        """The shared value of each id."""
        return np.where(self.get(ids, "differs") == 0, self.get(ids, "value"), 0)
