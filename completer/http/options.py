"""What can be chosen for the HTTP front door."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from completer.http.report_options import ReportOptions
from completer.place import Place
from completer.request import ArmOf, in_no_arm


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpOptions:
    """Options of the HTTP front door; times are seconds, sizes bytes.

    `tokens` maps each accepted bearer token to the user that it stands for, `token_file` holds
    more; without any, none is asked for unless the server `needs_token`. `allowed_hosts` are names
    besides `localhost` and the server's own address that a `Host` header may carry,
    `allowed_origins` web pages besides the server's own that may ask. `header_timeout_s` and
    `body_timeout_s` are the times in which these must have arrived, `keep_alive_s` is how long a
    connection may rest between requests; no more than `max_connections` are open at once, the
    others wait. No more than `max_running` texts are generated at once,
    and `max_running_per_user` for one user; who wants more is told to come back in
    `retry_after_s`. `reports` says what `/report` is made from, if anything is recorded.
    `people` are those who may use a workspace that is not for all; `None`: all who have a token.
    `root_path` is what paths may begin with, for a proxy's sake; the proxies at the addresses
    `forwarded_allow_ips` say who asks. `group_stream_s` gathers streamed text for so long before it
    is sent, so that the timing does not show which tokens were drafted. `arm_of` says which arm of
    an experiment a user is in.
    """

    tokens: Mapping[str, str] = field(default_factory=dict)
    token_file: Path | None = None
    needs_token: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    root_path: str = ""
    forwarded_allow_ips: str = ""
    max_header_bytes: int = 32 * 1024
    max_body_bytes: int = 4 * 1024 * 1024
    header_timeout_s: float = 10.0
    body_timeout_s: float = 10.0
    keep_alive_s: float = 5.0
    max_connections: int = 960
    max_running: int = 256
    max_running_per_user: int = 32
    retry_after_s: float = 1.0
    group_stream_s: float = 0.0
    people: Mapping[Place, frozenset[str] | None] = field(default_factory=dict)
    reports: ReportOptions | None = None
    arm_of: ArmOf = in_no_arm
