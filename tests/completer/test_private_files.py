"""Files and folders for their owner alone, whatever the process's mask."""

import os
from pathlib import Path

import pytest

from completer.private_files import (
    make_private,
    new_private_file,
    private_folder,
    replace_private_file,
)


@pytest.fixture(autouse=True)
def _mask():
    mask = os.umask(0)
    yield
    os.umask(mask)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_all_missing_folders_are_made_private_and_others_stay_as_they_are(tmp_path):
    tmp_path.chmod(0o755)
    private_folder(tmp_path / "a" / "b")
    private_folder(tmp_path / "a" / "b")

    assert mode(tmp_path / "a") == mode(tmp_path / "a" / "b") == 0o700
    assert mode(tmp_path) == 0o755


def test_a_new_file_takes_the_place_of_a_left_over_and_of_a_link(tmp_path):
    (tmp_path / "elsewhere").write_text("untouched")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "old").write_text("old")
    for name in ("link", "old"):
        with new_private_file(tmp_path / name) as file:
            file.write(b"new")

        assert mode(tmp_path / name) == 0o600
        assert (tmp_path / name).read_text() == "new"
    assert (tmp_path / "elsewhere").read_text() == "untouched"


def test_what_all_could_read_is_made_private(tmp_path):
    (tmp_path / "file").touch(mode=0o644)
    (tmp_path / "folder").mkdir(mode=0o755)
    for name in ("file", "folder"):
        make_private(tmp_path / name)

    assert mode(tmp_path / "file") == 0o600
    assert mode(tmp_path / "folder") == 0o700


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "file.json"
    replace_private_file(path, b"one")
    replace_private_file(path, memoryview(b"two"))
    assert path.read_bytes() == b"two"
    assert os.name != "posix" or path.stat().st_mode & 0o777 == 0o600

    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        replace_private_file(path, b"three")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]
