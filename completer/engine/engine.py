"""The engine: one thread that schedules, runs the model, verifies drafts, and answers tickets.

It sees token ids only. Text, files and sockets stay outside; rules about text come in as a
`StopPolicy`, drafts as a `Drafting`.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import wait

from torch import Tensor

from completer.drafting.tree import DraftTree
from completer.engine.choosing import Chooser, Rows, question
from completer.engine.cost import ASSUMED, Pricing
from completer.engine.lossy import LossyExits
from completer.engine.memory import out_of_memory
from completer.engine.part import Part, exit_early, laws, lay_out, wanted_rows
from completer.engine.readout import Readout, read
from completer.engine.runner import Runner
from completer.engine.scheduler import Limits, Scheduler, Work
from completer.engine.self_speculation import SelfReport, SelfSpeculation
from completer.engine.sequence import GenerationRequest, GenerationResult, Running, Ticket
from completer.engine.stopping import StepSignals, Stop
from completer.engine.verify import Verdict, verify
from completer.errors import BadRequestError
from models.memory import ran_out

log = logging.getLogger(__name__)
MAX_DRAFT = 32


class Engine:
    """Generates for many sequences at once on one device."""

    def __init__(
        self,
        runner: Runner,
        *,
        limits: Limits | None = None,
        costs: Pricing = ASSUMED,
        self_speculation: SelfSpeculation | None = None,
        lossy: LossyExits | None = None,
    ) -> None:
        self.costs = costs
        self.self_speculation = self_speculation
        self.lossy = lossy
        self._runner = runner
        self._pool = runner.pool
        self._scheduler = Scheduler(limits or Limits(), runner.pool)
        self._condition = threading.Condition()
        self._closed = False
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
        """Bytes reserved for keys and values."""
        return self._pool.bytes_reserved

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
        sequence = Running(request, on_step)
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
        """Run a step; give up its sequences when it fails. False if memory was what it lacked."""
        try:
            self.step()
        except Exception as error:
            log.exception("a step failed; its sequences are given up")
            too_little = ran_out(error)  # the error itself would hold on to the step's tensors
            self._fail_running(out_of_memory(self._runner.device) if too_little else error)
            return not too_little
        return True

    def step(self) -> None:
        """Advance every running sequence by one forward pass."""
        self._drop_interrupted()
        with self._condition:
            self._scheduler.admit()
        parts = self._plan()
        if not parts:
            return
        logits = self._forward(parts)
        law, device = laws(parts, logits), self._runner.device
        asked = [question(part.work.sequence, part.segment, part.rows, device) for part in parts]
        for part, readout in zip(parts, read(law, asked), strict=True):
            self._absorb(part, Rows(logits[part.rows], law[part.rows], part.expected), readout)

    def _forward(self, parts: list[Part]) -> Tensor:
        """Run the model, or as many of its layers as are asked for.

        A sequence that is alone may get a draft of its own early layers.
        """
        if self.lossy is not None and any(part.work.sequence.request.lossy for part in parts):
            return exit_early(self.lossy, parts)
        alone = len(parts) == 1 and parts[0].work.sequence.decoding
        if alone and self.self_speculation is not None:
            part, sequence = parts[0], parts[0].work.sequence
            room = self._room(sequence)
            passed = self.self_speculation.forward(part.segment, part.ids, part.tree, room)
            parts[0] = lay_out(part.work, passed.tree, slice(0, 1 + len(passed.tree)))
            sequence.draft_seconds += passed.draft_ms / 1000
            return passed.logits
        return self._runner.forward(
            [part.segment for part in parts],
            [token for part in parts for token in part.ids],
            wanted_rows(parts),
        )

    def _plan(self) -> list[Part]:
        works = self._scheduler.plan()
        packed = sum(work.chain for work in works)
        decoding = sum(work.reaches_end for work in works)
        parts: list[Part] = []
        first_row = 0
        for work in works:
            tree = self._draft(work, packed, decoding)
            packed += len(tree)
            wanted = 1 + len(tree) if work.reaches_end else 0
            parts.append(lay_out(work, tree, slice(first_row, first_row + wanted)))
            first_row += wanted
        return parts

    def _draft(self, work: Work, packed: int, decoding: int) -> DraftTree:
        sequence = work.sequence
        room = self._room(sequence)
        if not work.reaches_end or sequence.request.drafts is None or room < 1:
            return DraftTree.empty()
        started = time.perf_counter()
        price = self.costs.of_drafts(room, planned=packed, sequences=decoding)
        tree = sequence.request.drafts.propose(room, price)
        sequence.draft_seconds += time.perf_counter() - started
        return tree

    def _room(self, sequence: Running) -> int:
        """How many tokens may be drafted."""
        in_slot = self._pool.capacity - len(sequence.ids) - MAX_DRAFT
        return min(MAX_DRAFT, sequence.tokens_left - 1, in_slot)

    def _absorb(self, part: Part, rows: Rows, readout: Readout) -> None:
        """Take over what a step computed for one sequence."""
        sequence = part.work.sequence
        if not part.work.reaches_end:
            self._keep(part, [])
            return
        chooser = Chooser(sequence, rows, readout)
        verdict = verify(part.tree.token_ids.tolist(), part.tree.parents.tolist(), chooser)
        self._keep(part, verdict.path)
        sequence.ids.extend(verdict.emitted)
        _count(sequence, part.tree, verdict)
        self._teach(part, verdict, readout)
        stop = _give_up(part, verdict) or _stop(sequence, part.tree, verdict, chooser)
        if sequence.on_step is not None:
            sequence.on_step(sequence.generated[: stop.keep if stop else None])
        if stop:
            self._finish(sequence, stop)

    def _keep(self, part: Part, path: list[int]) -> None:
        """Make the chain's and the accepted nodes' rows part of the sequence, forget the rest."""
        sequence, segment = part.work.sequence, part.segment
        nodes_at = segment.start + segment.chain
        self._pool.keep_path(segment.slot, nodes_at, path)
        accepted = [part.ids[segment.chain + node] for node in path]
        self._pool.extend(segment.slot, part.ids[: segment.chain] + accepted, segment.start)
        sequence.cached = nodes_at + len(path)

    def _teach(self, part: Part, verdict: Verdict, readout: Readout) -> None:
        if self.self_speculation is not None:
            self.self_speculation.learn(verdict.emitted)
        drafts = part.work.sequence.request.drafts
        if drafts is None:
            return
        started = time.perf_counter()
        drafts.observe(part.tree, verdict.emitted, readout.candidates)
        part.work.sequence.draft_seconds += time.perf_counter() - started

    def _finish(self, sequence: Running, stop: Stop) -> None:
        with self._condition:
            self._scheduler.remove(sequence)
        sequence.ticket.future.set_result(sequence.result(stop))

    def _drop_interrupted(self) -> None:
        now = time.perf_counter()
        for sequence in self._everyone():
            stop = sequence.interrupted(now)
            if stop is not None:
                self._finish(sequence, stop)

    def _fail_running(self, error: Exception) -> None:
        for sequence in list(self._scheduler.running):
            sequence.cached = 0  # the rows of a step that failed cannot be trusted
            with self._condition:
                self._scheduler.remove(sequence)
            sequence.ticket.future.set_exception(error)

    def _everyone(self) -> list[Running]:
        with self._condition:
            return self._scheduler.everyone()

    def _wait_for_work(self) -> bool:
        with self._condition:
            while not self._closed and not any(self.load):
                self._condition.wait()
            return not self._closed


def _count(sequence: Running, tree: DraftTree, verdict: Verdict) -> None:
    if sequence.first_token_at == 0.0:
        sequence.first_token_at = time.perf_counter()
    else:
        sequence.steps += 1
    sequence.drafted += len(tree)
    sequence.accepted += len(verdict.path)
    sequence.sources.update(tree.sources[verdict.path].tolist())


def _give_up(part: Part, verdict: Verdict) -> Stop | None:
    """End before this step's tokens where an early layer has seen that they lead nowhere."""
    before = len(part.work.sequence.generated) - len(verdict.emitted)
    return Stop("low_confidence", before) if part.hopeless else None


def _stop(sequence: Running, tree: DraftTree, verdict: Verdict, chooser: Chooser) -> Stop | None:
    """Apply the rules in their order: end marks, text rules, the limit."""
    request = sequence.request
    generated = sequence.generated
    end = next((i for i, token in enumerate(generated) if token in request.stop_ids), None)
    usable = generated[:end]
    if len(usable) > request.max_tokens:
        usable = usable[: request.max_tokens]
    if request.policy is not None:
        signals = StepSignals(
            drafted=len(tree),
            accepted=len(verdict.path),
            match_length=tree.match_len,
            tokens=chooser.signals() if request.policy.wants_signals else (),
            ended=end is not None,
        )
        stop = request.policy.after_step(usable, signals)
        if stop is not None:
            return stop
    if end is not None and end <= request.max_tokens:
        return Stop("stop", end)
    if len(usable) >= request.max_tokens:
        return Stop("length", request.max_tokens)
    return None
