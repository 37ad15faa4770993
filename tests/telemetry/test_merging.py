"""Installations whose people are one: by a team's key from the start, or by merging."""

import stat

import pytest

from telemetry.merging import merge
from telemetry.privacy import KEY_FILE, NoKeyError, Pseudonyms, make_key, read_key
from telemetry.report import build
from telemetry.retention import purge
from tests.telemetry.conftest import Editor
from tests.telemetry.databases import rows


def record(folder, *users, **options):
    """A day of some people in an installation whose process has ended."""
    editor = Editor(folder, **options)
    for user in users:
        editor.session = editor.connect(user)
        editor.open()
        editor.offer(f"return {user}")
    editor.settle()
    editor.recorder.close()
    number = 999_000_000 + len(list(folder.glob("*.sqlite3")))
    return editor.recorder.path.rename(folder / f"2026-01-02-{number}-0123abcd.sqlite3")


def pseudonyms(folder):
    return Pseudonyms(read_key(folder / KEY_FILE))


def users(path):
    return {user_h for (user_h,) in rows(path, "SELECT user_h FROM session")}


@pytest.fixture
def here(tmp_path):
    record(tmp_path / "here", "ada")
    return tmp_path / "here"


@pytest.fixture
def there(tmp_path):
    record(tmp_path / "there", "ada", "carol")
    return tmp_path / "there"


def test_a_person_who_is_named_is_one_after_merging(here, there):
    theirs, ours = pseudonyms(there), pseudonyms(here)
    merged = merge(there, here, theirs=theirs, ours=ours, names=["ada", "nobody"])
    (file,) = merged.files
    assert (merged.people, merged.unnamed) == ({"ada"}, {theirs.user("carol")})
    assert users(file) == {ours.user("ada"), theirs.user("carol")}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert build(here).users == 2
    assert purge(here, user="ada").is_complete
    assert build(here).users == 1


def test_the_other_installation_stays_as_it_was_and_is_taken_in_once(here, there):
    theirs, ours = pseudonyms(there), pseudonyms(here)
    first = merge(there, here, theirs=theirs, ours=ours, names=["ada"])
    again = merge(there, here, theirs=theirs, ours=ours, names=["ada"])
    assert (len(first.files), len(again.files), len(again.known)) == (1, 0, 1)
    assert build(there).users == 2
    assert users(next(there.glob("*.sqlite3"))) == {theirs.user("ada"), theirs.user("carol")}
    assert not list(here.glob("*.draft"))


def test_with_a_teams_key_a_person_is_one_from_the_start(tmp_path):
    team = tmp_path / "people.key"
    make_key(team)
    files = [record(tmp_path / name, "ada", identity=team) for name in ("one", "two")]
    assert users(files[0]) == users(files[1]) == {Pseudonyms(b"", read_key(team)).user("ada")}
    assert read_key(tmp_path / "one" / KEY_FILE) != read_key(tmp_path / "two" / KEY_FILE)


def test_what_was_recorded_before_a_teams_key_is_changed_in_place(here, tmp_path):
    team = tmp_path / "people.key"
    make_key(team)
    ours = Pseudonyms(read_key(team))
    merged = merge(here, here, theirs=pseudonyms(here), ours=ours, names=["ada"])
    assert users(merged.files[0]) == {ours.user("ada")}
    record(here, "ada", identity=team)
    assert build(here).users == 1


def test_a_file_that_is_being_written_is_left_and_named(here, there):
    editor = Editor(there)
    editor.settle()
    merged = merge(there, here, theirs=pseudonyms(there), ours=pseudonyms(here), names=[])
    editor.recorder.close()
    assert "running process" in merged.failed[editor.recorder.path]
    assert len(merged.files) == 1


def test_a_teams_key_that_is_missing_or_none_is_an_error_and_not_another_key(tmp_path):
    (tmp_path / "bad.key").write_bytes(b"short")
    for name in ("none.key", "bad.key"):
        with pytest.raises(NoKeyError, match=f"{name} is missing, or is no key"):
            Editor(tmp_path / "telemetry", identity=tmp_path / name)


def test_a_key_is_private_and_never_written_over(tmp_path):
    path = tmp_path / "keys" / "people.key"
    make_key(path)
    key = read_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError, match="exists"):
        make_key(path)
    assert read_key(path) == key
