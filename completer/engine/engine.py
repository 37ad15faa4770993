"""The engine: one thread that schedules, runs the model, verifies drafts, and answers tickets.

It sees token ids only. Text, files and sockets stay outside; rules about text come in as a
`StopPolicy`, drafts as a `Drafting`.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from contextlib import contextmanager

import torch

from completer.drafting.memory import trim
from completer.drafting.tree import DraftTree
from completer.engine.choosing import StepResult
from completer.engine.cores import Cores
from completer.engine.cost import ASSUMED, Pricing
from completer.engine.kept_suffix import Turn
from completer.engine.lossy import LossyExits
from completer.engine.memory import out_of_memory
from completer.engine.passes import Passes, StepResults
from completer.engine.runner import Runner
from completer.engine.scheduler import Limits, Scheduled, Scheduler
from completer.engine.self_speculation import SelfReport, SelfSpeculation
from completer.engine.sequence import GenerationRequest, GenerationResult, SequenceState, Ticket
from completer.engine.step_part import StepPart, lay_out
from completer.engine.stop_policy import Stop
from completer.engine.update import update
from completer.errors import BadRequestError
from models.memory import ran_out

log = logging.getLogger(__name__)
MAX_DRAFT = 32
RESTS_AFTER_S = 1.0


class Engine:
    """Generates for many sequences at once on one device, on a CPU with up to `threads` cores."""

    def __init__(
        self,
        runner: Runner,
        *,
        limits: Limits | None = None,
        costs: Pricing = ASSUMED,
        self_speculation: SelfSpeculation | None = None,
        lossy: LossyExits | None = None,
        turn: Turn | None = None,
        threads: int = 1,
    ) -> None:
        self.costs = costs
        self.self_speculation = self_speculation
        self.lossy = lossy
        self._runner = runner
        self._pool = runner.pool
        self._passes = Passes(runner, lossy, self_speculation)
        self._scheduler = Scheduler(limits or Limits(), runner.pool, turn)
        self._condition = threading.Condition()
        self._closed = False
        self._cores = Cores(threads)
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    @property
    def load(self) -> tuple[int, int]:
        """How many sequences run and how many wait."""
        return len(self._scheduler.running), self._scheduler.waiting

    @property
    def self_speculation_report(self) -> SelfReport:
        """Whether the model's first layers draft."""
        if self.self_speculation is None:
            return SelfReport(False, "switched off, or the model's layers cannot be run one by one")
        return self.self_speculation.report

    @property
    def kv_bytes(self) -> int:
        """Bytes that keys and values take."""
        return self._pool.bytes_taken

    @property
    def graphs_given_up(self) -> str:
        """Why captured graphs are not used, where they should be; otherwise empty."""
        return self._runner.graphs_given_up

    def submit(
        self, request: GenerationRequest, on_step: Callable[[Sequence[int]], None] | None = None
    ) -> Ticket:
        """Queue a request. `on_step` gets the tokens so far after each step, on this thread.

        Raises `BadRequestError` when the prompt leaves no room for an answer, `OverloadedError`
        when too many wait.
        """
        room = self._pool.capacity - len(request.prompt)
        if not request.prompt or room < 1 or request.max_tokens < 1:
            raise BadRequestError(
                f"A prompt of {len(request.prompt)} tokens and {request.max_tokens} to generate"
                f" do not fit into {self._pool.capacity}.",
                hint="Send at least one token, and less text or a smaller max_tokens.",
            )
        sequence = SequenceState(request, on_step)
        with self._condition:
            if self._closed:
                raise RuntimeError("the engine is closed")
            self._scheduler.add(sequence)
            self._condition.notify()
        return sequence.ticket

    def generate(self, request: GenerationRequest) -> GenerationResult:
        """Run one request and wait for its result."""
        return self.submit(request).future.result()

    def forget(self) -> None:
        """Forget the keys and values of all generations that have ended."""
        with self._condition:
            self._pool.clear()

    def drop(self, is_gone: Callable[[str], bool]) -> None:
        """Call the generations of owners that are gone off, and forget their keys and values."""
        theirs = [each.ticket for each in self._everyone() if is_gone(each.request.owner)]
        for ticket in theirs:
            ticket.cancel()
        wait([ticket.future for ticket in theirs])
        with self._condition:
            self._pool.clear(is_gone)

    def close(self) -> None:
        """Stop the thread; whatever still runs or waits is answered as cancelled."""
        with self._condition:
            self._closed = True
            self._condition.notify()
        self._thread.join()

    def _run(self) -> None:
        while self._wait_for_work():
            if not self._try_step():
                self._runner.shrink()
        for sequence in self._everyone():
            sequence.ticket.cancel()
        self._drop_interrupted()

    def _try_step(self) -> bool:
        """Run a step; give up all of its sequences when it fails as a whole.

        False if memory was what it lacked.
        """
        try:
            self.step()
        except Exception as error:
            log.exception("a step failed; its sequences are given up")
            for sequence in list(self._scheduler.running):
                self._fail(sequence, self._reported(error))
            return not ran_out(error)
        return True

    @torch.inference_mode()
    def step(self) -> None:
        """Advance every running sequence by one forward pass.

        A sequence for which something raises is given up, and no other: nothing of a sequence
        changes before the pass is done, and one over several that fails is run again for each.
        """
        self._drop_interrupted()
        self._admit()
        parts = self._plan()
        if not parts:
            return
        try:
            with self._cores:
                results = self._passes.run(parts, self._room)
        except Exception as error:
            if ran_out(error):
                raise
            log.warning("a step failed; each of its sequences is tried alone: %s", error)
            results = self._run_apart(parts)
        for part, result in results:
            with self._guarding(part.scheduled.sequence):
                self._update(part, result)

    def _admit(self) -> None:
        """Start what waits, as far as there is room."""
        with self._condition:
            while (sequence := self._scheduler.next_in_turn()) is not None:
                with self._guarding(sequence):
                    self._scheduler.admit(sequence)

    def _run_apart(self, parts: Sequence[StepPart]) -> StepResults:
        """Run the model over one part after the other, and give up those that fail."""
        results: StepResults = []
        for part in parts:
            with self._guarding(part.scheduled.sequence):
                rows = slice(0, part.rows.stop - part.rows.start)
                results += self._passes.run_as_planned([lay_out(part.scheduled, part.tree, rows)])
        return results

    def _plan(self) -> list[StepPart]:
        scheduled = self._scheduler.plan()
        packed = sum(each.chain for each in scheduled)
        decoding = sum(each.reaches_end for each in scheduled)
        parts: list[StepPart] = []
        first_row = 0
        for each in scheduled:
            with self._guarding(each.sequence):
                tree = self._draft(each, packed, decoding)
                packed += len(tree)
                wanted = 1 + len(tree) if each.reaches_end else 0
                parts.append(lay_out(each, tree, slice(first_row, first_row + wanted)))
                first_row += wanted
        return parts

    def _draft(self, scheduled: Scheduled, packed: int, decoding: int) -> DraftTree:
        sequence, request = scheduled.sequence, scheduled.sequence.request
        room = self._room(sequence)
        if not scheduled.reaches_end or room < 1:
            return DraftTree.empty()
        started, tree = time.perf_counter(), DraftTree.empty()
        if request.drafts is not None and request.may_propose:
            price = self.costs.of_drafts(room, planned=packed, sequences=decoding)
            tree = request.drafts.propose(room, price)
        if not len(tree) and request.guide is not None:
            tree = request.guide.draft(sequence.generated, room)
        sequence.draft_seconds += time.perf_counter() - started
        return tree

    def _room(self, sequence: SequenceState) -> int:
        """How many tokens may be drafted."""
        in_slot = self._pool.capacity - len(sequence.ids) - MAX_DRAFT
        return min(MAX_DRAFT, sequence.tokens_left - 1, in_slot)

    def _update(self, part: StepPart, result: StepResult) -> None:
        """Update one sequence with what a step computed for it, and report what it emitted."""
        sequence = part.scheduled.sequence
        verified, stop = update(part, result, self._pool)
        if verified is None:
            return
        if self.self_speculation is not None:
            self.self_speculation.learn(verified.emitted)
        if sequence.on_step is not None:
            sequence.on_step(sequence.generated[: stop.keep if stop else None])
        if stop:
            self._finish(sequence, stop)

    def _finish(self, sequence: SequenceState, stop: Stop) -> None:
        result = sequence.result(stop)
        self._remove(sequence)
        sequence.ticket.future.set_result(result)

    def _fail(self, sequence: SequenceState, error: Exception) -> None:
        sequence.cached = 0  # the rows of a step that failed cannot be trusted
        self._remove(sequence)
        sequence.ticket.future.set_exception(error)

    def _remove(self, sequence: SequenceState) -> None:
        with self._condition:
            self._scheduler.remove(sequence)
        drafts = sequence.request.drafts
        if drafts is not None:
            try:
                drafts.stop()
            except Exception:
                log.exception("drafts could not be ended")

    def _reported(self, error: Exception) -> Exception:
        """The error that a caller gets: torch's own for memory would keep a step's tensors."""
        return out_of_memory(self._runner.device) if ran_out(error) else error

    @contextmanager
    def _guarding(self, sequence: SequenceState) -> Iterator[None]:
        """Give up a sequence if what is done for it raises."""
        try:
            yield
        except Exception as error:
            log.exception("a sequence is given up")
            self._fail(sequence, self._reported(error))

    def _drop_interrupted(self) -> None:
        now = time.perf_counter()
        for sequence in self._everyone():
            stop = sequence.interrupted(now)
            if stop is not None:
                self._finish(sequence, stop)

    def _everyone(self) -> list[SequenceState]:
        with self._condition:
            return self._scheduler.everyone()

    def _wait_for_work(self) -> bool:
        """Wait until there is something to do; false when there never will be.

        What the last steps took beside their results is given back when nothing follows.
        """
        if self._scheduler.running:
            return not self._closed
        if not self._comes(within_s=RESTS_AFTER_S):
            self._pool.give_back()
            trim()
            self._comes()
        return not self._closed

    def _comes(self, within_s: float | None = None) -> bool:
        with self._condition:
            return self._condition.wait_for(lambda: self._closed or any(self.load), within_s)
