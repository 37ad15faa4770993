"""What `completer doctor` says of a device's speed, and of what was given up on it."""

import socket

import pytest

from completer.cli import checks
from completer.engine.cost import ASSUMED
from completer.engine.tuning import Trial, Tuning
from completer.errors import SettingsError
from completer.server_settings import ServerSettings
from completer.settings import Settings
from tests.fakes import FakeService

WHY = "operation not permitted when stream is capturing"
PLAIN = Trial("bfloat16", 1, 3.0, 1.0, agrees=True)
CAPTURED = Trial("bfloat16", 1, 2.0, 0.5, agrees=True, graphs=True)
FAILED = Trial("bfloat16", 1, 3.0, 1.0, agrees=False, graphs=True, gave_up=WHY)


class Service(FakeService):
    def close(self) -> None:
        """Nothing to close."""


def speed(*trials, graphs=False):
    return checks._speed(Tuning("bfloat16", 1, True, ASSUMED, trials, graphs)).detail


def test_graphs_that_are_used_are_named():
    assert ", captured as graphs, chosen among" in speed(PLAIN, CAPTURED, graphs=True)


def test_graphs_that_could_not_be_captured_are_named_with_the_reason():
    said = speed(PLAIN, FAILED)

    assert said.endswith(f"; graphs were given up when they were tried: {WHY}")
    assert "with graphs" not in said  # its times are those of something else


def test_graphs_that_were_given_up_later_are_named_with_the_reason(monkeypatch):
    services = [Service(graphs_given_up=WHY), Service()]
    monkeypatch.setattr(checks, "build_service", lambda *_: services.pop(0))
    tuning = Tuning("bfloat16", 1, True, ASSUMED, (CAPTURED,), True)

    assert checks._completion(None, tuning, Settings()).endswith(f"; graphs were given up: {WHY}")
    assert "graphs" not in checks._completion(None, tuning, Settings())


def test_a_server_whose_model_failed_is_not_well(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        settings = Settings(server=ServerSettings(port=other.getsockname()[1]))
        failed = {"status": "failed", "model": "failed", "reason": "no memory"}
        monkeypatch.setattr(checks, "health_of", lambda _: failed)
        with pytest.raises(SettingsError, match="could not be loaded: no memory"):
            checks._port(settings)
