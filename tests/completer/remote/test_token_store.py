"""Tokens in a keyring: kept by address, asked last, and missed where there is none."""

from __future__ import annotations

import sys

import pytest

from completer.cli import remote as commands
from completer.errors import CompleterError, SettingsError
from completer.remote.connecting import Server, token_of
from completer.remote.token_store import remove_token, store_token, stored_token
from completer.settings import CONFIG_VARIABLE, EngineSettings
from tests.completer.cli.as_user import as_user

HERE, THERE = "https://gpu:8012", "https://other:8012"


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch, tmp_path):
    monkeypatch.delenv("COMPLETER_TOKEN", raising=False)
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "config.toml"))


@pytest.fixture
def kept():
    """What the system's keyring has, kept in memory instead; it refuses while it is `locked`."""
    keyring = pytest.importorskip("keyring", reason="the extra `keyring` is not installed")
    before, memory = keyring.get_keyring(), {}

    class Memory(keyring.backend.KeyringBackend):
        priority = 1
        locked = False

        def _open(self):
            if self.locked:
                raise keyring.errors.KeyringLocked("it is locked")

        def get_password(self, service, username):
            self._open()
            return memory.get((service, username))

        def set_password(self, service, username, password):
            self._open()
            memory[service, username] = password

        def delete_password(self, service, username):
            self._open()
            del memory[service, username]

    backend = Memory()
    keyring.set_keyring(backend)
    yield memory, backend
    keyring.set_keyring(before)


def test_a_token_is_kept_for_its_server_alone(kept):
    store_token(HERE, "completer_a")
    assert stored_token(HERE) == "completer_a"
    assert stored_token(THERE) == ""
    assert Server.of(EngineSettings(server=f"{HERE}/")).token == "completer_a"
    assert remove_token(HERE)
    assert not remove_token(HERE)
    with pytest.raises(SettingsError, match="no token") as raised:
        Server.of(EngineSettings(server=HERE))
    assert "completer remote login" in raised.value.hint


def test_file_and_environment_come_before_it(kept, monkeypatch, tmp_path):
    store_token(HERE, "of the keyring")
    monkeypatch.setenv("COMPLETER_TOKEN", "of the environment")
    assert token_of(None, HERE) == "of the environment"
    file = tmp_path / "token"
    file.touch(mode=0o600)
    file.write_text("of the file")
    assert token_of(file, HERE) == "of the file"


def test_a_keyring_that_is_locked_is_told_when_it_is_written_to(kept):
    _, backend = kept
    backend.locked = True
    assert stored_token(HERE) == ""
    for change in (lambda: store_token(HERE, "a"), lambda: remove_token(HERE)):
        with pytest.raises(CompleterError, match="locked"):
            change()


def test_without_the_package_it_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert stored_token(HERE) == ""
    with pytest.raises(CompleterError, match="not installed") as raised:
        store_token(HERE, "a")
    assert "completer[keyring]" in raised.value.hint


@pytest.fixture
def run(monkeypatch, capsys):
    return as_user(monkeypatch, capsys, "remote")


def given(monkeypatch, text: str) -> None:
    monkeypatch.setattr(commands, "read_token", lambda: text)


def test_login_and_logout(kept, run, monkeypatch):
    memory, _ = kept
    given(monkeypatch, " completer_secret\n")
    code, out, errors = run("login", "--server", f"{HERE}/")
    assert code == 0
    assert "completer_secret" not in out + errors
    assert memory == {("completer", HERE): "completer_secret"}
    assert run("logout", "--server", HERE)[0] == 0
    assert not memory
    assert "no token" in run("logout", "--server", HERE)[1]


@pytest.mark.parametrize("text", ["", " \n", "two words\nand lines", "naïve"])
def test_what_is_no_token_is_not_kept(kept, run, monkeypatch, text):
    memory, _ = kept
    given(monkeypatch, text)
    code, _, errors = run("login", "--server", HERE)
    assert code
    assert "no token" in errors
    assert not memory


def test_an_address_to_which_no_token_may_go_is_refused_at_once(kept, run, monkeypatch):
    memory, _ = kept
    given(monkeypatch, "completer_secret")
    code, _, errors = run("login", "--server", "http://gpu:8012")
    assert code
    assert "https://" in errors
    assert not memory


def test_a_token_is_read_from_what_is_piped_in(monkeypatch):
    from io import StringIO

    monkeypatch.setattr("sys.stdin", StringIO("completer_piped\nmore\n"))
    assert commands.read_token() == "completer_piped\n"
