"""How many requests are served at once, in all and of one user, so that nobody starves the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from completer.errors import OverloadedError
from completer.http.errors import TooManyRequestsError
from completer.http.options import HttpOptions


class Admission:
    """Counts running requests; there is no queue here, the service has one."""

    def __init__(self, options: HttpOptions) -> None:
        self._options = options
        self._running: Counter[str] = Counter()

    @property
    def running(self) -> int:
        """How many requests are being served."""
        return self._running.total()

    @contextmanager
    def admit(self, user: str, count: int = 1) -> Iterator[None]:
        """Count `count` requests of a user in while they are served.

        Raises `TooManyRequestsError` or `OverloadedError` if they do not fit.
        """
        retry_after_s = self._options.retry_after_s
        if self._running[user] + count > self._options.max_running_per_user:
            message = f"More than {self._options.max_running_per_user} requests at once."
            raise TooManyRequestsError(message, retry_after_s=retry_after_s)
        if self.running + count > self._options.max_running:
            raise OverloadedError("The server is busy.", retry_after_s=retry_after_s)
        self._running[user] += count
        try:
            yield
        finally:
            self._running[user] -= count
            if not self._running[user]:
                del self._running[user]
