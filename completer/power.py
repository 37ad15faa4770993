"""Whether this machine runs on its battery, as Linux tells; elsewhere it counts as plugged in."""

import threading
import time
from pathlib import Path

SUPPLIES = Path("/sys/class/power_supply")
LOOKS_EVERY_S = 10.0
_seen = (0.0, False)


def on_battery() -> bool:
    """Whether that is so, as it was at most some seconds ago."""
    global _seen
    now = time.monotonic()
    if now >= _seen[0]:
        _seen = now + LOOKS_EVERY_S, is_discharging(SUPPLIES)
    return _seen[1]


def is_discharging(supplies: Path) -> bool:
    """Whether a battery of the machine itself gives its power, and no other supply does."""
    discharging = False
    for supply in supplies.glob("*"):
        kind = _said(supply / "type")
        if kind != "Battery" and _said(supply / "online") == "1":
            return False
        own = _said(supply / "scope") != "Device"  # a mouse has one, too
        discharging |= kind == "Battery" and own and _said(supply / "status") == "Discharging"
    return discharging


def wait_for_mains(stopped: threading.Event) -> None:
    """Return once the machine is plugged in, or soon after `stopped`."""
    while on_battery() and not stopped.wait(LOOKS_EVERY_S / 10):
        pass


def _said(file: Path) -> str:
    try:
        return file.read_text().strip()
    except (OSError, ValueError):
        return ""
