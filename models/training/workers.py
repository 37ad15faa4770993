"""Processes beside the training process, none of which outlives it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing.connection import wait
from multiprocessing.context import BaseContext


def process_context(preload: str) -> BaseContext:
    """How to start processes: from a server without CUDA and threads, which imports `preload` once.

    Where there is no such server (Windows), each process starts from nothing.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload])
    return context


def end_with_parent() -> None:
    """Called in a worker: end at once when the process that started it is gone, however it went.

    A worker left behind would wait for ever and keep the standard output of the run open.
    """
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
