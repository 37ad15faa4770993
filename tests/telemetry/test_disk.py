"""Which files are read for checks of persistence, and which are not."""

import os

import pytest

from telemetry.disk import LARGEST_FILE, read_document


def test_line_ends_stay_as_they_are(tmp_path):
    (tmp_path / "a.py").write_bytes(b"a\r\nb\n\xff")
    assert read_document("a.py", str(tmp_path), trusted=False) == "a\r\nb\n\ufffd"


def test_a_uri_and_its_path_are_the_same_file(tmp_path):
    file = tmp_path / "with space é.py"
    file.write_text("x")
    assert read_document(file.as_uri(), str(tmp_path), trusted=False) == "x"
    assert read_document(str(file), str(tmp_path), trusted=False) == "x"


def test_a_missing_file_is_told_from_a_refused_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_document("gone.py", str(tmp_path), trusted=False)


@pytest.mark.parametrize("uri", ["../secret", "link", "/etc/hostname"])
def test_requests_reach_nothing_outside_their_workspace(tmp_path, uri):
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    (tmp_path / "secret").write_text("secret")
    (workspace / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(PermissionError):
        read_document(uri, str(workspace), trusted=False)


def test_without_a_workspace_only_what_an_editor_opened_is_read(tmp_path):
    (tmp_path / "a.py").write_text("x")
    with pytest.raises(PermissionError):
        read_document(str(tmp_path / "a.py"), "", trusted=False)
    assert read_document(str(tmp_path / "a.py"), "", trusted=True) == "x"


@pytest.mark.parametrize("uri", ["untitled://a", "vscode-remote://ssh/a.py"])
def test_documents_of_other_places_are_not_on_this_disk(uri):
    with pytest.raises(PermissionError):
        read_document(uri, "", trusted=True)


def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a plain file"):
        read_document("pipe", str(tmp_path), trusted=False)


def test_a_huge_file_is_refused(tmp_path):
    (tmp_path / "huge").write_bytes(b"x" * (LARGEST_FILE + 1))
    with pytest.raises(OSError, match="at most"):
        read_document("huge", str(tmp_path), trusted=False)
