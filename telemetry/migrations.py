"""Databases of every age, brought to the schema of `schema` by sqlite-utils' migrations.

A new file is made with that schema at once, without sqlite-utils: that imports numpy, which would
take a third more memory in each language server.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from telemetry.schema import LABEL, TABLES, Column, Table

_NAMES: Final = {1: "0001_tables", 2: "0002_named_views", 3: "0003_commits", 4: "0004_displays"}
_FIRST_VIEWS: Final = 2
_SET: Final = "telemetry"
_NOTES: Final = (
    'CREATE TABLE "_sqlite_migrations"'
    ' ("id" INTEGER PRIMARY KEY, "migration_set" TEXT, "name" TEXT, "applied_at" TEXT)',
    'CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"'
    ' ON "_sqlite_migrations" ("migration_set", "name")',
)


class SchemaMigrations:
    """A migration for every number that a table or a column came with."""

    def __init__(self, tables: Iterable[Table]) -> None:
        self._tables = list(tables)
        later = (column.since for table in self._tables for column in table.columns)
        numbers = range(1, max(*later, *_NAMES) + 1)
        self._numbers = {_NAMES.get(each, f"{each:04}_columns"): each for each in numbers}

    @property
    def names(self) -> frozenset[str]:
        """The names of all migrations."""
        return frozenset(self._numbers)

    def applied(self, connection: sqlite3.Connection) -> list[str]:
        """The names of those that a database has had, in order."""
        noted = "SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'"
        if connection.execute(noted).fetchone() is None:
            return []
        query = "SELECT name FROM _sqlite_migrations WHERE migration_set = ? ORDER BY name"
        return [name for (name,) in connection.execute(query, (_SET,))]

    def apply(self, connection: sqlite3.Connection, stop_before: str | None = None) -> None:
        """Apply those that a database has not had, each in a transaction, up to `stop_before`."""
        applied = set(self.applied(connection))
        if self.names <= applied:
            return
        if not applied and stop_before is None:
            self._make(connection)
            return
        from sqlite_utils import Database, Migrations

        migrations = Migrations(_SET)
        for name, number in self._numbers.items():

            def migrate(_: object, number: int = number) -> None:
                for table in self._tables:
                    _migrate(connection, table, number)

            migrations(name=name)(migrate)
        migrations.apply(Database(connection, execute_plugins=False), stop_before=stop_before)

    def _make(self, connection: sqlite3.Connection) -> None:
        """Give a new file the schema, and the notes that sqlite-utils would have made."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in _NOTES:
                connection.execute(statement)
            for name, number in self._numbers.items():
                for table in self._tables:
                    _migrate(connection, table, number)
                note = "INSERT INTO _sqlite_migrations (migration_set, name, applied_at)"
                connection.execute(f"{note} VALUES (?, ?, datetime('now'))", (_SET, name))
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")


def _migrate(connection: sqlite3.Connection, table: Table, number: int) -> None:
    # One statement at a time: `executescript` would commit the migration's transaction.
    new = table.columns_of(number)
    if table.since == number:
        connection.execute(_creation(table, new))
    else:
        for column in new:
            connection.execute(f"ALTER TABLE {table.name} ADD COLUMN {column.name} {column.sql}")
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
        connection.execute(f"DROP VIEW IF EXISTS {table.name}_named")
        connection.execute(f"CREATE VIEW {table.name}_named AS {query}")


def _creation(table: Table, columns: list[Column]) -> str:
    parts = [f"{column.name} {column.sql}" for column in columns]
    if table.key == ("id",):
        return f"CREATE TABLE {table.name} ({', '.join(parts)}) STRICT"
    parts.append(f"PRIMARY KEY ({', '.join(table.key)})")
    return f"CREATE TABLE {table.name} ({', '.join(parts)}) STRICT, WITHOUT ROWID"


MIGRATIONS: Final = SchemaMigrations([LABEL, *TABLES.values()])


class SchemaTooNewError(Exception):
    """The file was written by a newer version of this program."""


def refuse_newer(connection: sqlite3.Connection) -> None:
    """Raise `SchemaTooNewError` for migrations in a file that this version does not know."""
    if unknown := sorted(set(MIGRATIONS.applied(connection)) - MIGRATIONS.names):
        raise SchemaTooNewError(
            f"the telemetry database has the schema of a newer version ({', '.join(unknown)}): "
            "update completer, or point it to another folder"
        )
