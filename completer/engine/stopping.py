"""When to stop: the interface through which rules about text come into an engine that sees ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from completer.request import FinishReason


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSignals:
    """What one step tells about the tokens that it emitted.

    `top_probability` and `entropy` (nats) describe the model's distribution at the step's last
    token; `drafted` and `accepted` count the step's draft; `match_length` is the context match
    behind it; `ran_into_suffix` says that the draft's source was the text after the caret.
    """

    drafted: int = 0
    accepted: int = 0
    match_length: int = 0
    ran_into_suffix: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of a completion: why, and how many of its tokens stay."""

    reason: FinishReason
    keep: int


class StopPolicy(Protocol):
    """Decides after every step whether a completion is done. Called on the engine's thread."""

    def after_step(self, ids: Sequence[int], signals: StepSignals) -> Stop | None:
        """Look at all completion tokens so far, `ids`; return `None` to go on."""
        ...
