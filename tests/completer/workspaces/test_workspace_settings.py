"""A workspace's own settings, followed as its file changes."""

import pytest

from completer.settings import REPOSITORY_FILE, Settings
from completer.workspaces.workspace_settings import WorkspaceSettings


@pytest.fixture
def settings(tmp_path):
    return WorkspaceSettings(tmp_path, Settings())


def max_lines(settings):
    return settings.current().completion.max_lines


def test_without_a_file_the_users_settings_hold(tmp_path):
    of_user = Settings()
    assert WorkspaceSettings(tmp_path, of_user).current() is of_user


def test_a_change_holds_at_once_and_ends_with_the_file(tmp_path, settings):
    file = tmp_path / REPOSITORY_FILE
    for number in (3, 14):
        file.write_text(f"[completion]\nmax_lines = {number}\n")
        assert max_lines(settings) == number
    assert settings.current() is settings.current()
    file.unlink()
    assert max_lines(settings) == 16


@pytest.mark.parametrize(
    "broken", ["max_lines", "[model]\nsource = 'x'\n", "[completion]\nx = 1\n"]
)
def test_a_broken_file_is_told_once_and_changes_nothing(tmp_path, settings, caplog, broken):
    file = tmp_path / REPOSITORY_FILE
    file.write_text("[completion]\nmax_lines = 3\n")
    assert max_lines(settings) == 3
    file.write_text(broken)
    assert [max_lines(settings), max_lines(settings)] == [3, 3]
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    assert str(file) in caplog.text
    file.write_text("[completion]\nmax_lines = 14\n")
    assert max_lines(settings) == 14
