"""The choices of one request on their way through the engine.

They are started on threads of the service: to prepare a policy or a draft reads text, and may wait
for whoever writes into the texts that drafts come from. Given up they are on the service's loop.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from completer.answer.checking import Checked
from completer.answer.text_policy import TextPolicy
from completer.engine.engine import Engine
from completer.engine.sequence import Ticket
from completer.errors import CompleterError
from completer.serving.generation import Generations, Job
from completer.serving.leavings import Leaving
from completer.stopping.controller import StopController

SPARE = 2
"""So many more are generated in place of those that say nothing new."""


@dataclass(slots=True)
class Alternative:
    """One choice while it is generated, and what is shown of it, from when that is known."""

    policy: TextPolicy | StopController
    ticket: Ticket
    checked: Checked | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """News of one choice: the text that became certain, and whether that was all."""

    index: int
    text: str
    done: bool


def by_worth(ended: Sequence[Alternative]) -> tuple[list[Alternative], int]:
    """Those that say something new, in their order, and how many these are; behind them the rest.

    What a text says is what is shown of it: two that differed may have become one.
    """
    new: dict[str, Alternative] = {}
    rest: list[Alternative] = []
    for each in ended:
        text = each.checked.text if each.checked else ""
        if text and text not in new:
            new[text] = each
        else:
            rest.append(each)
    return [*new.values(), *rest], len(new)


class Choices:
    """Starts the choices of one request; `tell` hears, on the engine's thread, of every step."""

    def __init__(
        self, generations: Generations, engine: Engine, tell: Callable[[Step], object]
    ) -> None:
        self._generations = generations
        self._engine = engine
        self._tell = tell
        self._given_up = False
        self._leavings: list[Leaving] = []
        self.started: list[Alternative] = []

    def start(self, job: Job, count: int) -> int:
        """Submit more choices to the engine, unless the request has been given up; say how many.

        Greedy ones leave the first one somewhere: none is started until it is known where, and no
        more than there are such places.
        """
        places: list[Leaving | None] = [None] * count
        if self.started and job.request.sampling.greedy:
            places = [*self._next_leavings(job, count)]
        for started, leaving in enumerate(places):
            if self._given_up:
                return started
            self.started.append(self._alternative(job, leaving))
        if self._given_up:  # meanwhile: `give_up` may not have seen the last one
            self.give_up()
        return len(places)

    def give_up(self) -> None:
        """Stop all choices, also one that is just being started on another thread."""
        self._given_up = True
        for each in tuple(self.started):
            each.ticket.cancel()

    def _next_leavings(self, job: Job, count: int) -> list[Leaving]:
        if len(self.started) == 1:
            self._leavings = self._generations.leavings(job.request, self.started[0].ticket)
        taken = len(self.started) - 1
        return self._leavings[taken : taken + count]

    def _alternative(self, job: Job, leaving: Leaving | None) -> Alternative:
        index, policy = len(self.started), self._generations.policy(job)

        def tell(*, done: bool) -> None:
            self._tell(Step(index, policy.release(final=done), done))

        first = self.started[0].ticket if self.started else None
        generation = self._generations.generation(job, index, policy, leaving, first)
        try:
            ticket = self._engine.submit(generation, on_step=lambda _: tell(done=False))
        except CompleterError:
            if generation.drafts is not None:
                generation.drafts.stop()
            raise
        ticket.future.add_done_callback(lambda _: tell(done=True))
        return Alternative(policy, ticket)
