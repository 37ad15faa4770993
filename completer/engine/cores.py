"""How many threads a forward pass shares its products out to, on a CPU that others use as well.

On cores of its own, a pass over two threads takes 0.6 times as long as over one. While another
program runs, it takes twice as long: the two threads wait for each other after every product, and
one of them always has no core. Which of both it is shows in the engine's own thread: then it
spends half of a pass without a core.
"""

import time
from typing import Self

import torch

RETRY_S = 1.0
FAIR_SHARE = 0.75  # of a pass's time; with cores for all threads it is 0.98 to 1.00


class Cores:
    """Sets torch's threads for each pass that is entered: `threads`, or one for a second.

    Other threads of this process keep to one: see `leave_cores_to_the_engine`.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._alone_until = 0.0
        self._began, self._ran = 0.0, 0.0

    def __enter__(self) -> Self:
        self._began, self._ran = time.perf_counter(), time.thread_time()
        wanted = 1 if self._began < self._alone_until else self._threads
        if torch.get_num_threads() != wanted:
            torch.set_num_threads(wanted)
        return self

    def __exit__(self, *_: object) -> None:
        now, ran = time.perf_counter(), time.thread_time() - self._ran
        if self._threads > 1 and ran < FAIR_SHARE * (now - self._began):
            self._alone_until = now + RETRY_S
