"""The client's process, which the server must not outlive."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Final

from completer.processes import runs

POLL_S: Final = 0.5


def can_be_watched(pid: int) -> bool:
    """Whether a process is seen from here, which one beyond a container's wall is not."""
    return pid > 0 and sys.platform != "win32" and runs(pid)


async def gone(pid: int) -> None:
    """Return when a process that can be watched has ended."""
    try:
        await _ended(os.pidfd_open(pid))
    except (AttributeError, OSError):  # not Linux, or gone meanwhile
        while runs(pid):
            await asyncio.sleep(POLL_S)


async def _ended(descriptor: int) -> None:
    """Wait until the process behind a descriptor of it has ended; closes it."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    loop.add_reader(descriptor, ended.set_result, None)
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
