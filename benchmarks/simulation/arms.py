"""Which arm of an experiment a user is in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence


def assign_arm(user: str, arms: Sequence[str], experiment: str) -> str:
    """The arm of a user: always the same for an experiment, even among users."""
    digest = hashlib.sha256(f"{experiment}\0{user}".encode()).digest()
    return arms[int.from_bytes(digest[:8]) % len(arms)]
