"""The file of tokens: what is in it, who can read it, and who may be in it."""

from __future__ import annotations

import json
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from completer.errors import SettingsError
from completer.http.tokens import TokenFile, digest_of


@pytest.fixture
def file(tmp_path):
    return TokenFile(tmp_path / "config" / "tokens.json")


def test_a_secret_is_told_once_and_only_its_hash_is_kept(file, tmp_path):
    secret = file.add("ada", [tmp_path])
    (token,) = file.read()

    assert (token.name, token.workspaces) == ("ada", (tmp_path.resolve(),))
    assert token.sha256 == digest_of(secret.encode())
    assert secret not in file.path.read_text()
    assert len(secret) >= 43  # 256 bits in base 64


def test_no_two_secrets_are_the_same(file):
    assert len({file.add(f"person{number}") for number in range(20)}) == 20


def test_nobody_else_can_read_it(file):
    file.add("ada")
    file.add("bob")

    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o620, 0o602])
def test_what_others_can_read_or_write_is_refused(file, mode):
    file.add("ada")
    file.path.chmod(mode)

    for use in (file.read, lambda: file.add("bob"), lambda: file.remove("ada")):
        with pytest.raises(SettingsError, match="by others") as refusal:
            use()
        assert "chmod 600" in refusal.value.hint


def test_without_a_file_there_are_no_tokens(file):
    assert file.read() == ()


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"tokens": 3}', '{"tokens": [{"name": "ada"}]}', '{"other": 1}', "\0"],
)
def test_a_file_of_something_else_is_refused_and_left_alone(file, content):
    file.add("ada")
    file.path.write_text(content)

    for use in (file.read, lambda: file.add("bob")):
        with pytest.raises(SettingsError, match=r"tokens\.json"):
            use()
    assert file.path.read_text() == content


def test_one_person_has_one_token(file):
    file.add("ada")
    with pytest.raises(SettingsError, match="ada") as refusal:
        file.add("ada")
    assert "completer token remove ada" in refusal.value.hint


def test_it_is_taken_away_by_name(file):
    file.add("ada")
    file.add("bob")
    file.remove("ada")

    assert [token.name for token in file.read()] == ["bob"]
    with pytest.raises(SettingsError, match="ada") as refusal:
        file.remove("ada")
    assert "bob" in refusal.value.hint


@pytest.mark.parametrize("name", ["", " ", "a b", "a/b", "a\nb", "x" * 65, "-\0"])
def test_what_is_no_name_is_refused(file, name):
    with pytest.raises(SettingsError, match="name"):
        file.add(name)
    assert not file.path.exists()


@pytest.mark.parametrize("name", ["ada", "ada@example.org", "Zoë", "ci-bot_2"])
def test_names(file, name):
    file.add(name)
    assert file.read()[0].name == name


def test_a_folder_that_is_not_there_is_refused(file, tmp_path):
    with pytest.raises(SettingsError, match="no folder"):
        file.add("ada", [tmp_path / "gone"])


def test_a_folder_is_named_as_the_server_names_it(file, tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    monkeypatch.chdir(tmp_path)
    file.add("ada", [tmp_path / "link", tmp_path / "real" / ".." / "link"])

    assert set(file.read()[0].workspaces or ()) == {(tmp_path / "real").resolve()}


def test_commands_at_the_same_time_lose_nothing(file):
    names = [f"person{number}" for number in range(12)]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda name: TokenFile(file.path).add(name), names))

    assert {token.name for token in file.read()} == set(names)
    assert len(json.loads(file.path.read_text())["tokens"]) == 12


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "config").write_text("a file")
    with pytest.raises(SettingsError, match="cannot be written"):
        TokenFile(tmp_path / "config" / "tokens.json").add("ada")
