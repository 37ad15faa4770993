"""A real Neovim without a screen: keys go in as a person types them, ghost text comes out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import lsp

PLUGIN = Path(lsp.__file__).parent / "editors" / "neovim"
ROOT = PLUGIN.parents[2]
GHOST = """
local marks = vim.api.nvim_buf_get_extmarks(
  0, vim.api.nvim_create_namespace('completer'), 0, -1, { details = true })
if #marks == 0 then return nil end
local lines = { marks[1][4].virt_text or {}, unpack(marks[1][4].virt_lines or {}) }
return table.concat(vim.tbl_map(function(line)
  return table.concat(vim.tbl_map(function(chunk) return chunk[1] end, line))
end, lines), '\\n')
"""


class Neovim:
    """One Neovim with the plugin; `setup` is Lua for the options, `before` runs first."""

    def __init__(
        self, program: str, folder: Path, setup: str, *, before: str = "", **env: str
    ) -> None:
        pynvim = pytest.importorskip("pynvim")
        init = folder / "init.lua"
        init.write_text(
            f"{before}\nvim.opt.runtimepath:append({str(PLUGIN)!r})\n"
            f"require('completer').setup({setup})\n"
        )
        for name, value in {"XDG_STATE_HOME": str(folder / "state"), **env}.items():
            os.environ[name] = value
        command = [program, "--embed", "--headless", "-i", "NONE", "-n", "-u", str(init)]
        self._closed = False
        self.api = pynvim.attach("child", argv=command)

    def open(self, path: Path) -> None:
        """Edit a file, and wait until the server has it."""
        self.api.command(f"edit {path}")
        self.until(lambda: self.lua("return #vim.lsp.get_clients({ bufnr = 0 })") == 1)

    def type(self, keys: str) -> None:
        """Type keys one after the other, as `nvim_input` names them."""
        self.api.input(keys)

    def lua(self, code: str, *arguments: Any) -> Any:
        """Run Lua and return what it returns."""
        return self.api.exec_lua(code, *arguments)

    @property
    def ghost(self) -> str | None:
        """The ghost text on the screen."""
        text: str | None = self.lua(GHOST)
        return text

    @property
    def text(self) -> str:
        """The buffer's text."""
        return "\n".join(self.api.current.buffer[:])

    @property
    def messages(self) -> str:
        """What it has told the person."""
        told: str = self.api.command_output("messages")
        return told

    def state(self) -> dict[str, Any]:
        """What the fake server has seen."""
        code = "return vim.lsp.get_clients()[1]:request_sync('test/state', {}, 5000).result"
        state: dict[str, Any] = self.lua(code)
        return state

    def until(self, holds: Callable[[], object], timeout_s: float = 20) -> None:
        """Wait until something holds."""
        end = time.monotonic() + timeout_s
        while not holds():
            assert time.monotonic() < end, (self.ghost, self.text, self.messages)
            time.sleep(0.02)

    def shows(self, ghost: str | None, timeout_s: float = 20) -> None:
        """Wait until this ghost text is on the screen."""
        self.until(lambda: self.ghost == ghost, timeout_s)

    def close(self) -> None:
        """End it, whatever it is at; nothing happens the second time."""
        if self._closed:
            return
        self._closed = True
        try:
            self.api.command("qa!")
        except (OSError, EOFError):
            pass
        finally:
            self.api.close()
