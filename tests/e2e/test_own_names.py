"""A user's modules that are called like packages of ours, in the folder that they work in."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import COMPLETER

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
OURS = ("models", "telemetry", "lsp")
STARTS = {"script": [COMPLETER], "module": [sys.executable, "-m", "completer"]}


@pytest.fixture
def folder(tmp_path):
    """A project with modules of those names, which end whoever imports them."""
    for name in OURS:
        (tmp_path / f"{name}.py").write_text('raise SystemExit("the user\'s own")\n')
    (tmp_path / "app.py").write_text("import os\n\ndef size(path):\n    return os.\n")
    return tmp_path


@pytest.fixture
def start(home, folder):
    """Run a command in the folder, which is on the path before all else."""

    def start(how, *arguments):
        return subprocess.run(
            [*STARTS[how], *arguments],
            cwd=folder,
            env=home | {"PYTHONPATH": os.pathsep.join([".", str(ROOT)])},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return start


@pytest.mark.parametrize("how", STARTS)
@pytest.mark.parametrize("command", [("report", "--db", "none"), ("lsp", "--help")])
def test_commands_use_our_packages(how, command, start):
    done = start(how, *command)

    assert "user's own" not in done.stderr
    assert "no telemetry" in done.stderr or "Usage" in done.stdout


@pytest.mark.parametrize("how", STARTS)
def test_a_completion_beside_them(how, start):
    done = start(how, "complete", "--json", "app.py:4:15")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["text"]
