"""What reports over HTTP are made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """Where telemetry lies, the file of its people's key if not there, and names by team."""

    folder: Path
    identity: Path | None = None
    teams: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
