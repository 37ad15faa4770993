"""Give way to every other program: long work that uses only what nobody else wants."""

import contextlib
import os
import sys
from pathlib import Path

LEAST = 19  # the lowest priority that `nice` and the kernel's groups know
AUTOGROUP = Path("/proc/self/autogroup")


def lower_priority() -> bool:
    """Give this process the lowest priority there is, and say whether other sessions profit.

    Linux may share the processor out among sessions first, a terminal being one; within a session
    alone does `nice` count. So the process moves into a session of its own, where it can, and
    lowers that (sched(7), "The autogroup feature"). It cannot where it leads a process group, as
    what is started from an interactive shell does: `setsid` has to start it then.
    """
    os.nice(LEAST)
    if sys.platform != "linux":
        return True
    with contextlib.suppress(OSError):  # some sandboxes forbid it
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    return not AUTOGROUP.exists() or _lower_session()


def _lower_session() -> bool:
    """Lower the priority of this process's session, unless it is shared with others."""
    try:
        if os.getsid(0) != os.getpid():
            os.setsid()
        AUTOGROUP.write_text(str(LEAST))
    except OSError:
        return False
    return True
