"""Databases of several processes in one file: nothing twice, nothing lost, no id for another's."""

import sqlite3
import stat
from contextlib import closing
from itertools import count as count_from

import pytest

from benchmarks.simulation.simulate import simulate
from telemetry.collecting import collect
from telemetry.events import Accepted
from telemetry.files import NotTelemetryError
from telemetry.privacy import Pseudonyms, make_key, read_key
from telemetry.report import build, to_json
from telemetry.schema import TABLES
from telemetry.store import changing, snapshot
from tests.telemetry.conftest import Editor
from tests.telemetry.databases import count, is_sound, make_database, rows
from tests.telemetry.strangers import make_stranger
from tests.telemetry.test_merging import record

CANARY = "canary_51c2e7"
NUMBERS = count_from(10)
NOW_MS = 1_700_000_000_000


def database_name(number):
    return f"2026-01-02-{900_000_000 + number}-{number:08x}.sqlite3"


def recorded(folder, *users, **options):
    """The file of a process that has ended."""
    file = record(folder, *users, **options)
    return file.rename(folder / database_name(next(NUMBERS)))


def counts(path):
    return {table: count(path, table) for table in TABLES}


@pytest.fixture
def into(tmp_path):
    return tmp_path / "all.sqlite3"


@pytest.fixture
def editor(tmp_path):
    """A process that is still writing."""
    editor = Editor(tmp_path / "laptop")
    editor.settle()
    yield editor
    editor.recorder.close()


def part(path, target, number, parts):
    """Every n-th person's records of a database, as if another process had made them."""
    snapshot(path, target)
    with changing(target) as connection:
        connection.execute("DELETE FROM session WHERE id % ? != ?", (parts, number))
        for table in TABLES.values():
            if parent := table.parent or ("session" if "session" in table.names else ""):
                connection.execute(
                    f"DELETE FROM {table.name} WHERE {parent} NOT IN (SELECT id FROM {parent})"
                )


def figures(report, where=""):
    """What a report says, by its place in it; numbers to nine digits."""
    if isinstance(report, dict):
        return {k: v for key in report for k, v in figures(report[key], f"{where}/{key}").items()}
    return {where: float(f"{report:.9g}") if isinstance(report, float) else report}


@pytest.mark.slow
def test_a_collection_reports_what_one_database_would_that_saw_everything(tmp_path, into):
    whole = tmp_path / "whole.sqlite3"
    simulate(1_500, whole, seed=3, end_ms=NOW_MS, people=21)
    parts = [tmp_path / str(number) / database_name(number) for number in range(3)]
    for number, path in enumerate(parts):
        path.parent.mkdir()
        part(whole, path, number, len(parts))
    collected = collect(parts, into)
    assert collected.failed == {}
    assert counts(into) == counts(whole) == dict(collected.added)
    one, other = (figures(to_json(build(path, now_ms=NOW_MS))) for path in (whole, into))
    assert len(one) > 1_000
    assert one == other
    assert is_sound(into)


def test_ids_of_several_processes_do_not_collide(tmp_path, into):
    files = [recorded(tmp_path / name, name, "carol") for name in ("ada", "bob")]
    collect(files, into)
    sums = {table: sum(count(file, table) for file in files) for table in TABLES}
    assert counts(into) == sums
    query = """SELECT s.user_h, g.text_hmac FROM session s
               JOIN opportunity o ON o.session = s.id JOIN suggestion g ON g.opportunity = o.id"""
    assert set(rows(into, query)) == {row for file in files for row in rows(file, query)}
    for table in ("session", "opportunity", "suggestion"):
        ids = rows(into, f"SELECT id FROM {table} ORDER BY id")
        assert ids == [(number + 1,) for number in range(sums[table])]


def test_collecting_again_changes_nothing(tmp_path, into):
    files = [recorded(tmp_path / name, name) for name in ("ada", "bob")]
    collect([file.parent for file in files], into)
    before = {table: rows(into, f"SELECT * FROM {table}") for table in (*TABLES, "collected")}
    again = collect(files, into)
    assert again.files == files
    assert again.added.total() == again.changed.total() == 0
    assert before == {table: rows(into, f"SELECT * FROM {table}") for table in before}


