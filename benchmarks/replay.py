"""What the model says while lines are typed, recorded once, then drafted from this and from that.

The price of a step is fixed, so that the same is counted on every machine, however busy.
"""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.table import Table
from tokenizers import Tokenizer

from benchmarks.command import Given
from benchmarks.draft_walks import MAX_TREE, STEP_COST
from benchmarks.spans import whole_line_spans
from benchmarks.type import requests_while_typing
from completer.cli.assembly import build_engine, build_model, tokenizer_of
from completer.cli.printing import grid, progress
from completer.context.encoding import encode_one, token_pieces
from completer.context.prompt import Prompt
from completer.drafting.drafter import Drafter
from completer.drafting.healing import Healer
from completer.drafting.session import DraftSession
from completer.drafting.tree import DraftSource, DraftTree, Predictions
from completer.engine.sequence import Drafting
from completer.request import CompletionRequest
from completer.serving.service import LocalService
from completer.workspaces.repositories import Repositories
from completer.workspaces.repository import Repository

Int32s = NDArray[np.int32]


@dataclass(slots=True)
class Said:
    """What the model said to one request, and what it ranked first at each token: [1, k] or None.

    Implements `Drafting`: proposes nothing, and notes what comes.
    """

    document: str
    prompt: Prompt
    others: Drafting
    tokens: list[int] = field(default_factory=list)
    ranked: list[Int32s | None] = field(default_factory=list)

    def propose(self, max_tokens: int, step_cost: NDArray[np.float64]) -> DraftTree:
        """Propose nothing."""
        return DraftTree.empty()

    def observe(
        self, tree: DraftTree, accepted: Sequence[int], top_candidates: Int32s | None = None
    ) -> None:
        """Note what came; of names, which are drafted elsewhere, several tokens may at once."""
        first = None if top_candidates is None else top_candidates[:1].copy()
        self.tokens += accepted
        self.ranked += [first, *[None] * (len(accepted) - 1)]
        self.others.observe(tree, accepted, top_candidates)

    def predict(self, tree: DraftTree) -> Predictions:
        """Return what the repository expects."""
        return self.others.predict(tree)

    def stop(self) -> None:
        """End the other drafts."""
        self.others.stop()


class _Recorded(Repository):
    """A workspace that notes all that is said in it."""

    said: list[Said]

    def drafts(self, request: CompletionRequest, prompt: Prompt) -> Any:  # noqa: ANN401  a `Drafting`
        others = super().drafts(request, prompt)
        if others is None:
            return None
        self.said.append(Said(str(request.path), prompt, others))
        return self.said[-1]


def run(
    given: Given, *, lines: Annotated[int, typer.Option(min=1, help="How many are typed.")] = 20
) -> dict[str, Any]:
    """Count the forward passes that drafts leave while lines are typed, by what they come from."""
    settings, files = given.settings(), given.split()
    spans = whole_line_spans(files.held_out, lines, given.seed)
    model, tuning = build_model(settings)
    tokenizer = tokenizer_of(model)
    workspace = files.workspace(given.root)
    repository = _Recorded(workspace, tokenizer)
    repository.said = []
    repository.wait()
    service = LocalService(
        model, build_engine(model, tuning, settings), settings, Repositories(lambda _: repository)
    )
    service.open_workspace(workspace.root)
    rng = random.Random(given.seed)

    async def type_all() -> None:
        with progress("lines") as advance:
            for number, span in enumerate(spans):
                for request in requests_while_typing(span, rng):
                    await service.complete(request)
                advance(number + 1, len(spans))

    asyncio.run(type_all())
    service.close()
    said = [each for each in repository.said if each.tokens]
    replays = Replays(said, tokenizer, files.indexed)
    return {
        "requests": len(said),
        "tokens": sum(len(each.tokens) for each in said),
        "matches": replays.count(),
        "with_generated": replays.count(generated=True),
        "with_ranked": replays.count(ranked=True),
        "all": replays.count(generated=True, ranked=True),
        "all_without_workspace": replays.count(generated=True, ranked=True, indexed=False),
    }


@dataclass(frozen=True)
class Replays:
    """Drafts what was said, over texts."""

    said: Sequence[Said]
    tokenizer: Tokenizer
    texts: Sequence[str]

    def count(
        self, *, generated: bool = False, ranked: bool = False, indexed: bool = True
    ) -> dict[str, float]:
        """Return forward passes and drafted tokens.

        With what was generated earlier, with what was ranked first, with the texts.
        """
        vocabulary = self.tokenizer.get_vocab_size(with_added_tokens=True)
        healer = Healer(
            token_pieces(self.tokenizer, vocabulary), partial(encode_one, self.tokenizer)
        )
        drafter = Drafter(vocabulary)
        for number, text in enumerate(self.texts if indexed else ()):
            drafter.corpus.add(str(number), np.array(encode_one(self.tokenizer, text), np.int32))
        drafter.corpus.merge()
        passes = drafted = 0
        for each in self.said:
            with drafter.start(
                each.prompt.prefix_ids,
                after=each.prompt.suffix_ids,
                document=each.document if generated else None,
                heal=healer,
            ) as session:
                steps = _walk(session, each.tokens, each.ranked if ranked else None)
            passes, drafted = passes + len(steps), drafted + sum(steps)
        return {"passes": passes, "drafted": drafted}


def _walk(
    session: DraftSession, truth: list[int], ranked: Sequence[Int32s | None] | None
) -> list[int]:
    """Draft along what was said; return how much was drafted in each step."""
    steps: list[int] = []
    at = 0
    while at < len(truth):
        tree = session.propose(MAX_TREE, STEP_COST)
        nodes = tree.descend(truth[at : min(at + MAX_TREE, len(truth) - 1)])
        path = DraftTree.path(tree.token_ids[nodes], tree.probs[nodes], DraftSource.LIVE)
        end = at + len(nodes) + 1
        top = [each for each in (ranked or ())[at:end] if each is not None]
        known = len(top) == end - at
        session.observe(path, truth[at:end], np.concatenate(top) if known else None)
        steps.append(len(tree))
        at = end
    return steps


def table(result: dict[str, Any]) -> Table:
    """Lay the sources out, one a row."""
    tokens = result["tokens"]
    rows = (
        (name, f"{each['passes']}", f"{each['passes'] / tokens:.3f}", f"{each['drafted']}")
        for name, each in result.items()
        if isinstance(each, dict)
    )
    title = f"{result['requests']} requests, {tokens} tokens"
    return grid(title, ("drafts from", "passes", "a token", "drafted"), rows)
