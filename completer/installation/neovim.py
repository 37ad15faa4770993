"""The plugin for Neovim, as a package that Neovim loads by itself."""

import json
import shutil
from pathlib import Path

from completer.errors import SettingsError
from completer.installation.part import Part
from completer.installation.record import Record, run

OLDEST = (0, 11)
_ASK = "lua io.write(vim.json.encode({ data = vim.fn.stdpath('data'), version = vim.version() }))"
_SET_UP = """-- Written by `completer setup`; `completer setup --remove` takes it away.
if not vim.g.completer_is_set_up then
  require('completer').setup({{ cmd = {{ {program}, 'lsp' }} }})
end
"""


def neovim(plugin: Path, program: Path) -> Part | None:
    """The part for the Neovim that is installed; `None` without one, or with one that is too old.

    `plugin` is the folder of the plugin's files, `program` what starts the server.
    """
    found = shutil.which("nvim")
    if found is None:
        return None
    try:
        told = json.loads(run([found, "--headless", "-u", "NONE", f"+{_ASK}", "+q"]))
        version = int(told["version"]["major"]), int(told["version"]["minor"])
        folder = Path(told["data"]) / "site" / "pack" / "completer" / "start" / "completer"
    except (SettingsError, ValueError, KeyError, TypeError):
        return None
    if version < OLDEST:
        return None
    name = f"Neovim {version[0]}.{version[1]}"
    offer = f"Install the plugin for {name}?"

    def install(record: Record) -> str:
        put(plugin, folder, record)
        literal = json.dumps(str(program))  # as Lua writes strings, too
        (folder / "after" / "plugin").mkdir(parents=True, exist_ok=True)
        set_up = folder / "after" / "plugin" / "completer_setup.lua"
        set_up.write_text(_SET_UP.format(program=literal), encoding="utf-8")
        return f"{name}: the plugin is in {folder}"

    return Part("neovim", offer, install)


def put(source: Path, folder: Path, record: Record) -> None:
    """Copy a folder in place of an earlier copy; raises `SettingsError` for what is not ours."""
    if folder.exists() and not record.is_ours(folder):
        raise SettingsError(
            f"{folder} is there already, and not from `completer setup`.",
            hint="Remove it, or keep your own installation of the plugin.",
        )
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    record.made(folder)
