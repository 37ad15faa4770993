"""Self-speculation: a model's first layers draft, all of them verify, and no work is done twice.

Where the suffix index has no good draft, the first layers may have one: run only them, take the
likeliest token of the exit behind them, and again, while the exit is sure enough. What they
computed of these tokens - the state behind the exit layer, and the keys and values in front of it -
is exactly what verification needs, since a chain's tokens have the same ancestors in both; so
verification begins behind the exit layer. A draft from the suffix index has no such states and runs
from the bottom. Verification is that of any draft, so the text stays the model's own.
(Kangaroo, Liu et al. 2024; LayerSkip, Elhoushi et al. 2024; DEL, Entezari Zarch et al. 2025.)

`exit_choice` decides from measured agreement and measured times which layer drafts and whether any
does. What it needs is measured in rare steps of their own kind. Only steps with one sequence are
drafted this way: in a step with several, all would wait for every drafted token's passes through
the early layers, of which several sequences share the weights' reading anyway.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from completer.drafting.tree import DraftSource, DraftTree
from completer.engine.attention import Segment
from completer.engine.cost import CostCurve
from completer.engine.exit_choice import ENOUGH, MAX_LENGTH, ExitChoice, Plan
from completer.engine.exits import Exits, Guess
from completer.engine.runner import Runner

PAYS = 1.05  # times the tokens per time of the alternative, before a plan is followed
WEAK = (
    1.0  # accepted tokens that a suffix draft promises, above which its step is not for measuring
)
BURST = 2 * ENOUGH + 2  # first measuring steps, one after the other
RARELY, LEAST_OFTEN = 64, 512  # steps between two measuring steps afterwards


@dataclass(frozen=True, slots=True)
class SelfReport:
    """Whether the early layers draft, or why not; how often each exit agreed with the model."""

    active: bool
    reason: str
    agreement: dict[int, float] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{'active' if self.active else 'off'}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Passed:
    """One sequence's forward pass: the tree that was verified and its logits [1 + n, V]."""

    tree: DraftTree
    logits: Tensor
    draft_ms: float = 0.0


