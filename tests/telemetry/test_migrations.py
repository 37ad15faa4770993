"""The schema: strict, named for people, and without a place for source text."""

import sqlite3

import pytest
from sqlite_utils import Database

from telemetry.migrations import LABELLED, MIGRATIONS, refuse_newer

TEXT_COLUMNS = {"label.name", "session.user_h", "session.caps", "opportunity.features"}


@pytest.fixture
def db():
    db = Database(memory=True, execute_plugins=False)
    MIGRATIONS.apply(db)
    yield db
    db.close()


def test_every_table_is_strict(db):
    assert all(db.table(table).strict for table in LABELLED)
    with pytest.raises(sqlite3.IntegrityError):
        db.execute("INSERT INTO label (id, name) VALUES (1, x'00')")


def test_no_column_could_hold_source_text(db):
    text_columns = {
        f"{table}.{column.name}"
        for table in [*LABELLED, "label"]
        for column in db.table(table).columns
        if column.type not in ("INTEGER", "REAL")
    }
    assert text_columns == TEXT_COLUMNS


def test_a_file_from_before_a_table_gets_it_with_the_next_write():
    db = Database(memory=True, execute_plugins=False)
    MIGRATIONS.apply(db, stop_before="0003_commits")
    assert not db.table("commit_attr").exists()
    MIGRATIONS.apply(db)
    assert db.table("commit_attr").exists()
    assert set(db.view_names()) == {f"{table}_named" for table in LABELLED}
    db.close()


def test_applying_twice_changes_nothing(db):
    MIGRATIONS.apply(db)
    refuse_newer(db)


def test_views_spell_labels_out(db):
    db.execute("INSERT INTO label VALUES (7, 'disk_full')")
    db.execute("INSERT INTO ingest_gap VALUES (1, 0, 7, 3)")
    assert list(db.query("SELECT reason, lost FROM ingest_gap_named")) == [
        {"reason": "disk_full", "lost": 3}
    ]
