"""Which engine is whose: digests of settings, and files for their owner alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from completer.engine_process.registration import (
    Registration,
    all_registered,
    digest_of,
    engine_settings,
    is_older,
    packed,
    register,
    registered,
    runtime_folder,
    unpacked,
    unregister,
)
from completer.errors import SettingsError
from completer.request_settings import CompletionSettings
from completer.settings import (
    EngineSettings,
    ModelSettings,
    Settings,
    TelemetrySettings,
    load_settings,
)

ENGINE = Registration(digest="d", pid=7, version="1.0", token="t", socket="/s", lingers=True)


@pytest.fixture(autouse=True)
def runtime(monkeypatch, tmp_path):
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


def test_another_model_or_answer_makes_another_engine():
    others = [
        Settings(model=ModelSettings(source="org/other")),
        Settings(completion=CompletionSettings(max_tokens=7)),
        Settings(pure=True),
    ]
    digests = {digest_of(each) for each in (Settings(), *others)}
    assert len(digests) == 4


def test_what_only_front_doors_read_does_not(tmp_path):
    beside = Settings(
        telemetry=TelemetrySettings(enabled=False),
        engine=EngineSettings(linger_minutes=1.0),
        workspaces=(tmp_path,),
    )
    assert digest_of(engine_settings(beside)) == digest_of(engine_settings(Settings()))
    listed = Settings(completion=CompletionSettings(disabled_in=("*.md",)))
    assert digest_of(engine_settings(listed)) == digest_of(engine_settings(Settings()))


def test_what_a_repository_may_not_change_is_kept(monkeypatch, tmp_path):
    given = load_settings({"completion": {"max_lines": 3}, "server": {"port": 1}}, None).settings
    arrived = unpacked(packed(given))
    assert arrived.settled == {"completion.max_lines"}
    assert arrived.completion == given.completion
    assert digest_of(arrived) == digest_of(given) != digest_of(Settings())


def test_a_token_does_not_travel(monkeypatch):
    monkeypatch.setenv("COMPLETER_SERVER__TOKEN", "s3cret")
    assert b"s3cret" not in packed(load_settings().settings)


def test_a_relative_model_is_the_same_from_another_folder(monkeypatch, tmp_path):
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    settings = engine_settings(Settings(model=ModelSettings(source="mine")))
    assert settings.model.source == str(tmp_path / "mine")
    assert engine_settings(Settings()).model.source == "bundled"


def test_the_last_to_register_is_found_and_goes_only_by_itself():
    assert registered("d") is None
    register(ENGINE)
    newer = Registration(digest="d", pid=8, version="1.1", token="u", port=1)
    register(newer)
    unregister(ENGINE)
    assert registered("d") == newer
    assert list(all_registered()) == [newer]
    unregister(newer)
    assert registered("d") is None


def test_a_file_that_is_none_is_no_engine():
    register(ENGINE)
    (file,) = runtime_folder().glob("*.json")
    for content in ("", "{}", "[1]", '{"pid": 1}'):
        file.write_text(content)
        assert registered("d") is None


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_folder_and_file_are_the_owners_alone(runtime):
    register(ENGINE)
    folder = runtime_folder()
    assert folder.is_relative_to(runtime)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [file.stat().st_mode & 0o777 for file in folder.glob("*.json")] == [0o600]
    folder.chmod(0o755)
    assert runtime_folder().stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.name != "posix", reason="owners are POSIX's")
def test_a_folder_of_somebody_else_is_not_used(monkeypatch):
    folder = runtime_folder()
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    monkeypatch.setattr(
        "completer.engine_process.registration.user_runtime_path", lambda app: Path(folder)
    )
    with pytest.raises(SettingsError, match="not yours"):
        runtime_folder()


@pytest.mark.parametrize(
    ("version", "than", "older"),
    [("0.1.0", "0.1.0", False), ("0.1.0", "0.2", True), ("0.10.0", "0.9.0", False)],
)
def test_versions_are_compared_as_numbers(version, than, older):
    assert is_older(version, than) is older
