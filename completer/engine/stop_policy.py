"""When to stop: the interface through which rules about text come into an engine that sees ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from completer.request import FinishReason


@dataclass(frozen=True, slots=True)
class TokenSignals:
    """How sure one emitted token was.

    `probability` of it, and `margin` of the likeliest token over the runner-up, in the distribution
    that it was drawn from, whose `entropy` is in nats. `model` and `repository` are what each gave
    it by itself. `drafted` tokens were guessed right by the draft. Where the distribution was
    narrowed, `allowed` is the probability that the allowed tokens had before.
    """

    probability: float
    margin: float
    entropy: float
    model: float
    repository: float = 0.0
    allowed: float = 1.0


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of a completion: why, and how many of its tokens stay."""

    reason: FinishReason
    keep: int


class StopPolicy(Protocol):
    """Decides after every token whether a completion is done. Called on the engine's thread.

    Tokens come one by one, however many of them a step emitted, so that neither drafts nor a
    device's speed have a say in what is shown.
    """

    @property
    def wants_signals(self) -> bool:
        """Whether `after_token` reads signals, which cost a little to compute."""
        ...

    def after_token(
        self, ids: Sequence[int], signals: TokenSignals | None, *, ended: bool
    ) -> Stop | None:
        """Look at all tokens of a completion so far, `ids`; return `None` to go on.

        The last is new, as are its `signals`, where they are wanted; with `ended` it is an end
        mark, which `ids` is without.
        """
        ...
