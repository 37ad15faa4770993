"""What is made on a thread, once it is needed."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class Later(Generic[T]):
    """Has `make` called once, on a thread of its own; `on_failure` is called if that raises."""

    def __init__(self, make: Callable[[], T], on_failure: Callable[[], None]) -> None:
        self._make = make
        self._on_failure = on_failure
        self._made: Future[T] = Future()
        self._lock = threading.Lock()
        self._begun = False

    def begin(self) -> "Future[T]":
        """Return what will be made, and begin to make it unless that has begun."""
        with self._lock:
            if not self._begun:
                self._begun = True
                threading.Thread(target=self._run, name="later", daemon=True).start()
        return self._made

    def _run(self) -> None:
        try:
            made = self._make()
        except Exception as error:  # noqa: BLE001  it is raised where the result is asked for
            self._made.set_exception(error)
            self._on_failure()
        else:
            self._made.set_result(made)
