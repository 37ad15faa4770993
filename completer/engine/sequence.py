"""One generation: what is asked of the engine, its state while it runs, and what comes back."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from completer.drafting.tree import DraftSource, DraftTree, Predictions
from completer.engine.narrowing import Guide
from completer.engine.stop_policy import Stop, StopPolicy
from completer.request import DecodeStats, FinishReason, Sampling


class Drafting(Protocol):
    """Proposes what comes next for one generation; `completer.drafting` has the real one."""

    def propose(self, max_tokens: int, step_cost: NDArray[np.float64]) -> DraftTree:
        """Propose at most `max_tokens`; `step_cost[n]` is the price of a step that verifies n."""
        ...

    def observe(
        self,
        tree: DraftTree,
        accepted: Sequence[int],
        top_candidates: NDArray[np.int32] | None = None,
    ) -> None:
        """Learn from a step: what it emitted, and the model's best guesses [1 + n, k]."""
        ...

    def predict(self, tree: DraftTree) -> Predictions:
        """What the repository expects after the text so far, and after each node of `tree`."""
        ...

    def stop(self) -> None:
        """The generation has ended; nothing else will be asked."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """What to generate: token ids in, token ids out.

    `stop_ids` end the text and do not belong to it. `deadline` is a `time.perf_counter()` value.
    Sequences of different `owner`s never share rows of the KV pool. `choice` numbers alternatives,
    which draw with other noise. `leaves` is a position of the text and the token that comes there
    instead of the likeliest. With `ranks`, the ticket has what else was likely.
    `repository_weight`, from 0 to 1, is how much of what `drafts` predicts is blended into the
    distribution; 0 is the model's own. Unless they `may_propose`, `drafts` do nothing but that.
    `guide` narrows the distribution where it knows what may come.
    `lossy` lets tokens come from early exits; give it an owner of its own, since its rows do too.
    `suffix` is where the text after the caret stands in a prompt that its prefix comes first in, if
    its rows may be kept when that changes: the owner is one of its own then, too.
    Once submitted, `drafts` belongs to the engine, which stops it.
    """

    prompt: Sequence[int]
    max_tokens: int
    stop_ids: frozenset[int] = frozenset()
    sampling: Sampling = field(default_factory=Sampling)
    policy: StopPolicy | None = None
    drafts: Drafting | None = None
    deadline: float | None = None
    owner: str = ""
    choice: int = 0
    repository_weight: float = 0.0
    guide: Guide | None = None
    lossy: bool = False
    leaves: tuple[int, int] | None = None
    ranks: bool = False
    may_propose: bool = True
    suffix: range | None = None

    @property
    def changes_distribution(self) -> bool:
        """Whether tokens may be drawn from another distribution than the model's own."""
        mixes = self.repository_weight > 0 and self.drafts is not None
        return mixes or self.guide is not None


@dataclass(frozen=True, slots=True)
class GenerationResult:
    """The generated tokens, why they ended, and what they cost."""

    token_ids: tuple[int, ...]
    finish_reason: FinishReason
    stats: DecodeStats


@dataclass(frozen=True, slots=True)
class Ranking:
    """The likeliest tokens at one position of a text, best first, and their log-probabilities."""

    tokens: Sequence[int]
    logs: Sequence[float]


class Ticket:
    """A caller's handle on a generation: its future result, and the way to call it off.

    `rankings` has an entry for each token so far, if they were asked for; in the end for what
    would have come next as well.
    """

    def __init__(self) -> None:
        self.rankings: list[Ranking] = []
        self.future: Future[GenerationResult] = Future()
        self.future.set_running_or_notify_cancel()  # its result is the engine's alone to set
        self.cancelled = False

    def cancel(self) -> None:
        """Stop the generation before its next step; its result then says `cancelled`."""
        self.cancelled = True


class SequenceState:
    """The state of one generation on the engine's thread.

    `ids` is the prompt and what has been generated; the first `cached` of them have rows in the
    pool's `slot`. Before admission `slot` is -1. Rows of the tokens `kept` are there though those
    of the tokens before may not be.
    """

    def __init__(
        self, request: GenerationRequest, on_step: Callable[[Sequence[int]], None] | None = None
    ) -> None:
        self.request = request
        self.ticket = Ticket()
        self.on_step = on_step
        self.ids = list(request.prompt)
        self.prompt_length = len(self.ids)
        self.slot = -1
        self.cached = 0
        self.kept = range(0)
        self.kept_tokens = 0
        self.reused = 0
        self.steps = 0
        self.drafted = 0
        self.predicted = 0
        self.accepted = 0
        self.skipped_layers = 0
        self.sources: Counter[int] = Counter()
        self.draft_seconds = 0.0
        self.submitted_at = time.perf_counter()
        self.admitted_at = 0.0
        self.first_token_at = 0.0

    @property
    def generated(self) -> list[int]:
        """The tokens generated so far."""
        return self.ids[self.prompt_length :]

    @property
    def pending(self) -> int:
        """Tokens without rows in the pool: the rest of the prompt, later the last bonus token."""
        return len(self.ids) - self.cached

    @property
    def next_chain(self) -> int:
        """Of these, the first ones that stand together."""
        return self.kept.start - self.cached if self.cached < self.kept.start else self.pending

    @property
    def decoding(self) -> bool:
        """Whether the prompt is done and only the last token is pending."""
        return self.pending == 1 and len(self.ids) > self.prompt_length

    @property
    def tokens_left(self) -> int:
        """How many more tokens are wanted."""
        return self.request.max_tokens - (len(self.ids) - self.prompt_length)

    def interrupted(self, now: float) -> Stop | None:
        """Say whether the caller or the clock ends this generation before its next step."""
        kept = len(self.ids) - self.prompt_length
        if self.ticket.cancelled:
            return Stop("cancelled", kept)
        if self.request.deadline is not None and now >= self.request.deadline:
            return Stop("deadline", kept)
        return None

    def result(self, stop: Stop) -> GenerationResult:
        """Wrap up: the tokens that stay and the statistics."""
        tokens = tuple(self.generated[: stop.keep])
        return GenerationResult(tokens, stop.reason, self._stats(len(tokens)))

    def _stats(self, generated: int) -> DecodeStats:
        now = time.perf_counter()
        admitted = self.admitted_at or now
        first_token = self.first_token_at or now
        return DecodeStats(
            prompt_tokens=self.prompt_length,
            reused_tokens=self.reused,
            kept_tokens=self.kept_tokens,
            generated_tokens=generated,
            steps=self.steps,
            drafted=self.drafted,
            predicted=self.predicted,
            accepted=min(self.accepted, generated),  # a stop may cut what was accepted
            skipped_layers=self.skipped_layers,
            draft_sources=tuple(
                (DraftSource(source).name.lower(), n) for source, n in self.sources.most_common()
            ),
            queue_ms=(admitted - self.submitted_at) * 1000,
            prefill_ms=(first_token - admitted) * 1000,
            decode_ms=(now - first_token) * 1000,
            draft_ms=self.draft_seconds * 1000,
            total_ms=(now - self.submitted_at) * 1000,
        )
