"""A file's bytes: opened without leaving a folder, judged by their head, decoded to text."""

import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from completer.context.verdict import Reason

HEAD_BYTES = 16_384
"""How much of a file is looked at to judge it."""

_LONGEST_LINE = 5_000
_LONGEST_MEAN_LINE = 300

_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)  # a FIFO put in the file's place must not hang us
)

_PRIVATE_KEY = re.compile(rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----")
_GENERATED_MARK = re.compile(
    rb"^[^\w\n]*(?:code generated\b.*\bdo not edit|@generated\b|(?:this file (?:is|was) )?"
    rb"(?:auto-?generated|automatically generated)\b.*\bdo not (?:edit|modify))",
    re.IGNORECASE | re.MULTILINE,
)
_GENERATED_MARK_BYTES = 1_024


class NotRegularFileError(OSError):
    """What was to be opened is a folder, FIFO, socket or device."""


@contextmanager
def opened_beneath(root: Path, parts: Sequence[str]) -> Iterator[int]:
    """Open the regular file `root/parts[0]/parts[1]/...` and yield its descriptor.

    No component below `root` may be a symbolic link, also not one that is put there meanwhile:
    each is opened relative to the one before. Raises `OSError` when that fails.
    """
    descriptor = _open_beneath(root, parts)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotRegularFileError(f"{parts[-1]} is not a regular file")
        yield descriptor
    finally:
        os.close(descriptor)


def _open_beneath(root: Path, parts: Sequence[str]) -> int:
    if os.open not in os.supports_dir_fd:  # Windows; the caller has resolved the path already
        return os.open(root.joinpath(*parts), _FILE_FLAGS)
    folder = os.open(root, _FOLDER_FLAGS)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER_FLAGS, dir_fd=folder)
            os.close(folder)
            folder = inner
        # Opening a device can have side effects: look before opening.
        mode = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False).st_mode
        if not stat.S_ISREG(mode):
            raise NotRegularFileError(f"{parts[-1]} is not a regular file")
        return os.open(parts[-1], _FILE_FLAGS, dir_fd=folder)
    finally:
        os.close(folder)


def read_up_to(descriptor: int, limit: int) -> bytes | None:
    """Read the whole file, `None` if it has more than `limit` bytes."""
    with os.fdopen(os.dup(descriptor), "rb") as file:
        data = file.read(limit + 1)
    return data if len(data) <= limit else None


def content_reason(head: bytes) -> Reason | None:
    """Return why a file that begins with `head` is left out, `None` if it reads as source text."""
    if b"\0" in head:
        return Reason.BINARY
    if _PRIVATE_KEY.search(head):
        return Reason.SECRET
    if _has_long_lines(head) or _GENERATED_MARK.search(head[:_GENERATED_MARK_BYTES]):
        return Reason.GENERATED
    return None


def _has_long_lines(head: bytes) -> bool:
    lines = head.split(b"\n")
    if max(map(len, lines)) > _LONGEST_LINE:
        return True
    return len(head) > _LONGEST_LINE and len(head) / len(lines) > _LONGEST_MEAN_LINE


def decode(data: bytes) -> str:
    r"""Decode source text: UTF-8 with or without a mark, else Latin-1; `\r\n` becomes `\n`.

    Latin-1 cannot fail, and what old files hold outside ASCII is mostly Western comments.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n")
