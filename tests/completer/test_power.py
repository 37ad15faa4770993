"""Batteries as Linux lists them."""

import threading

import pytest

from completer import power
from completer.power import is_discharging, wait_for_mains

BATTERY = {"type": "Battery", "status": "Discharging"}
MOUSE = {"type": "Battery", "status": "Discharging", "scope": "Device"}
PLUG = {"type": "Mains", "online": "1"}
UNPLUGGED = {"type": "Mains", "online": "0"}


@pytest.mark.parametrize(
    ("supplies", "expected"),
    [
        ([], False),
        ([BATTERY], True),
        ([BATTERY, UNPLUGGED], True),
        ([BATTERY, PLUG], False),
        ([BATTERY, UNPLUGGED, {"type": "USB", "online": "1"}], False),
        ([{**BATTERY, "status": "Charging"}, UNPLUGGED], False),
        ([MOUSE], False),
        ([{"type": "Battery"}], False),
    ],
)
def test_the_machine_runs_on_its_battery(tmp_path, supplies, expected):
    for number, supply in enumerate(supplies):
        folder = tmp_path / f"S{number}"
        folder.mkdir()
        for name, value in supply.items():
            (folder / name).write_text(value + "\n")
    assert is_discharging(tmp_path) is expected


def test_where_no_supply_is_listed_it_does_not(tmp_path):
    assert not is_discharging(tmp_path / "missing")


def test_waiting_ends_when_it_is_plugged_in_or_nobody_waits(monkeypatch):
    answers = iter([True, True, False])
    monkeypatch.setattr(power, "on_battery", lambda: next(answers))
    monkeypatch.setattr(power, "LOOKS_EVERY_S", 0.01)
    wait_for_mains(threading.Event())
    assert next(answers, "asked three times") == "asked three times"
    stopped = threading.Event()
    stopped.set()
    monkeypatch.setattr(power, "on_battery", lambda: True)
    wait_for_mains(stopped)
