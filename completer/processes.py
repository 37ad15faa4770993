"""Other processes of this machine."""

import os
import sys


def runs(pid: int) -> bool:
    """Whether a process runs, as far as that can be seen."""
    if sys.platform == "win32":  # where the same call would end it
        return True
    try:
        os.kill(pid, 0)
    except PermissionError:  # it does, as somebody else
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True
