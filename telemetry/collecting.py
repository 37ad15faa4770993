"""The databases of many processes in one file, which may be collected into again and again.

Each process counts its ids from 1, and reports want them dense: so the new ids of a source's table
take the next free ones here, in their order, and `collected` keeps the range and by how much it was
shifted. By it a row is found again, to take over what has changed since. A source is known by the
name that its process gave it.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from telemetry.database import DatabaseFile
from telemetry.files import DATABASE_NAME, NotTelemetryError, own_files, refuse_others
from telemetry.migrations import SchemaTooNewError
from telemetry.schema import TABLES, Column, Table
from telemetry.store import changing, reading, snapshot

_BUSY_S: Final = 10.0
_RANGES: Final = """
CREATE TABLE IF NOT EXISTS collected (
    source TEXT NOT NULL, name TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,
    shift INTEGER NOT NULL, PRIMARY KEY (source, name, first)
) STRICT, WITHOUT ROWID
"""


@dataclass(slots=True)
class Collected:
    """Which files were read, and how many rows they `added` and `changed`, by table.

    `failed` says why others were not. `people_keys` are those under which people are known in the
    whole collection: None stands for sessions that do not say.
    """

    files: list[Path] = field(default_factory=list)
    added: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    failed: dict[Path, str] = field(default_factory=dict)
    people_keys: set[int | None] = field(default_factory=set)


def collect(sources: Iterable[Path], into: Path) -> Collected:
    """Bring the collection `into`, which is made if it is missing, up to date with databases.

    `sources` are files, or folders of them; their processes may go on writing. Nothing is removed.
    Each file is taken in wholly or not at all. Raises `NotTelemetryError` if `into` is there and no
    collection.
    """
    _make(into)
    result = Collected()
    for source in sources:
        for path in _files(source, result.failed):
            try:
                _take_in(path, into, result)
            except (OSError, sqlite3.Error, SchemaTooNewError, NotTelemetryError) as error:
                result.failed[path] = str(error)
            else:
                result.files.append(path)
    with reading(into) as connection:
        keys = connection.execute("SELECT DISTINCT key_h FROM session")
        result.people_keys = {key for (key,) in keys}
    return result


def _make(into: Path) -> None:
    if into.exists() or into.is_symlink():
        refuse_others(into)
    else:
        made = DatabaseFile(into)
        made.connected(_BUSY_S)
        made.disconnect()
    with changing(into) as connection:
        connection.execute(_RANGES)
        strangers = "SELECT 1 FROM session WHERE NOT EXISTS (SELECT 1 FROM collected)"
        if connection.execute(strangers).fetchone():
            raise NotTelemetryError(into, "a collection of telemetry databases")


def _files(source: Path, failed: dict[Path, str]) -> list[Path]:
    """The databases of a source whose names say whose they are."""
    try:
        files = own_files(source)
    except (OSError, NotTelemetryError) as error:
        failed[source] = str(error)
        return []
    unnamed = [path for path in files if not DATABASE_NAME.fullmatch(path.name)]
    failed |= dict.fromkeys(
        unnamed, "it has not the name that its process gave it, by which it would be known again"
    )
    return [path for path in files if path not in unnamed]


def _name(path: Path) -> str:
    """What a source is called here: its name without the process, which `merging` changes."""
    found = DATABASE_NAME.fullmatch(path.name)
    return f"{found['day']}-{found['token']}" if found else path.name


def _take_in(path: Path, into: Path, result: Collected) -> None:
    """Copy a file, give the copy the present schema, and take its rows over in one transaction."""
    with TemporaryDirectory(dir=into.parent, prefix=f".{into.name}-") as folder:
        copy = Path(folder, path.name)
        snapshot(path, copy)
        with changing(copy):
            pass  # that brings its schema up to date
        with changing(into) as connection:
            connection.execute("ATTACH ? AS source", (str(copy),))
            _match_words(connection)
            counts = {t.name: _take_over(connection, t, _name(path)) for t in TABLES.values()}
    for table, (added, changed) in counts.items():
        result.added[table] += added
        result.changed[table] += changed


def _match_words(connection: sqlite3.Connection) -> None:
    """Note for each word of the source its id here."""
    connection.execute("INSERT OR IGNORE INTO main.label (name) SELECT name FROM source.label")
    connection.execute("CREATE TEMP TABLE word (theirs INTEGER PRIMARY KEY, ours INTEGER)")
    connection.execute(
        "INSERT INTO word SELECT t.id, o.id FROM source.label t JOIN main.label o USING (name)"
    )


def _take_over(connection: sqlite3.Connection, table: Table, source: str) -> tuple[int, int]:
    """Insert a table's new rows, and change those that differ; how many of both.

    A row that refers to one that is missing in its source is left out (`OR IGNORE`: the reference
    would be NULL).
    """
    if "id" in table.names:
        _allot(connection, table.name, source)
    others = [name for name in table.names if name not in table.key]
    here, new = (", ".join(f"{row}.{each}" for each in others) for row in (table.name, "excluded"))
    count = f"SELECT count(*) FROM main.{table.name}"  # noqa: S608
    before = connection.execute(count).fetchone()[0]
    touched = connection.execute(
        f"INSERT OR IGNORE INTO main.{table.name} ({', '.join(table.names)}) "  # noqa: S608
        f"SELECT {', '.join(_moved(table, each) for each in table.columns)} "
        f"FROM source.{table.name} AS t WHERE true "
        f"ON CONFLICT ({', '.join(table.key)}) DO UPDATE "
        f"SET ({', '.join(others)}) = ({new}) WHERE ({here}) IS NOT ({new})",
        {"source": source},
    ).rowcount
    added = connection.execute(count).fetchone()[0] - before
    return added, touched - added


def _allot(connection: sqlite3.Connection, table: str, source: str) -> None:
    """Give a table's new ids the next free ones here."""
    query = "SELECT coalesce(max({}), 0) FROM collected WHERE name = ?"
    (last,) = connection.execute(
        f"{query.format('last')} AND source = ?", (table, source)
    ).fetchone()
    (used,) = connection.execute(query.format("last + shift"), (table,)).fetchone()
    new = f"SELECT min(id), max(id) FROM source.{table} WHERE id > ?"  # noqa: S608
    first, end = connection.execute(new, (last,)).fetchone()
    if first is not None:
        row = (source, table, first, end, used + 1 - first)
        connection.execute("INSERT INTO collected VALUES (?, ?, ?, ?, ?)", row)


def _moved(table: Table, column: Column) -> str:
    """A column of the source's row `t` in SQL, as it is here: ids and words become ours."""
    value = f"t.{column.name}"
    if column.is_label:
        return f"(SELECT ours FROM word WHERE theirs = {value})"  # noqa: S608
    of = table.name if column.name == "id" else column.name
    if of not in TABLES:
        return value
    return (
        f"{value} + (SELECT shift FROM collected WHERE source = :source AND name = '{of}' "  # noqa: S608
        f"AND {value} BETWEEN first AND last)"
    )
