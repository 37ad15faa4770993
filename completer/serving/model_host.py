"""A service's model: loaded in the background, unloaded when unused, loaded again on demand."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from completer.drafting.memory import release_memory
from completer.errors import OverloadedError
from completer.interface import State

if TYPE_CHECKING:  # torch's import takes seconds, and happens while the model is loaded
    from completer.serving.running_model import RunningModel

log = logging.getLogger(__name__)
LOADING_S = 60.0  # a request without a deadline of its own waits so long for the model
RETRY_AFTER_S = 5.0


class ModelHost:
    """Has `load` called on a thread of its own, at once, and keeps what it returns.

    After `idle_s` seconds without a use (0: never) the model is closed and dropped; the next use
    has it loaded again. An error of the first `load` is raised by every use, a later one by those
    who wait, and is tried again. `free` gives the memory of what was dropped back to the system.
    """

    def __init__(
        self,
        load: "Callable[[], RunningModel]",
        *,
        idle_s: float = 0.0,
        free: Callable[[], None] = release_memory,
    ) -> None:
        self._load = load
        self._idle_s = idle_s
        self._free = free
        self._state: State = "loading"
        self._failure = ""
        self._model: Future[RunningModel] = Future()
        self._wanted = True
        self._users = 0
        self._last_use = 0.0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="load model", daemon=True)
        self._thread.start()

    @property
    def state(self) -> State:
        """Whether the model is there: see `ServiceInfo`."""
        return self._state

    @property
    def failure(self) -> str:
        """Why the model could not be loaded when that was last tried; empty if it could."""
        return self._failure

    @property
    def now(self) -> "RunningModel | None":
        """The model, if it is there."""
        model = self._model
        return model.result() if model.done() and model.exception() is None else None

    def wait(self) -> "RunningModel":
        """Wait until the model is loaded, or raise why it cannot be."""
        return self._model.result()

    @asynccontextmanager
    async def use(self, deadline_ms: float | None) -> "AsyncIterator[RunningModel]":
        """Have the model loaded, and keep it as long as it is used.

        Raises `OverloadedError` if it is not there within `deadline_ms`.
        """
        with self._changed:
            self._users += 1
            self._wanted = True
            self._changed.notify_all()
            model = self._model
        try:
            yield model.result() if model.done() else await _in_time(model, deadline_ms)
        finally:
            with self._changed:
                self._users -= 1
                self._last_use = time.monotonic()

    def close(self) -> None:
        """Wait for a loading to end, and close the model if it is there."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        if (model := self.now) is not None:
            model.close()

    def _run(self) -> None:
        """Load, rest, load again: the life of the thread that does all of it."""
        was_there = False
        while self._wait_until_wanted():
            try:
                model = self._load()
            except Exception as error:  # noqa: BLE001  it is raised where the model is used
                _log_failure(error)
                self._fail(error, "unloaded" if was_there else "failed")
                if not was_there:
                    return
                continue
            was_there = True
            with self._changed:
                self._state, self._failure = "ready", ""
                self._last_use = time.monotonic()
                self._model.set_result(model)
            del model  # nothing of it is to stay in here when it goes
            if not self._unload_when_idle():
                return
            self._free()
            log.info("the model is unloaded after %.0f s without a request", self._idle_s)

    def _wait_until_wanted(self) -> bool:
        """Wait for a use; false when there will be none."""
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or self._closed)
            self._state, self._wanted = "loading", False
            return not self._closed

    def _fail(self, error: Exception, state: State) -> None:
        """Tell all who wait; where the model is only `unloaded`, the next use tries again."""
        with self._changed:
            failed, self._state = self._model, state
            self._failure = str(error) or type(error).__name__
            if state == "unloaded":
                self._model = Future()
        failed.set_exception(error)

    def _unload_when_idle(self) -> bool:
        """Wait until nobody has used the model for long enough; false when it is closed first."""
        with self._changed:
            while self._idle_s and not self._closed:
                due = self._last_use + self._idle_s - time.monotonic()
                if due <= 0 and not self._users:
                    unused, self._model = self._model.result(), Future()
                    self._state, self._wanted = "unloaded", False
                    break
                self._changed.wait(max(due, self._idle_s / 10))
            else:
                return False
        unused.close()
        return True


def _log_failure(error: Exception) -> None:
    """One line for what a person can act on, and all that is known of anything else."""
    foreseen = hasattr(error, "hint")  # an error made on purpose, here or in `models`
    what = f"{error} {getattr(error, 'hint', '')}".strip() or type(error).__name__
    log.error("the model could not be loaded: %s", what, exc_info=None if foreseen else error)


async def _in_time(model: "Future[RunningModel]", deadline_ms: float | None) -> "RunningModel":
    """Wait for the model for as long as a request can; raise `OverloadedError` after that."""
    patience_s = LOADING_S if deadline_ms is None else deadline_ms / 1000
    try:
        return await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(model)), patience_s)
    except TimeoutError:
        raise OverloadedError(
            "The model is still being loaded.",
            retry_after_s=RETRY_AFTER_S,
            hint="Ask again in a few seconds.",
        ) from None
