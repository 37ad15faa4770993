"""The choices of one request on their way through the engine.

They are started on threads of the service: to prepare a policy or a draft reads text, and may wait
for whoever writes into the texts that drafts come from. Given up they are on the service's loop.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from completer.answer.text_policy import TextPolicy
from completer.engine.engine import Engine
from completer.engine.sequence import Ticket
from completer.errors import CompleterError
from completer.serving.generation import Generations, Job
from completer.stopping.controller import StopController


@dataclass(frozen=True, slots=True)
class Alternative:
    """One choice while it is generated."""

    policy: TextPolicy | StopController
    ticket: Ticket


@dataclass(frozen=True, slots=True)
class Step:
    """News of one choice: the text that became certain, and whether that was all."""

    index: int
    text: str
    done: bool


class Choices:
    """Starts the choices of one request; `tell` hears, on the engine's thread, of every step."""

    def __init__(
        self, generations: Generations, engine: Engine, tell: Callable[[Step], object]
    ) -> None:
        self._generations = generations
        self._engine = engine
        self._tell = tell
        self._given_up = False
        self.started: list[Alternative] = []

    def start(self, job: Job, indices: Iterable[int]) -> None:
        """Submit these choices to the engine, unless the request has been given up."""
        for index in indices:
            if self._given_up:
                return
            self.started.append(self._alternative(job, index))
        if self._given_up:  # meanwhile: `give_up` may not have seen the last one
            self.give_up()

    def give_up(self) -> None:
        """Stop all choices, also one that is just being started on another thread."""
        self._given_up = True
        for each in tuple(self.started):
            each.ticket.cancel()

    def _alternative(self, job: Job, index: int) -> Alternative:
        policy = self._generations.policy(job)

        def tell(*, done: bool) -> None:
            self._tell(Step(index, policy.release(final=done), done))

        generation = self._generations.generation(job, index, policy)
        try:
            ticket = self._engine.submit(generation, on_step=lambda _: tell(done=False))
        except CompleterError:
            if generation.drafts is not None:
                generation.drafts.stop()
            raise
        ticket.future.add_done_callback(lambda _: tell(done=True))
        return Alternative(policy, ticket)
