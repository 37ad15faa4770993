"""The schema: strict, named for people, and without a place for source text."""

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from telemetry.migrations import MIGRATIONS, SchemaMigrations, SchemaTooNewError, refuse_newer
from telemetry.schema import LABEL, TABLES, Column

TEXT_COLUMNS = {"label.name", "session.user_h", "session.caps", "opportunity.features"}


@pytest.fixture
def db():
    db = sqlite3.connect(":memory:", isolation_level=None)
    MIGRATIONS.apply(db)
    yield db
    db.close()


def names(db, kind):
    return {
        name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = ?", (kind,))
    }


def test_every_table_is_strict(db):
    strict = {row[1]: row[5] for row in db.execute("PRAGMA table_list")}
    assert all(strict[table] for table in TABLES)
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("INSERT INTO label (id, name) VALUES (1, x'00')")


def test_no_column_could_hold_source_text(db):
    text_columns = {
        f"{table}.{column[1]}"
        for table in [*TABLES, "label"]
        for column in db.execute(f"PRAGMA table_info({table})")
        if column[2] not in ("INTEGER", "REAL")
    }
    assert text_columns == TEXT_COLUMNS


def test_a_file_from_before_a_table_gets_it_with_the_next_write():
    db = sqlite3.connect(":memory:", isolation_level=None)
    MIGRATIONS.apply(db, stop_before="0003_commits")
    assert "commit_attr" not in names(db, "table")
    MIGRATIONS.apply(db)
    assert "commit_attr" in names(db, "table")
    assert names(db, "view") == {f"{table}_named" for table in TABLES}
    db.close()


def test_a_migration_that_fails_leaves_nothing_behind():
    db = sqlite3.connect(":memory:", isolation_level=None)
    db.execute("CREATE TABLE session (other)")
    with pytest.raises(sqlite3.OperationalError):
        MIGRATIONS.apply(db)
    assert names(db, "table") - {"_sqlite_migrations"} == {"session"}
    assert MIGRATIONS.applied(db) == []
    db.close()


def test_a_new_file_is_as_if_it_had_been_migrated(db):
    migrated = sqlite3.connect(":memory:", isolation_level=None)
    MIGRATIONS.apply(migrated, stop_before="0002_named_views")
    MIGRATIONS.apply(migrated)
    query = "SELECT type, name, sql FROM sqlite_master ORDER BY name"
    made, grown = (
        [(kind, name, " ".join((sql or "").split())) for kind, name, sql in each.execute(query)]
        for each in (db, migrated)
    )
    assert [each[:2] for each in made] == [each[:2] for each in grown]
    assert {each for each in made if not each[1].startswith("_sqlite")} >= {
        each for each in grown if not each[1].startswith("_sqlite") and each[0] == "table"
    }
    assert MIGRATIONS.applied(db) == MIGRATIONS.applied(migrated)
    migrated.close()


def test_a_new_file_needs_no_library_that_takes_memory():
    script = (
        "import sqlite3, sys; from telemetry.migrations import MIGRATIONS;"
        "MIGRATIONS.apply(sqlite3.connect(':memory:', isolation_level=None));"
        "print({'numpy', 'sqlite_utils'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


def test_applying_twice_changes_nothing(db):
    MIGRATIONS.apply(db)
    refuse_newer(db)


def test_views_spell_labels_out(db):
    db.execute("INSERT INTO label VALUES (7, 'disk_full')")
    db.execute("INSERT INTO ingest_gap VALUES (1, 0, 7, 3)")
    assert list(db.execute("SELECT reason, lost FROM ingest_gap_named")) == [("disk_full", 3)]


def test_a_column_that_is_declared_later_comes_to_older_files(db):
    late = Column("weight", "a new figure", sql="INTEGER NOT NULL DEFAULT 1", since=99)
    gap = replace(TABLES["ingest_gap"], columns=(*TABLES["ingest_gap"].columns, late))
    newer = SchemaMigrations([LABEL, *(TABLES | {"ingest_gap": gap}).values()])
    db.execute("INSERT INTO ingest_gap VALUES (1, 0, 7, 3)")
    newer.apply(db)
    assert newer.applied(db)[-1] == "0099_columns"
    assert list(db.execute("SELECT lost, weight FROM ingest_gap_named")) == [(3, 1)]
    with pytest.raises(SchemaTooNewError):
        refuse_newer(db)


def test_nothing_is_kept_for_ever():
    assert all(t.age_ms or t.parent for t in TABLES.values() if t.name != "session")


def test_the_documentation_says_what_each_table_holds():
    page = (Path(__file__).parents[2] / "docs" / "telemetry.md").read_text("utf-8")
    assert all(f"| `{table.name}` | {table.row} |" in page for table in TABLES.values())


def test_every_column_says_what_it_means():
    assert all(column.meaning for table in TABLES.values() for column in table.columns)
