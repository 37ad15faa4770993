"""How much is generated, in all and for one user, so that nobody starves others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from completer.errors import OverloadedError
from completer.http.errors import TooManyRequestsError
from completer.http.options import HttpOptions
from completer.http.spending import Spending
from completer.request import DecodeStats


class Admission:
    """Counts what is asked for and not yet answered; the queue is the service's."""

    def __init__(self, options: HttpOptions) -> None:
        self._options = options
        self._running: Counter[str] = Counter()
        self._spending = Spending(options.max_tokens_per_minute)

    @property
    def running(self) -> int:
        """How many texts are being generated."""
        return self._running.total()

    @contextmanager
    def admit(self, user: str, count: int = 1) -> Iterator[None]:
        """Count a user's request for `count` texts in while it is served.

        Raises `TooManyRequestsError` or `OverloadedError` if they do not fit.
        """
        self._spending.check(user)
        retry_after_s = self._options.retry_after_s
        if self._running[user] + count > self._options.max_running_per_user:
            message = f"More than {self._options.max_running_per_user} texts asked for at once."
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

    def answered(self, user: str, stats: DecodeStats) -> None:
        """Count what a user's answer has cost."""
        self._spending.spend(user, stats)
