"""Why the last request for each document brought up nothing, for a person who wants to know."""

from __future__ import annotations

from collections import OrderedDict

from completer.answer.why import why_nothing
from completer.request import Completion

AFTER_DELETION = "text was deleted, after which nothing is asked for (afterDeletion)"
NOT_ASKED = "nothing was asked for here yet"
MAX_DOCUMENTS = 200


class Reasons:
    """What became of the last request, by document; the oldest are forgotten."""

    def __init__(self) -> None:
        self._reasons: OrderedDict[str, str] = OrderedDict()

    def of(self, uri: str) -> str:
        """The reason in words."""
        return self._reasons.get(uri, NOT_ASKED)

    def note(self, uri: str, reason: str) -> None:
        """Remember a reason."""
        self._reasons[uri] = reason
        self._reasons.move_to_end(uri)
        while len(self._reasons) > MAX_DOCUMENTS:
            self._reasons.popitem(last=False)

    def answered(self, uri: str, completion: Completion) -> None:
        """A completion was sent, perhaps without a text."""
        self.note(uri, why_nothing(completion) or "a completion was sent for the last request")

    def failed(self, uri: str, error: Exception) -> None:
        """A request failed."""
        self.note(uri, f"{error} {getattr(error, 'hint', '')}".strip())
