"""The settings of the person who runs the tests change nothing about them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
THEIRS = {
    "COMPLETER_SERVER__PORT": "many",
    "COMPLETER_CACHE_FOLDER": "/dev/null/cache",
    "COMPLETER_COMPLETION__MAX_TOKENS": "7",
    "completer_pure": "true",
}


def test_nothing_of_ours_is_set():
    assert not [name for name in os.environ if name.upper().startswith("COMPLETER_")]


@pytest.mark.slow
def test_settings_are_tested_as_if_nothing_were_set():
    tests = ["tests/completer/test_settings.py", f"{Path(__file__)}::test_nothing_of_ours_is_set"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
        env=os.environ | THEIRS,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-3000:]
