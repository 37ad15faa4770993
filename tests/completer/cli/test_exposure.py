"""Whether other machines can reach an address, and what that takes."""

from __future__ import annotations

import socket

import pytest

from completer.cli.exposure import check_exposure, tls_files
from completer.cli.serve import listen
from completer.errors import SettingsError
from completer.http.tokens import TokenFile
from completer.server_settings import ServerSettings
from completer.settings import Settings
from tests.completer.remote.machines import certificate


@pytest.fixture
def settings(tmp_path):
    return Settings(server=ServerSettings(tokens=tmp_path / "tokens.json"))


def own_address() -> str:
    """An address of this machine that others reach, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            pytest.skip("this machine is in no network")
        return str(probe.getsockname()[0])


def bound(host: str) -> socket.socket:
    try:
        return listen(host, 0)
    except SettingsError:
        pytest.skip(f"this machine has no {host}")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "127.1", "localhost", "::1"])
def test_this_machine_needs_no_token(settings, host):
    with bound(host) as listener:
        assert check_exposure(settings, listener) is False


@pytest.mark.parametrize("host", ["0.0.0.0", "0", "", "::", "::0", "OWN"])
def test_other_machines_do(settings, host, capsys):
    with bound(own_address() if host == "OWN" else host) as listener:
        with pytest.raises(SettingsError, match="no token is set") as refusal:
            check_exposure(settings, listener)
        assert "completer token add NAME" in refusal.value.hint
        assert "--insecure" in refusal.value.hint
        assert capsys.readouterr().err == ""
        assert check_exposure(settings, listener, insecure=True) is True
        assert "warning" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["one for all", "one for each"])
def test_with_a_token_it_serves_without_a_word(settings, kind, capsys):
    if kind == "one for all":
        settings = Settings(server=ServerSettings(tokens=settings.server.tokens, token="s3cret"))
    else:
        TokenFile(settings.server.tokens).add("ada")
    with bound("0.0.0.0") as listener:
        assert check_exposure(settings, listener) is True
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_tokens_that_cannot_be_used_are_told_at_the_start(settings, host):
    settings.server.tokens.write_text("{")
    with bound(host) as listener, pytest.raises(SettingsError, match=r"tokens\.json"):
        check_exposure(settings, listener, insecure=True)


def with_tls(cert, key=None) -> Settings:
    return Settings(server={"tls_cert": cert, "tls_key": key})


def test_a_certificate_and_its_key_encrypt(tmp_path):
    cert, key = certificate(tmp_path)
    assert tls_files(with_tls(cert, key)) == {"ssl_certfile": cert, "ssl_keyfile": key}
    both = tmp_path / "both.pem"
    both.write_bytes(cert.read_bytes() + key.read_bytes())
    assert tls_files(with_tls(both)) == {"ssl_certfile": both, "ssl_keyfile": both}
    assert tls_files(Settings()) == {}


@pytest.mark.parametrize(
    "names", [("cert.pem", None), ("missing", "key.pem"), ("key.pem", "key.pem")]
)
def test_what_is_no_certificate_with_its_key_is_told(tmp_path, names):
    certificate(tmp_path)
    cert, key = (name and tmp_path / name for name in names)
    with pytest.raises(SettingsError, match=r"server\.tls_cert .* cannot be used") as raised:
        tls_files(with_tls(cert, key))
    assert "PEM" in raised.value.hint


def test_a_key_alone_is_not_enough(tmp_path):
    with pytest.raises(SettingsError, match=r"without server\.tls_cert"):
        tls_files(with_tls(None, tmp_path / "key.pem"))
