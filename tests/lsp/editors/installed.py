"""Real editors, where `.ci/fetch-editors` or somebody has installed them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

FETCHED = Path(__file__).parents[3] / "build" / "editors" / "bin"
HOW = "is not installed: .ci/fetch-editors"


def program(name: str) -> str | None:
    """Where a program is, if it is there."""
    fetched = FETCHED / name
    return str(fetched) if fetched.exists() else shutil.which(name)


def needed(name: str) -> str:
    """Where a program is; skips the test that needs it elsewhere."""
    found = program(name)
    if found is None:
        pytest.skip(f"{name} {HOW}")
    return found
