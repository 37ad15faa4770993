"""Compiles the drafting kernels before the first request needs them.

On a machine's first start Numba compiles for tens of seconds; afterwards it finds what it compiled
in its cache. A draft that waited for that would be worse than none. Nor may anything else wait:
Numba holds the interpreter's lock for half a second and more, so that a process of its own compiles
into the cache.
"""

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from completer.drafting.compiled import is_first_start, note_complete
from completer.drafting.drafter import Drafter
from completer.drafting.healing import Healer
from completer.drafting.suffix_array import SuffixArray, join_streams

log = logging.getLogger(__name__)
_lock = threading.Lock()
_done = threading.Event()
_LOOK_EVERY_S = 0.1
_VOCABULARY = 64
_TEXT = np.tile(np.arange(1, 40, dtype=np.int32), 8)


def is_warm() -> bool:
    """Whether drafting can begin without compiling anything."""
    return _done.is_set()


def warm_up(stopped: Callable[[], bool] = lambda: False) -> None:
    """Have all kernels compiled or found; at once if that was done, or soon after it is `stopped`.

    It has been done when `is_warm` says so.
    """
    while not _lock.acquire(timeout=_LOOK_EVERY_S):
        if stopped():
            return
    try:
        if is_first_start() and not _done.is_set():
            _compile_aside(stopped)
        if not (_done.is_set() or stopped()):
            _draft_from_everything()
            _done.set()
    finally:
        _lock.release()


def _compile_aside(stopped: Callable[[], bool]) -> None:
    """Fill the cache from another process; if that fails, this one will have to compile."""
    process = subprocess.Popen(  # noqa: S603 (this program)
        [sys.executable, "-P", "-m", __spec__.name],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(_import_folders())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_EVERY_S)
        if stopped():
            process.terminate()
    if process.returncode and not stopped():
        log.warning("the drafting kernels were not compiled aside: exit %d", process.returncode)


def _import_folders() -> list[str]:
    """Where modules come from here, but for the folder that one happens to be in: a stranger's."""
    return [folder for folder in sys.path if folder and Path(folder).is_absolute()]


def _draft_from_everything() -> None:
    """Draft once from every kind of text."""
    drafter = Drafter(_VOCABULARY)
    drafter.update_file("sorted", _TEXT)
    drafter.corpus.merge()
    drafter.update_file("sorted", _TEXT[:100])
    drafter.set_dependencies([_TEXT])
    drafter.open_document("open", _TEXT[:60])
    drafter.open_document("open", _TEXT[:30])
    drafter.add_completion(_TEXT[:9])
    for context in (_TEXT[:50], _TEXT[:0]):
        _draft(drafter, context)
    drafter.close_document("open")
    drafter.remove_file("sorted")
    drafter.array = SuffixArray.build(join_streams([_TEXT])[0], _VOCABULARY)
    drafter.close()
    note_complete()


def _draft(drafter: Drafter, context: NDArray[np.int32]) -> None:
    costs = np.linspace(1.0, 1.5, 17)
    healer = Healer(["a"] * _VOCABULARY, lambda text: [1] * len(text))
    for heal in (None, healer):
        with drafter.start(context, after=_TEXT[60:90], document="open", heal=heal) as session:
            tree = session.propose(16, costs)
            candidates = np.ones((1 + len(tree), 8), np.int32)
            session.observe(tree, [int(_TEXT[50]), 63], candidates)
            session.predict(tree)


if __name__ == "__main__":
    _draft_from_everything()
