"""Telemetry as plain tables for analysis elsewhere: no key, no text hashes, words spelled out."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, Literal

from telemetry.files import database_files
from telemetry.schema import TABLES
from telemetry.store import reading

Format = Literal["csv", "parquet"]

_BATCH: Final = 50_000


class NotExportedError(Exception):
    """A file that would be written over is no earlier export."""


class MissingLibraryError(Exception):
    """A format was asked for whose library is not installed."""


def export(
    path: Path, folder: Path, *, file_format: Format = "csv", force: bool = False
) -> list[Path]:
    """Write each table of a database file, or of a folder of them, to one file in `folder`.

    The first column, `file`, tells rows of different databases with equal ids apart. An earlier
    export is written over, other files only with `force`. Raises FileNotFoundError if there is no
    database, `NotTelemetryError` for a file that is none, `NotExportedError` if something else
    would be written over, `MissingLibraryError` for Parquet without pyarrow.
    """
    files = database_files(path)
    write = _write_csv if file_format == "csv" else _write_parquet
    if file_format == "parquet" and find_spec("pyarrow") is None:
        raise MissingLibraryError(
            "Parquet needs pyarrow: run `pip install pyarrow`, or export as CSV"
        )
    targets = {table: folder / f"{table}.{file_format}" for table in TABLES}
    if not force:
        _refuse_others(targets)
    folder.mkdir(parents=True, exist_ok=True)
    for table, target in targets.items():
        write(table, files, target)
    return list(targets.values())


def _refuse_others(targets: dict[str, Path]) -> None:
    """Raise `NotExportedError` if a file is there that is no export of its table."""
    for table, target in targets.items():
        if not (target.exists() or target.is_symlink()):
            continue
        columns = _header(target)
        if columns[:1] != ["file"] or not set(_columns(table)).issuperset(columns):
            raise NotExportedError(f"{target} exists and is not an earlier export")


def _header(target: Path) -> list[str]:
    """The names of a table's columns; none if the file is no table."""
    try:
        if target.suffix == ".parquet":
            return list(import_module("pyarrow.parquet").read_schema(target).names)
        with target.open(newline="", encoding="utf-8") as file:
            return next(csv.reader(file), [])
    except (OSError, ValueError, csv.Error):  # pyarrow's own errors are ValueErrors
        return []


def _write_csv(table: str, files: list[Path], target: Path) -> None:
    with target.open("w", newline="", encoding="utf-8") as output:
        writer = csv.writer(output)
        writer.writerow(_columns(table))
        for batch in _batches(table, files):
            writer.writerows(batch)


def _write_parquet(table: str, files: list[Path], target: Path) -> None:
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    rows = [row for batch in _batches(table, files) for row in batch]
    values: dict[str, Any] = {
        name: [row[i] for row in rows] for i, name in enumerate(_columns(table))
    }
    parquet.write_table(arrow.table(values), target)


def _columns(table: str) -> list[str]:
    """The columns of a table's export: the file's name, and what may be exported of the table."""
    return ["file", *(column.name for column in TABLES[table].columns if column.is_exported)]


def _batches(table: str, files: list[Path]) -> Iterator[list[tuple[Any, ...]]]:
    """A table's rows; columns that a file is too old to have are empty."""
    for path in files:
        with reading(path) as connection:
            info = connection.execute("SELECT name FROM pragma_table_info(?)", (f"{table}_named",))
            if not (stored := {name for (name,) in info}):
                continue
            columns = ", ".join(
                f'"{name}"' if name in stored else "NULL" for name in _columns(table)[1:]
            )
            query = f"SELECT ?, {columns} FROM {table}_named"  # noqa: S608
            cursor = connection.execute(query, (path.stem,))
            while batch := cursor.fetchmany(_BATCH):
                yield batch
