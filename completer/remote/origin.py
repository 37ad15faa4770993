"""Which repository a clone is of: its address without what differs between people and protocols."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from completer.context.git_folders import read_config, repository_at

LONGEST = 1_000
_SCP = re.compile(r"(?:[^/@:]*@)?([\w.-]+):(?!//|:)(.+)", re.ASCII)
_ELSEWHERE = {"https": 443, "http": 80, "ssh": 22, "git": 9418}
"""Protocols that lead to other machines, with their ports."""


def identity(url: str) -> str:
    """Host and path of a repository, without user, password and `.git`; empty for none elsewhere.

    >>> identity("git@code.example:shop/web.git") == identity("https://code.example/shop/web/")
    True
    """
    if len(url) > LONGEST or not url.isprintable():
        return ""
    if (short := _SCP.fullmatch(url)) and len(short[1]) > 1:  # else a drive of Windows'
        return _joined(short[1], short[2])
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in _ELSEWHERE or not parts.hostname:
        return ""
    usual = port is None or port == _ELSEWHERE[parts.scheme]
    return _joined(parts.hostname if usual else f"{parts.hostname}:{port}", parts.path)


def origin_of(root: Path) -> str:
    """The identity of the repository that `root` is the top of, by its `origin`; empty for none."""
    if not os.path.lexists(root / ".git"):
        return ""
    common = repository_at(root).common
    try:
        url = None if common is None else read_config(common).get((b"remote", b"origin"), b"url")
    except KeyError:
        return ""
    return identity(os.fsdecode(url)) if url else ""


def _joined(host: str, path: str) -> str:
    path = path.strip("/").removesuffix(".git").rstrip("/")
    return f"{host.lower()}/{path}" if path else ""
