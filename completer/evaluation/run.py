"""Asks for every span what a person would get there: ghost text, with context, drafts and rules.

One thing differs from an editor: there is no deadline, since whether an answer is right must not
depend on how busy the machine is.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from completer.evaluation.scoring import Score, score
from completer.evaluation.spans import Span
from completer.evaluation.validity import Validity
from completer.place import Place
from completer.request import Completion, CompletionRequest, Confidence, DecodeStats, Trigger

_NO_DEADLINE_MS = 600_000.0
_WARM_UP = "def main(argv):\n    parser = "

Complete = Callable[[CompletionRequest], Awaitable[Completion]]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a span, how it compares with the truth, and what it cost."""

    span: Span
    text: str
    score: Score
    stats: DecodeStats
    confidence: tuple[Confidence, ...] = ()
    beginnings: tuple[Confidence, ...] = ()
    validity: Validity | None = None

    @property
    def saved(self) -> dict[str, str | int | bool]:
        """The answer as JSON: characters `start:end` of the file at `path` are replaced by it."""
        return {
            "kind": self.span.kind,
            "path": str(self.span.source.path),
            "start": self.span.start,
            "end": self.span.end,
            "text": self.text,
            "exact": self.score.exact,
        }


async def answers(
    complete: Complete, root: Place, spans: Sequence[Span], *, trigger: Trigger = "manual"
) -> AsyncIterator[Answer]:
    """Yield an answer to each span of the repository `root`, however doubtful a manual one."""
    await complete(_warm_up(root))
    for span in spans:
        completion = await complete(request_for(span, root, trigger))
        text = completion.text
        yield Answer(
            span,
            text,
            score(span.kind, span.truth, text),
            completion.stats,
            completion.choices[0].confidence,
            completion.choices[0].beginnings,
        )


def request_for(span: Span, root: Place, trigger: Trigger = "manual") -> CompletionRequest:
    """Ask for a span. Of its answer, the request tells only whether it is one line or several."""
    return CompletionRequest(
        prefix=span.prefix,
        suffix=span.suffix,
        path=span.source.path,
        language=span.source.language,
        workspace=root,
        multiline="\n" in span.truth,
        deadline_ms=_NO_DEADLINE_MS,
        polish=True,
        withhold=trigger == "automatic",  # syntax and names are checked in any case
    )


def _warm_up(root: Place) -> CompletionRequest:
    """Ask for something short, so that the first span finds everything loaded and compiled."""
    return CompletionRequest(prefix=_WARM_UP, workspace=root, max_tokens=8)