class SelfSpeculation:
    """Runs the forward pass of steps with one decoding sequence, whoever drafts."""

    def __init__(self, runner: Runner, exits: Exits, costs: CostCurve) -> None:
        self._runner = runner
        self._exits = exits
        self._growth = costs.of_drafts(MAX_LENGTH)  # in passes over one token
        self._choice = ExitChoice(exits.candidates, self._growth)
        self._plan: Plan | None = None
        self._guesses: list[tuple[int, int, Guess]] = []  # (layer, place in the emitted, guess)
        self._steps, self._measured, self._next, self._pause = 0, 0, 0, RARELY
        self.report = SelfReport(False, "nothing is measured yet")

    @torch.inference_mode()
    def forward(self, segment: Segment, ids: Sequence[int], tree: DraftTree, room: int) -> Passed:
        """Run the pending token `ids[0]` and a draft: the given `tree`, or one of its own.

        `segment` is the token's with the tree, `ids` are both's; at most `room` tokens are drafted.
        """
        self._guesses.clear()
        try:
            return self._pass(segment, ids, tree, room)
        except BaseException:
            self._guesses.clear()  # what comes next may be another sequence's
            raise

    def learn(self, emitted: Sequence[int]) -> None:
        """Compare what exits guessed in the last step with what it emitted."""
        for layer, place, guess in self._guesses:
            if place < len(emitted):
                right = guess.token == emitted[place]
                self._choice.records[layer].count(guess.probability, right)
        self._guesses.clear()

    def _pass(self, segment: Segment, ids: Sequence[int], tree: DraftTree, room: int) -> Passed:
        self._steps += 1
        alone = Segment(segment.slot, segment.start, 1)
        if self._steps > self._next and float(tree.probs.sum()) < WEAK:
            return Passed(DraftTree.empty(), self._measure(alone, ids[0]))
        plan = self._plan
        if plan is not None and room > 0 and plan.rate > PAYS * self._rate_of(tree):
            return self._draft(plan, alone, ids[0], room)
        return Passed(tree, self._runner.forward([segment], ids, np.arange(len(ids))))

    def _rate_of(self, tree: DraftTree) -> float:
        """Tokens that verifying `tree` is expected to yield per time of a plain pass."""
        cost = np.interp(len(tree), np.arange(len(self._growth)), self._growth)
        return float((1 + tree.probs.sum()) / cost)

    def _draft(self, plan: Plan, alone: Segment, token: int, room: int) -> Passed:
        """Draft a chain with the early layers, then verify it with the late ones."""
        started = time.perf_counter()
        states, guesses = self._chain(plan, alone, token, min(plan.length, room))
        drafted = guesses[: len(states) - 1]
        draft_ms = (time.perf_counter() - started) * 1000
        whole = Segment(alone.slot, alone.start, len(states))
        hidden = self._exits.advance(torch.cat(states), [whole], plan.layer, self._exits.depth)
        self._guesses = [(plan.layer, place, guess) for place, guess in enumerate(guesses)]
        return Passed(_as_path(drafted), self._exits.logits(hidden, self._exits.depth), draft_ms)

    def _chain(
        self, plan: Plan, alone: Segment, token: int, length: int
    ) -> tuple[list[Tensor], list[Guess]]:
        """Return the states behind the exit layer of the token and of each one drafted after it.

        There is a guess for each state but the last; one more where that was not sure enough.
        """
        states: list[Tensor] = []
        guesses: list[Guess] = []
        while True:
            here = Segment(alone.slot, alone.start + len(states), 1)
            states.append(self._exits.advance(self._exits.embed([token]), [here], 0, plan.layer))
            if len(states) > length:
                return states, guesses
            guesses.append(self._exits.guess(states[-1], plan.layer))
            if guesses[-1].probability < plan.least:
                return states, guesses
            token = guesses[-1].token

    def _measure(self, alone: Segment, token: int) -> Tensor:
        """Run a token without a draft and time it: plainly and layer by layer in turns."""
        self._measured += 1
        if self._measured % 2:
            started = time.perf_counter()
            logits = self._runner.forward([alone], [token], np.zeros(1, np.int64))
            self._exits.synchronize()
            self._choice.plain_ms.append((time.perf_counter() - started) * 1000)
        else:
            logits = self._measure_exits(alone, token)
            if self._measured >= BURST:
                self._decide()
        return logits

    def _measure_exits(self, alone: Segment, token: int) -> Tensor:
        """Ask all exits about the token on its way up, and time layers and heads."""
        exits, clock = self._exits, time.perf_counter
        started = clock()
        hidden, below, heads = exits.embed([token]), 0, 0.0
        times: list[tuple[int, float, float]] = []
        for layer in exits.candidates:
            hidden = exits.advance(hidden, [alone], below, layer)
            exits.synchronize()
            early, asked = clock() - started - heads, clock()
            self._guesses.append((layer, 0, exits.guess(hidden, layer)))
            head, below = clock() - asked, layer
            times.append((layer, early, head))
            heads += head
        logits = exits.logits(exits.advance(hidden, [alone], below, exits.depth), exits.depth)
        exits.synchronize()
        whole = clock() - started - heads
        for layer, early, head in times:
            timing = (early * 1000, head * 1000, (whole - early) * 1000)
            self._choice.records[layer].timings.append(timing)
        return logits

    def _decide(self) -> None:
        """Follow the best plan or none; measure again soon if it pays, later and later if not."""
        best = self._choice.best()
        pays = best is not None and best.rate > PAYS
        self._plan = best if pays else None
        self._pause = RARELY if pays else min(2 * self._pause, LEAST_OFTEN)
        self._next = self._steps + self._pause
        if best is not None:
            self.report = _report(best, pays, self._choice.agreements())


def _report(plan: Plan, pays: bool, agreement: dict[int, float]) -> SelfReport:
    worth = (
        f"layer {plan.layer} agrees with the model about {agreement[plan.layer]:.0%} of tokens; its"
        f" drafts of up to {plan.length} yield {plan.rate:.2f} tokens in the time of a plain pass"
    )
    return SelfReport(pays, worth if pays else f"does not pay: {worth}", agreement)


def _as_path(guesses: Sequence[Guess]) -> DraftTree:
    """A chain of drafted tokens; each stands for the product of the probabilities down to it."""
    if not guesses:
        return DraftTree.empty()
    tokens: NDArray[np.int32] = np.array([guess.token for guess in guesses], np.int32)
    probs = np.cumprod([guess.probability for guess in guesses]).astype(np.float32)
    return DraftTree.path(tokens, probs, DraftSource.SELF)
