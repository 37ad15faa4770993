"""Real VS Code, as code-server runs it, in a headless browser."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lsp
from tests.lsp.editors.installed import needed

EXTENSION = Path(lsp.__file__).parent / "editors" / "vscode"
ROOT = EXTENSION.parents[2]
PATIENCE_S = 90.0
"""VS Code and a browser take their time where others work, too."""
SETTINGS = {
    "workbench.startupEditor": "none",
    "workbench.secondarySideBar.defaultVisibility": "hidden",
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "chat.disableAIFeatures": True,
    "extensions.ignoreRecommendations": True,
    "editor.minimap.enabled": False,
    "editor.quickSuggestions": {"other": "off"},
    "files.autoSave": "off",
    "files.hotExit": "off",
}


def build(folder: Path) -> Path:
    """Build the extension in a new folder; skips the test where npm cannot fetch what it takes."""
    leave = shutil.ignore_patterns("node_modules", "dist", "build", "*.vsix")
    shutil.copytree(EXTENSION, folder, ignore=leave)
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    try:
        fetched = subprocess.run(
            ["npm", "ci"], cwd=folder, capture_output=True, text=True, timeout=300
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm does not come to an end")
    if fetched.returncode:
        pytest.skip(f"npm cannot fetch what it is built with: {fetched.stderr[-200:]}")
    for script in ("check", "test", "build", "package"):
        command = ["npm", "run", script]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stdout + done.stderr
    (vsix,) = folder.glob("*.vsix")
    return vsix


DECORATIONS = """
() => [...document.querySelectorAll('.view-lines .view-line span')].map(
  (span) => getComputedStyle(span, '::after').content)
"""


class Window:
    """One window of VS Code on a page of a browser."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def open(self, name: str, editor: str = ".monaco-editor .view-lines") -> None:
        """Open a file of the folder, with the caret at the end of the first `editor` in it."""
        self.until(lambda: "Completer" in self.status)
        row = self.page.locator(".explorer-folders-view .monaco-list-row", has_text=name).first
        row.dblclick()
        self.page.wait_for_selector(f".tab.active[aria-label*='{name}']")
        self.page.locator(editor).first.click()
        self.keys("Control+End")

    def type(self, text: str) -> None:
        """Type a text as a person does."""
        self.page.keyboard.type(text, delay=40)

    def keys(self, *keys: str) -> None:
        """Press keys, as playwright names them."""
        for key in keys:
            self.page.keyboard.press(key)

    def run(self, command: str) -> None:
        """Run a command by its title in the palette."""
        self.keys("F1")
        self.page.keyboard.insert_text(f">{command}")
        self.page.wait_for_selector(".quick-input-list .monaco-list-row.focused")
        self.keys("Enter")

    def _texts(self, selector: str) -> list[str]:
        texts: list[str] = self.page.locator(selector).all_text_contents()
        return [text.replace("\N{NO-BREAK SPACE}", " ") for text in texts]

    @property
    def ghost(self) -> str:
        """The ghost text on the screen."""
        first = "".join(self._texts(".view-lines [class*='ghost-text-decoration']"))
        rest = self._texts(".suggest-preview-text .view-line")
        return "\n".join([first, *rest])

    @property
    def text(self) -> str:
        """The document, as far as it is on the screen."""
        lines = self.page.locator(".view-lines .view-line").all()
        lines.sort(key=lambda line: float(line.evaluate("line => line.offsetTop")))
        texts = [str(line.text_content()).replace("\N{NO-BREAK SPACE}", " ") for line in lines]
        return "\n".join(texts)

    @property
    def behind_lines(self) -> list[str]:
        """What decorations say behind lines."""
        said: list[str] = self.page.evaluate(DECORATIONS)
        return [text.strip('"') for text in said if text not in ("none", "normal", '""')]

    @property
    def caret(self) -> str:
        """Where the status bar says that the caret is."""
        return "".join(self._texts(".statusbar-item[id*='editor.selection']"))

    @property
    def status(self) -> str:
        """What the status bar says of the extension."""
        return " ".join(self._texts(".statusbar-item[id*='completer']"))

    @property
    def tooltip(self) -> str:
        """What it says to who asks."""
        bar = self.page.locator(".statusbar-item[id*='completer']").first
        return str(bar.get_attribute("aria-label") or "")

    @property
    def notifications(self) -> str:
        """What it has told the person."""
        return "\n".join(self._texts(".notification-list-item-message"))

    def until(self, holds: Callable[[], object], timeout_s: float = PATIENCE_S) -> None:
        """Wait until something holds."""
        end = time.monotonic() + timeout_s
        while not holds():
            seen = (self.ghost, self.status, self.notifications)
            assert time.monotonic() < end, seen
            self.page.wait_for_timeout(50)

    def shows(self, ghost: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until this ghost text is on the screen."""
        self.until(lambda: self.ghost == ghost, timeout_s)


@contextlib.contextmanager
def code_server(
    vsix: Path, folder: Path, data: Path, settings: dict[str, Any], **env: str
) -> Iterator[str]:
    """Run code-server with the extension on a folder; yields the address."""
    program = needed("code-server")
    (data / "User").mkdir(parents=True)
    (data / "User" / "settings.json").write_text(json.dumps(SETTINGS | settings))
    places = ["--user-data-dir", str(data), "--extensions-dir", str(data / "extensions")]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(data / "config"), **env}
    command = [program, *places]
    installed = [*command, "--install-extension", str(vsix)]
    subprocess.run(installed, env=environment, check=True, capture_output=True, timeout=120)
    serve = [*command, "--auth", "none", "--bind-addr", "127.0.0.1:0", "--disable-telemetry"]
    with subprocess.Popen(
        [*serve, "--disable-update-check", str(folder)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            found = (re.search(r"http://127\.0\.0\.1:\d+", line) for line in process.stdout or [])
            yield f"{next(filter(None, found)).group()}/?folder={folder}"
        finally:
            process.terminate()


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=needed("chromium"), args=["--no-sandbox"]
        )
        yield chromium
        chromium.close()


@contextlib.contextmanager
def window(chromium: Any, address: str) -> Iterator[Window]:
    """A window of its own."""
    page = chromium.new_page(viewport={"width": 1100, "height": 640})
    page.set_default_timeout(1000 * PATIENCE_S)
    page.goto(address)
    page.wait_for_selector(".monaco-workbench")
    yield Window(page)
    page.close()


FAKE_SERVER = {
    "completer.command": sys.executable,
    "completer.arguments": ["-m", "tests.lsp.fake_server"],
}
