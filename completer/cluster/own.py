"""The cluster that `completer cluster up` runs on this machine: who runs it, and where Ray is."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from completer.engine_process.registration import runtime_folder
from completer.errors import CompleterError
from completer.private_files import replace_private_file
from completer.processes import runs

ENDS_WITHIN_S = 60.0
LOOKS_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class OwnCluster:
    """The process that runs it, and Ray's address."""

    pid: int
    address: str

    def end(self) -> None:
        """Have it end, and wait until it has. Raises `CompleterError` if it does not."""
        until = time.monotonic() + ENDS_WITHIN_S
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)
        while own_cluster() == self:
            if time.monotonic() > until:
                raise CompleterError(f"Process {self.pid} does not end.", hint="Kill it.")
            time.sleep(LOOKS_EVERY_S)


def own_cluster() -> OwnCluster | None:
    """The one that runs, if there is one."""
    try:
        found = OwnCluster(**json.loads(_file().read_bytes()))
    except (OSError, ValueError, TypeError):  # none, or not written by us
        return None
    return found if runs(found.pid) else None


@contextmanager
def noted(address: str) -> Iterator[None]:
    """Have others find this process's cluster for as long as the block lasts."""
    replace_private_file(_file(), json.dumps(asdict(OwnCluster(os.getpid(), address))).encode())
    try:
        yield
    finally:
        _file().unlink(missing_ok=True)


def _file() -> Path:
    return runtime_folder() / "cluster.json"
