"""How many tokens a minute each person may have computed, so that nobody starves others.

A person's debt grows by what their answers cost and shrinks evenly with time (a leaky bucket, as a
meter); who owes a minute's share or more is asked to wait until the debt is below it. What an
answer costs is known when it is there, so the last one may go beyond.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from completer.http.errors import TooManyRequestsError
from completer.request import DecodeStats

MOST_PEOPLE = 10_000
"""Whose debts are kept until those that are paid are forgotten."""


class Spending:
    """The debts of all people; `per_minute` tokens are free, without it all are."""

    def __init__(self, per_minute: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._owed: dict[str, tuple[float, float]] = {}

    def check(self, user: str) -> None:
        """Raise `TooManyRequestsError` for who has to wait."""
        if self._per_minute is None or (over := self._debt(user) - self._per_minute) < 0:
            return
        wait_s = 60 * over / self._per_minute
        message = f"More than {self._per_minute} tokens in a minute."
        raise TooManyRequestsError(message, retry_after_s=wait_s)

    def spend(self, user: str, stats: DecodeStats) -> None:
        """Count what a person's answer has cost: the tokens that were computed for it."""
        if self._per_minute is None or stats.cached:
            return
        tokens = stats.prompt_tokens - stats.reused_tokens + stats.generated_tokens
        self._owed[user] = self._debt(user) + tokens, self._clock()
        if len(self._owed) > MOST_PEOPLE:
            self._owed = {who: owed for who, owed in self._owed.items() if self._debt(who) > 0}

    def _debt(self, user: str) -> float:
        owed, since = self._owed.get(user, (0.0, 0.0))
        return max(0.0, owed - (self._clock() - since) * (self._per_minute or 0) / 60)
