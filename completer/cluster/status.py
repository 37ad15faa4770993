"""What a cluster tells of itself."""

from __future__ import annotations

from dataclasses import dataclass

from completer.interface import ServiceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaStatus:
    """What one replica tells of itself; `running` are its requests, waiting ones with them."""

    pid: int
    version: str
    running: int
    info: ServiceInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterStatus:
    """How the application does: Serve's words, requests that were asked, and its replicas.

    `starting` counts replicas that are not there yet. What was `asked` and is at no replica waits.
    """

    state: str
    message: str
    asked: int
    starting: int
    replicas: tuple[ReplicaStatus, ...]
