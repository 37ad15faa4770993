"""A process that writes events as fast as it can, and is killed: what had it acknowledged?

`python -m benchmarks.killed_writer FILE` prints an event's id once its receipt has come.
"""

import signal
import subprocess
import sys
import time
from concurrent.futures import Future
from pathlib import Path

from telemetry.store import Store
from telemetry.writes import insert_row

_TOGETHER = 5  # events that wait for the disk at the same time


def write_and_kill(path: Path, after_s: float) -> set[int]:
    """The ids that a process had acknowledged when SIGKILL came, some time after the first.

    They are the ids of rows in `label`, whether these are stored or not.
    """
    command = [sys.executable, "-m", __name__, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:  # noqa: S603 - ours
        if writer.stdout is None or writer.stdout.readline() != "1\n":
            raise RuntimeError("the writing process did not start")
        time.sleep(after_s)
        writer.send_signal(signal.SIGKILL)
        lines = writer.stdout.read().split("\n")
    return {1, *(int(line) for line in lines[:-1])}  # the last line may be torn


def write_for_ever(path: Path) -> None:
    """Write events until killed."""
    store = Store(path)
    last = 0
    while True:
        receipts = dict[int, Future[bool]]()
        for row_id in range(last + 1, last + 1 + _TOGETHER):
            receipts[row_id] = Future()
            write = insert_row("label", id=row_id, name=f"event {row_id}")
            store.put(write, receipt=receipts[row_id])
        for last, receipt in receipts.items():
            if not receipt.result(10):
                raise OSError(f"{path} could not be written")
            print(last, flush=True)


if __name__ == "__main__":
    write_for_ever(Path(sys.argv[1]))
