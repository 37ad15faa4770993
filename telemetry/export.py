"""Telemetry as plain tables for analysis elsewhere: no key, no text hashes, words spelled out."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

from telemetry.files import database_files
from telemetry.migrations import LABELLED
from telemetry.store import reading

Format = Literal["csv", "parquet"]

# Hashes of text could be matched against guesses by anyone who got hold of the key.
WITHHELD: Final = frozenset({"text_hmac", "dedupe_hmac"})
_BATCH: Final = 50_000


class MissingLibraryError(Exception):
    """A format was asked for whose library is not installed."""


def export(path: Path, folder: Path, *, file_format: Format = "csv") -> list[Path]:
    """Write each table of a database file, or of a folder of them, to one file in `folder`.

    The first column, `file`, tells rows of different databases with equal ids apart. Raises
    FileNotFoundError if there is no database, `MissingLibraryError` for Parquet without pyarrow.
    """
    files = database_files(path)
    write = _write_csv if file_format == "csv" else _write_parquet
    if file_format == "parquet" and find_spec("pyarrow") is None:
        raise MissingLibraryError(
            "Parquet needs pyarrow: run `pip install pyarrow`, or export as CSV"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return [write(table, files, folder) for table in LABELLED]


def _write_csv(table: str, files: list[Path], folder: Path) -> Path:
    target = folder / f"{table}.csv"
    with target.open("w", newline="", encoding="utf-8") as output:
        writer = csv.writer(output)
        writer.writerow(_columns(table, files))
        for batch in _batches(table, files):
            writer.writerows(batch)
    return target


def _write_parquet(table: str, files: list[Path], folder: Path) -> Path:
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    target = folder / f"{table}.parquet"
    columns = _columns(table, files)
    rows = [row for batch in _batches(table, files) for row in batch]
    values: dict[str, Any] = {name: [row[i] for row in rows] for i, name in enumerate(columns)}
    parquet.write_table(arrow.table(values), target)
    return target


def _columns(table: str, files: list[Path]) -> list[str]:
    for path in files:
        with reading(path) as connection:
            if _has(connection, table):
                return ["file", *_exported(connection, table)]
    return ["file"]


def _has(connection: sqlite3.Connection, table: str) -> bool:
    """Whether the file is new enough to know a table."""
    return bool(_exported(connection, table))


def _exported(connection: sqlite3.Connection, table: str) -> list[str]:
    info = connection.execute(f"SELECT name FROM pragma_table_info('{table}_named')")  # noqa: S608
    return [name for (name,) in info if name not in WITHHELD]


def _batches(table: str, files: list[Path]) -> Iterator[list[tuple[Any, ...]]]:
    for path in files:
        with reading(path) as connection:
            if not _has(connection, table):
                continue
            columns = ", ".join(f'"{name}"' for name in _exported(connection, table))
            query = f"SELECT ?, {columns} FROM {table}_named"  # noqa: S608
            cursor = connection.execute(query, (path.stem,))
            while batch := cursor.fetchmany(_BATCH):
                yield batch
