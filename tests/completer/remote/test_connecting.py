"""Where a token may go, and where it comes from."""

import pytest

from completer.errors import SettingsError
from completer.remote.connecting import MACHINE_HEADER, Server, token_of
from completer.settings import EngineSettings


@pytest.fixture(autouse=True)
def token(monkeypatch):
    monkeypatch.setenv("COMPLETER_TOKEN", "completer_abc\n")


@pytest.mark.parametrize(
    "address",
    [
        "https://gpu:8012",
        "https://gpu/completer/",
        "http://localhost:8012",
        "http://127.0.0.1:1",
        "http://127.8.8.8",
        "http://[::1]:8012",
    ],
)
def test_a_token_goes_over_tls_or_nowhere(address):
    server = Server.of(EngineSettings(server=address))
    assert server.headers["Authorization"] == "Bearer completer_abc"
    assert (server.tls() is None) == address.startswith("http:")
    assert server.headers[MACHINE_HEADER].isascii()


@pytest.mark.parametrize(
    "address",
    [
        "http://gpu:8012",
        "http://10.0.0.1",
        "http://localhost.evil.example",
        "http://0.0.0.0:1",
        "http://[::ffff:10.0.0.1]:80",
        "http://user@localhost:1",
        "http://localhost@gpu",
    ],
)
def test_nothing_goes_over_plain_http_to_another_machine(address):
    with pytest.raises(SettingsError) as raised:
        Server.of(EngineSettings(server=address))
    assert "https://" in raised.value.hint


@pytest.mark.parametrize(
    "address", ["gpu:8012", "ws://gpu", "https://", "https://gpu:x", "file:/a"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(SettingsError, match="no address"):
        Server.of(EngineSettings(server=address))


def test_a_path_before_it_stays():
    assert Server.of(EngineSettings(server="https://gpu/x/")).path() == "/x/v1/remote"


def test_a_token_file_must_be_its_owners_alone(tmp_path):
    file = tmp_path / "token"
    file.write_text("secret\n")
    file.chmod(0o644)
    with pytest.raises(SettingsError, match="read or written by others") as raised:
        token_of(file)
    assert "chmod 600" in raised.value.hint
    file.chmod(0o600)
    assert token_of(file) == "secret"


@pytest.mark.parametrize("content", ["", " \n", "two\nlines", "naïve"])
def test_what_is_no_token_is_told(tmp_path, content):
    file = tmp_path / "token"
    file.write_text(content)
    file.chmod(0o600)
    with pytest.raises(SettingsError, match="no token"):
        token_of(file)


def test_without_a_token_the_settings_cannot_be_used(monkeypatch, tmp_path):
    monkeypatch.delenv("COMPLETER_TOKEN")
    with pytest.raises(SettingsError, match="COMPLETER_TOKEN"):
        token_of(None)
    with pytest.raises(SettingsError, match="cannot be read"):
        token_of(tmp_path / "missing")


def test_certificates_that_are_none_are_told(tmp_path):
    file = tmp_path / "ca.pem"
    file.write_text("nothing of the kind")
    server = Server.of(EngineSettings(server="https://gpu", ca_file=file))
    with pytest.raises(SettingsError, match=r"engine\.ca_file"):
        server.tls()