def test_of_a_file_that_has_grown_what_is_new_comes_and_what_has_changed_is_taken_over(
    tmp_path, into, editor
):
    suggestion = editor.offer("return ada")
    editor.settle()
    other = recorded(tmp_path / "other", "bob")
    collect([editor.folder, other], into)
    editor.write("return ada")
    editor.recorder.record(Accepted(suggestion)).result(20)
    editor.offer("another")
    editor.wait(1_000)
    grown = collect([editor.folder, other], into)
    assert (grown.added["accept"], grown.added["survival"], grown.added["suggestion"]) == (1, 10, 1)
    assert grown.changed["suggestion"] == 1
    hidden = "SELECT hidden_reason FROM suggestion_named ORDER BY shown_ms"
    assert rows(into, hidden)[0] == ("accepted",)
    checks = """SELECT s.user_h, v.window_s, v.state FROM survival_named v
                JOIN accept a ON a.id = v.accept JOIN suggestion g ON g.id = a.suggestion
                JOIN opportunity o ON o.id = g.opportunity JOIN session s ON s.id = o.session"""
    assert rows(into, checks) == rows(editor.recorder.path, checks) != []
    assert counts(into) == {
        table: count(editor.recorder.path, table) + count(other, table) for table in TABLES
    }


def test_a_file_that_another_installation_has_taken_in_is_the_same_file(tmp_path, into):
    file = recorded(tmp_path / "there", "ada")
    copy = file.with_name(file.name.replace(file.name.split("-")[3], "999999999"))
    collect([file], into)
    file.rename(copy)
    assert collect([copy], into).added.total() == 0


def test_an_older_schema_is_brought_up_to_date_and_its_file_left_as_it_is(tmp_path, into):
    path = recorded(tmp_path / "x", "ada")
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP VIEW session_named")
        connection.execute("ALTER TABLE session DROP COLUMN key_h")
        connection.execute("DELETE FROM _sqlite_migrations WHERE name = '0006_columns'")
    before = path.read_bytes()
    collected = collect([path], into)
    assert (collected.failed, collected.people_keys) == ({}, {None})
    assert counts(into) == counts(path)
    assert path.read_bytes() == before


def test_what_cannot_be_taken_in_is_named_and_the_rest_comes(tmp_path, into):
    newer, good = tmp_path / database_name(1), recorded(tmp_path / "good", "ada")
    make_database(newer)
    with closing(sqlite3.connect(newer, isolation_level=None)) as connection:
        insert = "INSERT INTO _sqlite_migrations (migration_set, name) VALUES ('telemetry', '9999')"
        connection.execute(insert)
    renamed = snapshot_as(good, tmp_path / "mine.sqlite3")
    collected = collect([newer, renamed, tmp_path / "missing", good], into)
    assert collected.files == [good]
    assert "newer version" in collected.failed[newer]
    assert "not the name that its process gave it" in collected.failed[renamed]
    assert "no telemetry database" in collected.failed[tmp_path / "missing"]
    assert counts(into) == counts(good)
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []


def snapshot_as(path, target):
    snapshot(path, target)
    return target


def test_a_file_is_taken_in_wholly_or_not_at_all(tmp_path, into):
    good, bad = recorded(tmp_path / "good", "ada"), recorded(tmp_path / "bad", "bob")
    collect([good], into)
    with changing(bad) as connection:
        connection.execute("DROP TABLE survival")
    collected = collect([bad], into)
    assert "survival" in collected.failed[bad]
    assert counts(into) == counts(good)


@pytest.mark.parametrize("kind", ["text", "database"])
def test_what_is_no_collection_is_left_as_it_is(kind, tmp_path, into):
    source = recorded(tmp_path / "good", "ada")
    if kind == "text":
        make_stranger("text", into)
    else:
        snapshot(source, into)
    before = into.read_bytes()
    with pytest.raises(NotTelemetryError, match="left as it is"):
        collect([source], into)
    assert into.read_bytes() == before


def test_a_person_is_one_under_a_teams_key_and_other_keys_are_told(tmp_path, into):
    team = tmp_path / "people.key"
    make_key(team)
    replicas = [recorded(tmp_path / name, "ada", identity=team) for name in ("one", "two")]
    key = Pseudonyms(b"", read_key(team)).people_key()
    assert collect(replicas, into).people_keys == {key}
    assert build(into).users == 1
    laptop = recorded(tmp_path / "three", "ada")
    assert len(collect([laptop], into).people_keys) == 2


def test_a_collection_is_private_and_holds_no_text(tmp_path, into, editor):
    suggestion = editor.offer(f"return {CANARY}")
    editor.write(f"return {CANARY}")
    editor.recorder.record(Accepted(suggestion)).result(20)
    editor.wait(1_000)
    collect([editor.folder], into)
    assert count(into, "survival") == 10
    assert stat.S_IMODE(into.stat().st_mode) == 0o600
    for encoding in ("utf-8", "utf-16-le"):
        assert CANARY.encode(encoding) not in into.read_bytes()
