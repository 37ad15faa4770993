"""Commands that are pointed at other programs' files leave them exactly as they were."""

import sys

import pytest

from completer.cli.app import main
from telemetry.privacy import KEY_FILE, OPT_OUT_FILE
from tests.telemetry.conftest import Editor
from tests.telemetry.strangers import OUR_NAME, STRANGERS, fill, make_stranger, snapshot

PURGES = [
    ("--older-than-days", "0"),
    ("--everything",),
    ("--user", "ada"),
]
COMMANDS = {
    "report": ("report", "--db", "{db}"),
    "html": ("report", "--db", "{db}", "--html", "{out}.html"),
    "export": ("telemetry", "export", "{out}", "--db", "{db}"),
    **{f"purge {how[0]}": ("telemetry", "purge", "--yes", "--db", "{db}", *how) for how in PURGES},
}


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Run a command as a user does; returns its exit code and what it said."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["completer", *arguments])
        try:
            main()
        except SystemExit as ended:
            code = ended.code or 0
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out + said.err

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return run


def filled(command, db, out):
    return [word.format(db=db, out=out) for word in COMMANDS[command]]


@pytest.fixture
def folder(tmp_path):
    fill(tmp_path / "strangers")
    return tmp_path / "strangers"


@pytest.fixture
def recorded(folder):
    """One database of ours among them, of a process that has ended."""
    editor = Editor(folder)
    editor.offer("return x")
    editor.write("return x")
    editor.settle()
    editor.recorder.close()
    return editor.recorder.path.rename(folder / OUR_NAME.replace("0123abcd", "ffffffff"))


def strangers(folder):
    """What is in the folder and not of ours."""
    ours = (KEY_FILE, OPT_OUT_FILE, "ffffffff")
    return {n: state for n, state in snapshot(folder).items() if not any(o in n for o in ours)}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_of_strangers_is_no_folder_of_ours(command, folder, tmp_path, run):
    before = snapshot(folder)
    code, said = run(*filled(command, folder, tmp_path / "out"))
    assert code == 1
    assert "no telemetry database" in said
    assert snapshot(folder) == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_ours_is_found_among_strangers(command, folder, recorded, tmp_path, run):
    before = strangers(folder)
    code, said = run(*filled(command, folder, tmp_path / "out"))
    assert code == 0, said
    assert strangers(folder) == before
    assert recorded.exists() == (not command.startswith("purge"))


@pytest.mark.parametrize("kind", STRANGERS)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_named_and_not_ours_is_refused(command, kind, tmp_path, run):
    folder = tmp_path / "folder"
    folder.mkdir()
    path = make_stranger(kind, folder / "db.sqlite3")
    before = snapshot(folder)
    code, said = run(*filled(command, path, tmp_path / "out"))
    assert code == 1
    assert "telemetry database" in said
    assert snapshot(folder) == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (KEY_FILE, b"-----BEGIN PRIVATE KEY-----\n"),
        (OPT_OUT_FILE, b'{"marketing": true}'),
        (OPT_OUT_FILE, b'["marketing"]'),
    ],
)
def test_a_strangers_list_or_key_is_not_ours(name, content, tmp_path, monkeypatch, run):
    (tmp_path / name).write_bytes(content)
    monkeypatch.setenv("COMPLETER_TELEMETRY__FOLDER", str(tmp_path))
    code, said = run("telemetry", "opt-out", "--user", "ada")
    assert code == 1
    assert f"{name} is another program's" in said
    assert (tmp_path / name).read_bytes() == content


def test_a_strangers_key_survives_a_purge(folder, recorded, run):
    (folder / KEY_FILE).write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    code, said = run("telemetry", "purge", "--yes", "--everything", "--db", str(folder))
    assert code == 0, said
    assert not recorded.exists()
    assert (folder / KEY_FILE).read_bytes() == b"-----BEGIN PRIVATE KEY-----\n"


def test_a_purge_of_somebody_who_is_not_there_fails(folder, recorded, run):
    code, said = run("telemetry", "purge", "--yes", "--user", "nobody", "--db", str(folder))
    assert code == 1
    assert "Nothing of 'nobody' was found" in said
    assert recorded.exists()
