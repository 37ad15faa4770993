"""What can be chosen for the HTTP front door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """Options of the HTTP front door; times are seconds, sizes bytes.

    `tokens` maps each accepted bearer token to the user that it stands for; without any, none is
    asked for. `allowed_hosts` are names besides `localhost` and the server's own address that a
    `Host` header may carry, `allowed_origins` web pages besides the server's own that may ask.
    `body_timeout_s` is the time in which a request must have arrived. No more than `max_running`
    texts are generated at once, and `max_running_per_user` for one user; who wants more is told to
    come back in `retry_after_s`. `group_stream_s` gathers streamed text for so long before it is
    sent, so that the timing does not show which tokens were drafted.
    """

    tokens: Mapping[str, str] = field(default_factory=dict)
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    max_body_bytes: int = 4 * 1024 * 1024
    body_timeout_s: float = 10.0
    max_running: int = 256
    max_running_per_user: int = 32
    retry_after_s: float = 1.0
    group_stream_s: float = 0.0
