from pathlib import Path

import pytest

from completer.context.roots import find_root


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    return tmp_path


def test_the_nearest_folder_with_a_marker_wins(home):
    package = home / "monorepo" / "packages" / "ui"
    (package / "src").mkdir(parents=True)
    (home / "monorepo" / ".git").mkdir()
    (package / "package.json").touch()
    assert find_root(package / "src" / "app.tsx") == package
    assert find_root(home / "monorepo" / "tools" / "new.py") == home / "monorepo"


def test_the_home_folder_is_no_project(home):
    (home / ".git").mkdir()
    (home / "notes").mkdir()
    assert find_root(home / "notes" / "todo.py") is None
    assert find_root(home) is None


def test_a_file_is_no_folder_to_look_in(home):
    (home / "app").mkdir()
    (home / "app" / "go.mod").touch()
    (home / "app" / "main.go").touch()
    assert find_root(home / "app" / "main.go") == home / "app"
