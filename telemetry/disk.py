"""The text of a file as it is on disk, for documents that no editor holds open."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from urllib.request import url2pathname

LARGEST_FILE: Final = 1 << 20


def read_document(uri: str, workspace: str, *, trusted: bool) -> str:
    """The document's text, line ends as they are.

    `uri` is a `file:` URI or a path, relative paths being the workspace's. Files outside the
    workspace are read only if they are `trusted`: opened by an editor, not named by a request.
    Raises FileNotFoundError if there is none, and OSError if it is not to be read: outside the
    workspace, not a plain file, larger than 1 MiB.
    """
    path = path_of(uri, workspace)
    if not trusted and not (workspace and path.is_relative_to(Path(workspace).resolve())):
        raise PermissionError(f"{path} lies outside the workspace")
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)  # a FIFO must not block the thread
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_FILE:
            raise OSError(f"{path} is not a plain file of at most {LARGEST_FILE} bytes")
        return file.read(LARGEST_FILE).decode("utf-8", "replace")


def saved_ms(uri: str, workspace: str) -> int:
    """When a document's file was last written, ms since the epoch; raises as `path_of` and stat."""
    return path_of(uri, workspace).stat().st_mtime_ns // 1_000_000


def path_of(uri: str, workspace: str) -> Path:
    """The file that a `file:` URI, a path, or a path relative to the workspace names.

    Raises PermissionError for documents that are not on this disk.
    """
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path)).resolve()
    if parts.scheme and "://" in uri:
        raise PermissionError(f"{parts.scheme} documents are not on this disk")
    return Path(workspace, uri).resolve()
