"""Where a setting comes from, what it may be, and what a repository may not set."""

import os
from pathlib import Path

import pytest

from completer.errors import SettingsError
from completer.settings import (
    CONFIG_VARIABLE,
    LARGEST_REPOSITORY_FILE,
    load_repository_settings,
    load_settings,
)


@pytest.fixture(autouse=True)
def _no_user_file(monkeypatch, tmp_path):
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "none.toml"))


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_defaults():
    loaded = load_settings()

    assert loaded.settings.server.port == 8012
    assert loaded.settings.model.source == "bundled"
    assert loaded.origins == {}


def test_flags_win_over_environment_over_file(monkeypatch, tmp_path):
    file = write(
        tmp_path / "c.toml",
        "[server]\nport = 1\nhost = 'file'\n[completion]\nmax_tokens = 1\n",
    )
    monkeypatch.setenv("COMPLETER_SERVER__PORT", "2")
    monkeypatch.setenv("COMPLETER_SERVER__HOST", "environment")

    loaded = load_settings({"server": {"port": 3, "host": None}}, file)

    assert loaded.settings.server.port == 3
    assert loaded.settings.server.host == "environment"
    assert loaded.settings.completion.max_tokens == 1
    assert loaded.origins == {
        "server.port": "flag",
        "server.host": "environment",
        "completion.max_tokens": f"file {file}",
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[server]\nport = 99999\n", "server.port.*less than or equal to 65535.*c.toml"),
        ("[server]\nprot = 1\n", "server.prot.*not permitted"),
        ("[sever]\nport = 1\n", "no setting 'sever'"),
        ("[server\n", "cannot be read as TOML"),
    ],
)
def test_a_wrong_file_says_what_is_wrong_and_where(tmp_path, text, complaint):
    with pytest.raises(SettingsError, match=complaint):
        load_settings(file=write(tmp_path / "c.toml", text))


def test_a_named_file_must_exist(tmp_path):
    with pytest.raises(SettingsError, match="no settings file"):
        load_settings(file=tmp_path / "gone.toml")


def test_the_token_is_not_shown():
    settings = load_settings({"server": {"token": "hunter2"}}).settings

    assert "hunter2" not in repr(settings)
    assert settings.server.token.get_secret_value() == "hunter2"


def test_a_repository_sets_how_its_code_is_completed(tmp_path):
    write(tmp_path / ".completer.toml", "[completion]\nmax_lines = 3\n")

    assert load_repository_settings(tmp_path).completion.max_lines == 3


def test_a_repository_stands_between_the_users_file_and_environment_and_flags(
    tmp_path, monkeypatch
):
    user = write(tmp_path / "c.toml", "[completion]\nmax_lines = 5\nmax_tokens = 20\n")
    monkeypatch.setenv("COMPLETER_COMPLETION__MULTILINE", "never")
    settings = load_settings({"drafting": {"enabled": True}}, user).settings
    own = "[completion]\nmax_lines = 3\nmultiline = 'always'\n[drafting]\nenabled = false\n"
    write(tmp_path / ".completer.toml", own)
    repository = load_repository_settings(tmp_path)
    merged = repository.over(settings)

    assert repository.given == (
        *("completion.max_lines", "completion.multiline"),
        "drafting.enabled",
    )
    assert (merged.completion.max_lines, merged.completion.max_tokens) == (3, 20)
    assert merged.completion.multiline == "never"
    assert merged.drafting.enabled
    assert merged.model == settings.model


@pytest.mark.parametrize(("wanted", "given"), [(9, 9), (10_000, 512)])
def test_a_repository_makes_its_index_smaller_and_not_larger(tmp_path, wanted, given):
    write(tmp_path / ".completer.toml", f"[drafting]\nmax_index_mb = {wanted}\n")
    merged = load_repository_settings(tmp_path).over(load_settings().settings)

    assert merged.drafting.max_index_mb == given


def test_a_repositorys_settings_lie_in_the_repository(tmp_path):
    elsewhere = write(tmp_path / "elsewhere.toml", "[completion]\nmax_lines = 3\n")
    root = tmp_path / "w"
    root.mkdir()
    (root / ".completer.toml").symlink_to(elsewhere)
    with pytest.raises(SettingsError, match="cannot be read"):
        load_repository_settings(root)
    (root / ".completer.toml").unlink()
    os.mkfifo(root / ".completer.toml")
    with pytest.raises(SettingsError, match="not a regular file"):
        load_repository_settings(root)


def test_a_huge_file_is_refused(tmp_path):
    write(tmp_path / ".completer.toml", "#" * (LARGEST_REPOSITORY_FILE + 1))
    with pytest.raises(SettingsError, match="larger than"):
        load_repository_settings(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "[model]\nsource = 'evil/model'\n",
        "[server]\nhost = '0.0.0.0'\n",
        "pure = true\n",
        "secrets = 'keep'\n",
    ],
)
def test_a_repository_sets_neither_models_nor_addresses_nor_what_is_learned(tmp_path, text):
    write(tmp_path / ".completer.toml", text)

    with pytest.raises(SettingsError) as refusal:
        load_repository_settings(tmp_path)
    assert "may only set" in refusal.value.hint


def test_pure_and_lossy_contradict_each_other():
    lossy = {"completion": {"exit_mode": "lossy"}}

    assert load_settings(lossy).settings.completion.exit_mode == "lossy"
    with pytest.raises(SettingsError, match="pure") as refusal:
        load_settings({**lossy, "pure": True})
    assert "one of the two" in refusal.value.hint
