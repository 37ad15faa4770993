"""One thing that `completer setup` may put in place."""

from collections.abc import Callable
from dataclasses import dataclass

from completer.installation.record import Record


@dataclass(frozen=True, slots=True)
class Part:
    """`offer` asks whether to do it; `install` does it, says so, and raises `CompleterError`."""

    name: str
    offer: str
    install: Callable[[Record], str]
