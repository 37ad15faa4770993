"""Databases of every age, brought to the schema of `schema` by sqlite-utils' migrations."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final

from sqlite_utils import Database, Migrations

from telemetry.schema import LABEL, TABLES, Column, Table

_NAMES: Final = {1: "0001_tables", 2: "0002_named_views", 3: "0003_commits", 4: "0004_displays"}
_FIRST_VIEWS: Final = 2


def migrations_of(tables: Iterable[Table]) -> Migrations:
    """A migration for every number that a table or a column came with."""
    tables = list(tables)
    migrations = Migrations("telemetry")
    later = (column.since for table in tables for column in table.columns)
    for number in range(1, max(*later, *_NAMES) + 1):

        def migrate(db: Database, number: int = number) -> None:
            for table in tables:
                _migrate(db, table, number)

        migrations(name=_NAMES.get(number, f"{number:04}_columns"))(migrate)
    return migrations


def _migrate(db: Database, table: Table, number: int) -> None:
    # One statement at a time: `executescript` would commit the migration's transaction.
    new = table.columns_of(number)
    if table.since == number:
        db.execute(_creation(table, new))
    else:
        for column in new:
            db.execute(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {column.sql}")
    has_changed = bool(new) or number == _FIRST_VIEWS
    if has_changed and number >= max(table.since, _FIRST_VIEWS) and table is not LABEL:
        columns = ", ".join(
            f"(SELECT name FROM label WHERE id = t.{column.name}) AS {column.name}"  # noqa: S608
            if column.is_label
            else f"t.{column.name}"
            for earlier in range(1, number + 1)
            for column in table.columns_of(earlier)
        )
        query = f"SELECT {columns} FROM {table.name} AS t"  # noqa: S608
        db.create_view(f"{table.name}_named", query, replace=True)


def _creation(table: Table, columns: list[Column]) -> str:
    parts = [f"{column.name} {column.sql}" for column in columns]
    if table.key == ("id",):
        return f"CREATE TABLE {table.name} ({', '.join(parts)}) STRICT"
    parts.append(f"PRIMARY KEY ({', '.join(table.key)})")
    return f"CREATE TABLE {table.name} ({', '.join(parts)}) STRICT, WITHOUT ROWID"


MIGRATIONS: Final = migrations_of([LABEL, *TABLES.values()])


class SchemaTooNewError(Exception):
    """The file was written by a newer version of this program."""


def refuse_newer(db: Database) -> None:
    """Raise `SchemaTooNewError` if `db` has migrations that this version does not know."""
    applied = {migration.name for migration in MIGRATIONS.applied(db)}
    if unknown := sorted(applied - _known()):
        raise SchemaTooNewError(
            f"the telemetry database has the schema of a newer version ({', '.join(unknown)}): "
            "update completer, or point it to another folder"
        )


@cache
def _known() -> frozenset[str]:
    empty = Database(memory=True, execute_plugins=False)
    names = frozenset(migration.name for migration in MIGRATIONS.pending(empty))
    empty.close()
    return names
