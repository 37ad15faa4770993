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
    drafted: bool = False
    allowed: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSignals:
    """What one step tells about the tokens that it emitted.

    `drafted` and `accepted` count the step's draft, `match_length` is the context match behind it.
    `tokens` has an entry for each emitted token, those behind an end mark too, where the policy
    wants them. `ended` says that the step emitted an end mark.
    """

    drafted: int = 0
    accepted: int = 0
    match_length: int = 0
    tokens: tuple[TokenSignals, ...] = ()
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of a completion: why, and how many of its tokens stay."""

    reason: FinishReason
    keep: int


class StopPolicy(Protocol):
    """Decides after every step whether a completion is done. Called on the engine's thread."""

    @property
    def wants_signals(self) -> bool:
        """Whether `after_step` reads `StepSignals.tokens`, which cost a little to compute."""
        ...

    def after_step(self, ids: Sequence[int], signals: StepSignals) -> Stop | None:
        """Look at all completion tokens so far, `ids`; return `None` to go on."""
        ...
