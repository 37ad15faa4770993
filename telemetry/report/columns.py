"""Columns of a table as arrays, several times faster than row by row.

Making a Python tuple of every row takes longer than reading it. Here SQLite itself joins a chunk
of rows into one string in which every value is a code point, and numpy reads the string's memory.
While SQLite works the interpreter's lock is free, so chunks are read ahead on two threads.
"""

from __future__ import annotations

import itertools
import sqlite3
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from telemetry.store import reading

Ints = NDArray[Any]
Chunk = dict[str, Ints]

THREADS: Final = 2
_DIGIT_BITS: Final = 20  # a code point ends at 0x10FFFF
_DIGIT: Final = 1 << _DIGIT_BITS


class Column(NamedTuple):
    """A whole number of a row: an SQL expression and how many 20-bit digits it may need.

    It must fit its digits and not be negative. NULL reads as -1 and is allowed if `is_nullable`.
    """

    expression: str
    digits: int = 1
    is_nullable: bool = False


def read_columns(
    path: Path,
    connection: sqlite3.Connection,
    table: str,
    key: str,
    columns: Mapping[str, Column],
    *,
    step: int,
) -> Iterator[Chunk]:
    """Read a table in the order of its integer `key`, `step` key values at a time.

    Yields `{name: [rows]}`. `connection` reads a table of one chunk; larger ones are read on
    connections of their own, each chunk as the file is then.
    """
    first, last = id_bounds(connection, table, key)
    query = (
        f"SELECT CAST(group_concat({_packed(columns)}, '') AS BLOB) "  # noqa: S608
        f"FROM {table} WHERE {key} >= ? AND {key} < ?"
    )
    starts = range(first, last + 1, step)
    if len(starts) == 1:
        yield _read(connection, query, columns, first, first + step)
        return
    with ThreadPoolExecutor(THREADS) as pool:
        waiting: deque[Future[Chunk]] = deque()
        for start in itertools.chain(starts, [None] * THREADS):
            if start is not None:
                waiting.append(pool.submit(_read_apart, path, query, columns, start, start + step))
            if waiting and (start is None or len(waiting) > THREADS):
                yield waiting.popleft().result()


def _packed(columns: Mapping[str, Column]) -> str:
    digits = []
    for expression, count, is_nullable in columns.values():
        value = f"coalesce({expression} + 1, 0)" if is_nullable else expression
        digits += [
            f"(({value}) >> {place * _DIGIT_BITS}) & {_DIGIT - 1}" if count > 1 else value
            for place in range(count)
        ]
    return f"char({', '.join(digits)})"


def _read_apart(
    path: Path, query: str, columns: Mapping[str, Column], start: int, end: int
) -> Chunk:
    with reading(path) as connection:
        return _read(connection, query, columns, start, end)


def _read(
    connection: sqlite3.Connection,
    query: str,
    columns: Mapping[str, Column],
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
        chunk[name] = _joined(raw[:, at : at + column.digits]) - int(column.is_nullable)
        at += column.digits
    return chunk


def labels(connection: sqlite3.Connection) -> dict[int, str]:
    """The words behind the ids that other tables store."""
    return dict(connection.execute("SELECT id, name FROM label"))


def _joined(digits: NDArray[np.uint32]) -> Ints:
    """Numbers from their digits, `[rows, digits]`, the lowest first."""
    if digits.shape[1] == 1:
        return digits[:, 0].astype(np.int32)
    places = _DIGIT_BITS * np.arange(digits.shape[1], dtype=np.int64)
    joined: Ints = (digits.astype(np.int64) << places).sum(axis=1)
    return joined


def id_bounds(connection: sqlite3.Connection, table: str, key: str = "id") -> tuple[int, int]:
    """The smallest and largest key of a table, 0 if it is empty."""
    # One query with both min and max would read the whole table.
    queries = [f"SELECT coalesce({end}({key}), 0) FROM {table}" for end in ("min", "max")]  # noqa: S608
    first, last = (connection.execute(query).fetchone()[0] for query in queries)
    return first, last
