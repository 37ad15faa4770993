"""Who runs in the next step: continuous batching, fair between owners, with a bounded queue.

Every running sequence that decodes takes part in every step, and what room is left goes to
prompts, a chunk at a time, so that a long prompt never stalls those that are already writing.
"""

import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from completer.engine.kept_suffix import Turn, take_slot
from completer.engine.kv_cache import KVPool
from completer.engine.sequence import SequenceState
from completer.errors import OverloadedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much runs and waits.

    `prefill_chunk` bounds the prompt tokens of a step in which others decode. Where nobody who
    writes would have to wait, it is `undisturbed` times larger; on a CPU larger ones are slower.
    """

    max_running: int = 16
    max_waiting: int = 64
    prefill_chunk: int = 256
    undisturbed: int = 2


@dataclass(slots=True)
class Scheduled:
    """A sequence that takes part in the next step with `chain` of its pending tokens."""

    sequence: SequenceState
    chain: int
    reaches_end: bool = field(init=False)
    """Whether the step computes the logits that the next token is chosen from."""

    def __post_init__(self) -> None:
        self.reaches_end = self.chain == self.sequence.pending


class Scheduler:
    """Waiting and running sequences. The engine's lock guards it.

    `turn` lets the rows of a suffix be kept; without it they are not.
    """

    def __init__(self, limits: Limits, pool: KVPool, turn: Turn | None = None) -> None:
        self.limits = limits
        self.running: list[SequenceState] = []
        self._pool = pool
        self._turn = turn
        self._waiting: OrderedDict[str, deque[SequenceState]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many sequences have not been admitted yet."""
        return sum(len(queue) for queue in self._waiting.values())

    def add(self, sequence: SequenceState) -> None:
        """Queue a sequence, or raise `OverloadedError` when too many wait already."""
        if self.waiting >= self.limits.max_waiting:
            raise OverloadedError(
                f"{self.waiting} completions are already waiting.",
                retry_after_s=1.0,
                hint="Ask again in a second, or run on a faster device.",
            )
        self._waiting.setdefault(sequence.request.owner, deque()).append(sequence)

    def everyone(self) -> list[SequenceState]:
        """All sequences, waiting and running."""
        return [each for queue in self._waiting.values() for each in queue] + self.running

    def remove(self, sequence: SequenceState) -> None:
        """Forget a sequence and free its slot, whose rows stay good for the next request."""
        if sequence in self.running:
            self.running.remove(sequence)
            self._pool.release(sequence.slot, sequence.cached)
        else:
            self._take_from_queue(sequence)

    def next_in_turn(self) -> SequenceState | None:
        """The waiting sequence to admit next, one owner after the other, if there is room."""
        if not self._waiting or not self._has_room():
            return None
        return next(iter(self._waiting.values()))[0]

    def admit(self, sequence: SequenceState) -> None:
        """Let a waiting sequence run, in a slot of its own."""
        owner = sequence.request.owner
        take_slot(sequence, self._pool, self._turn)
        sequence.admitted_at = time.perf_counter()
        self._waiting.move_to_end(owner)
        self._take_from_queue(sequence)
        self.running.append(sequence)

    def plan(self) -> list[Scheduled]:
        """Share out the next step."""
        scheduled = [Scheduled(each, 1) for each in self.running if each.decoding]
        room = self.limits.prefill_chunk * (1 if scheduled else self.limits.undisturbed)
        for sequence in self.running:
            if not sequence.decoding and room > 0:
                chain = min(sequence.next_chain, room)
                scheduled.append(Scheduled(sequence, chain))
                room -= chain
        return scheduled

    def _take_from_queue(self, sequence: SequenceState) -> None:
        owner = sequence.request.owner
        self._waiting[owner].remove(sequence)
        if not self._waiting[owner]:
            del self._waiting[owner]

    def _has_room(self) -> bool:
        return len(self.running) < self.limits.max_running and self._pool.free_slots > 0
