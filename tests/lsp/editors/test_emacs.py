"""The recipe for Emacs in docs/editors.md, in a real Emacs, around a scripted server."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.lsp.editors.installed import FETCHED, HOW, needed
from tests.lsp.editors.neovim import ROOT
from tests.lsp.fake_server import BLOCK

pytestmark = pytest.mark.slow

PACKAGES = FETCHED.parent / "emacs"
COMPLETER = '\'("completer" "lsp")'
USE = """
(setq user-emacs-directory {home!r} lsp-auto-guess-root t lsp-enable-snippet nil
      lsp-enable-suggest-server-download nil lsp-lens-enable nil)
(dolist (file (directory-files {packages!r} t "^[a-z]")) (add-to-list 'load-path file))
{recipe}
(setq lsp-session-file (expand-file-name "session" user-emacs-directory)
      lsp-guess-root-without-session t)
(find-file {file!r})
(lsp)
(with-timeout (30) (while (not (lsp-feature? "textDocument/inlineCompletion"))
  (accept-process-output nil 0.1)))
(accept-process-output nil 1)
(goto-char (point-max))
(insert "tot")
(lsp-inline-completion-display)
(princ (format "ghost:%s\\n" (mapconcat (lambda (each) (or (overlay-get each 'after-string) ""))
  (overlays-in (point-min) (1+ (point-max))) "")))
(lsp-inline-completion-accept)
(accept-process-output nil 1)
(princ (format "text:%s" (buffer-string)))
"""


def quoted(text):
    return '"' + str(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def test_the_recipe_for_lsp_mode_shows_and_accepts(tmp_path, monkeypatch):
    emacs = needed("emacs")
    if not PACKAGES.exists():
        pytest.skip(f"lsp-mode {HOW}")
    page = (ROOT / "docs" / "editors.md").read_text()
    (recipe,) = re.findall(r"## Emacs: lsp-mode\n\n```elisp\n(.*?)```", page, re.DOTALL)
    assert COMPLETER in recipe
    server = f'(list {quoted(sys.executable)} "-m" "tests.lsp.fake_server")'
    (tmp_path / "project" / ".git").mkdir(parents=True)
    file = tmp_path / "project" / "app.py"
    file.write_text("x = 1\n")
    script = tmp_path / "try.el"
    script.write_text(
        USE.replace("!r", "").format(
            home=quoted(tmp_path / "home/"),
            packages=quoted(PACKAGES),
            recipe=recipe.replace(COMPLETER, server),
            file=quoted(file),
        )
    )
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("FAKE_SERVER_LOG", str(tmp_path / "log"))
    command = [emacs, "-Q", "--batch", "-l", str(script)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL
    )
    assert f"text:x = 1\n{BLOCK}" in done.stdout, done.stdout + done.stderr
    assert BLOCK.removeprefix("tot") in done.stdout.partition("text:")[0]
    assert '"event": "Accepted"' in (tmp_path / "log").read_text()
