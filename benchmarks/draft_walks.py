"""Oracle walks: the true text plays the model, and every token that it accepts is counted.

A walk starts somewhere in a text, asks for a draft of what follows, accepts what is true of it and
one token more, and goes on from there, with everything before known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from benchmarks.draft_cases import PREFIX_TOKENS, SUFFIX_TOKENS, DraftCases, Int32s
from completer.drafting.drafter import Drafter
from completer.drafting.session import DraftSession
from completer.drafting.tree import DraftTree

FIRST_TOKEN = 32
MAX_TREE = 32
STEP_COST: NDArray[np.float64] = 1.0 + 0.06 * np.arange(MAX_TREE + 1, dtype=np.float64)
"""Cost of verifying n drafted tokens, in single steps: about a small model's on a CPU."""
CHEAP_STEP_COST: NDArray[np.float64] = 1.0 + 0.025 * np.arange(MAX_TREE + 1, dtype=np.float64)
"""The same where a drafted token costs less, as on a GPU: for the spans."""
END = -2
"""The mark after a span, which nobody can draft."""


@dataclass(slots=True)
class Tally:
    """Steps, and the tokens that they yielded and drafted."""

    steps: int = 0
    tokens: int = 0
    drafted: int = 0

    @property
    def tokens_per_step(self) -> float:
        """Tokens that a step yields, the bonus token included."""
        return self.tokens / max(1, self.steps)

    @property
    def drafted_per_step(self) -> float:
        """Tokens that a step verifies beyond the first."""
        return self.drafted / max(1, self.steps)


class Walker(Protocol):
    """Something that drafts along one text."""

    def propose(self) -> DraftTree:
        """Return a draft of what follows."""
        ...

    def observe(self, tree: DraftTree, accepted: list[int]) -> None:
        """Learn the tokens that followed."""
        ...


class SessionWalker:
    """The product's drafter as a walker."""

    def __init__(self, session: DraftSession, step_cost: NDArray[np.float64] = STEP_COST) -> None:
        self.session = session
        self.step_cost = step_cost

    def propose(self) -> DraftTree:
        """Return a draft of what follows."""
        return self.session.propose(MAX_TREE, self.step_cost)

    def observe(self, tree: DraftTree, accepted: list[int]) -> None:
        """Learn the tokens that followed."""
        self.session.observe(tree, accepted)


def walk(walker: Walker, truth: list[int]) -> Tally:
    """Draft along `truth` to its end."""
    tally, at = Tally(), 0
    while at < len(truth):
        tree = walker.propose()
        accepted = len(tree.descend(truth[at : at + MAX_TREE + 1]))
        step = truth[at : at + accepted + 1]
        walker.observe(tree, [token for token in step if token != END])
        at += len(step)
        tally.steps += 1
        tally.tokens += len(step)
        tally.drafted += len(tree)
    return tally


def drafter_over(cases: DraftCases, held_out: list[str], vocabulary_size: int) -> Drafter:
    """Return a drafter that has indexed a package without what is held out."""
    drafter = Drafter(vocabulary_size)
    for name, ids in cases.indexed(held_out).items():
        drafter.corpus.add(name, ids)
    drafter.corpus.merge()
    return drafter


def oracle_walks(cases: DraftCases, vocabulary_size: int) -> list[Tally]:
    """Walk each held-out file, after its beginning."""
    drafter = drafter_over(cases, cases.held_out, vocabulary_size)
    return walk_files(cases, lambda name, begin: SessionWalker(drafter.start(begin, document=name)))


def walk_files(cases: DraftCases, make: Callable[[str, Int32s], Walker]) -> list[Tally]:
    """Walk each held-out file with a walker that is made from its name and its beginning."""
    streams = {name: cases.streams[name] for name in cases.held_out}
    return [
        walk(make(name, ids[:FIRST_TOKEN]), ids[FIRST_TOKEN:].tolist())
        for name, ids in streams.items()
    ]


def fim_walks(cases: DraftCases, vocabulary_size: int, *, flat: bool) -> list[Tally]:
    """Produce each span and an end mark, between what stands around it.

    flat: match on the prompt's order, prefix, suffix, then the middle, as drafters that see nothing
    but the prompt have to.
    """
    drafter = drafter_over(cases, cases.held_out_for_spans, vocabulary_size)
    tallies = []
    for span in cases.spans:
        ids = cases.streams[span.file]
        before = ids[max(0, span.begin - PREFIX_TOKENS) : span.begin]
        after = ids[span.end : span.end + SUFFIX_TOKENS]
        truth = [*ids[span.begin : span.end].tolist(), END]
        session = (
            drafter.start(np.concatenate((before, after)))
            if flat
            else drafter.start(before, after=after, document=span.file)
        )
        with session:
            tallies.append(walk(SessionWalker(session, CHEAP_STEP_COST), truth))
    return tallies


def total(tallies: Sequence[Tally]) -> Tally:
    """Add tallies up."""
    return Tally(
        sum(tally.steps for tally in tallies),
        sum(tally.tokens for tally in tallies),
        sum(tally.drafted for tally in tallies),
    )
