"""Starting the server with the person's session: a systemd user unit, or a launchd agent."""

import os
import plistlib
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from platformdirs import user_config_path

from completer.errors import SettingsError
from completer.installation.part import Part
from completer.installation.record import Record, run

UNIT = """# Written by `completer setup`; `completer setup --remove` takes it away.
[Unit]
Description=Code completion from this machine

[Service]
ExecStart={program} serve
Restart=on-failure

[Install]
WantedBy=default.target
"""
LABEL = "completer.server"
OFFER = "Start the server (completions over HTTP) with your session?"


def autostart(program: Path) -> Part | None:
    """The part for this system; `None` where there is neither systemd nor launchd."""
    if sys.platform == "darwin":
        return Part("autostart", OFFER, lambda record: _launchd(program, record))
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return None
    return Part("autostart", OFFER, lambda record: _systemd(program, systemctl, record))


def _systemd(program: Path, systemctl: str, record: Record) -> str:
    unit = user_config_path() / "systemd" / "user" / "completer.service"
    unit.parent.mkdir(parents=True, exist_ok=True)
    escaped = str(program).replace("%", "%%").replace(" ", "\\x20")
    unit.write_text(UNIT.format(program=escaped), encoding="utf-8")
    record.made(unit)
    by_hand = "systemctl --user enable --now completer.service"
    try:
        run([systemctl, "--user", "daemon-reload"])
        run([systemctl, "--user", "enable", "--now", unit.name])
    except SettingsError as error:
        return f"autostart: {unit} is written, but {error}. In your session, run `{by_hand}`"
    record.undone_by([systemctl, "--user", "disable", "--now", unit.name])
    return f"autostart: {unit}"


def _launchd(program: Path, record: Record) -> str:
    agent = Path.home() / "Library" / "LaunchAgents" / f"{LABEL}.plist"
    agent.parent.mkdir(parents=True, exist_ok=True)
    asked = {"Label": LABEL, "ProgramArguments": [str(program), "serve"], "RunAtLoad": True}
    agent.write_bytes(plistlib.dumps(asked))
    record.made(agent)
    domain = f"gui/{os.getuid()}"
    record.undone_by(["launchctl", "bootout", f"{domain}/{LABEL}"])
    with suppress(SettingsError):
        run(["launchctl", "bootstrap", domain, str(agent)])
    return f"autostart: {agent}"
