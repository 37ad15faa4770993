"""What three alternatives are worth beside one, and what they cost: asked for in turns."""

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from completer.cli.assembly import build_isolated, build_model
from completer.cli.options import ConfigFlag, ModelFlag, load
from completer.cli.printing import progress
from completer.evaluation.holdout import Sample, draw_sample
from completer.evaluation.isolation import IsolatedService
from completer.evaluation.kinds import Kind
from completer.evaluation.run import request_for
from completer.evaluation.scoring import score
from completer.evaluation.spans import Span
from completer.place import local_place
from completer.request import Completion

COUNT = 3
KINDS = (Kind.REST_OF_LINE, Kind.WHOLE_LINE)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What came at one caret when one text was asked for, and when several were."""

    span: Span
    one: Completion
    several: Completion

    def is_exact(self, answer: Completion) -> bool:
        """Whether the truth is among an answer's texts."""
        span = self.span
        return any(score(span.kind, span.truth, each.text).exact for each in answer.choices)

    @property
    def texts(self) -> set[str]:
        """The different texts that several choices have."""
        return {each.text for each in self.several.choices if each.text}


def run(
    *,
    repo: Annotated[list[Path], typer.Option("--repo", help="Folder of code; may be repeated.")],
    n: Annotated[int, typer.Option(min=1, help="Carets of each kind in each folder.")] = 20,
    seed: Annotated[int, typer.Option(help="Draws files and carets.")] = 0,
    model: ModelFlag = None,
    config: ConfigFlag = None,
) -> dict[str, Any]:
    """Ask for one text and for three at carets of held-out files."""
    settings = load(config, model=model).settings
    samples = [draw_sample(local_place(root), dict.fromkeys(KINDS, n), seed) for root in repo]
    loaded, tuning = build_model(settings)
    with build_isolated(loaded, tuning, settings, samples) as service:
        asked = asyncio.run(_ask(service, samples))
    pairs = [(_generating(each.one), _generating(each.several)) for each in asked]
    return {
        "carets": len(asked),
        "different": sum(len(each.texts) == COUNT for each in asked) / len(asked),
        "exact_one": sum(each.is_exact(each.one) for each in asked),
        "exact_several": sum(each.is_exact(each.several) for each in asked),
        "one_ms": statistics.median(one for one, _ in pairs),
        "several_ms": statistics.median(several for _, several in pairs),
        "times": sum(several for _, several in pairs) / sum(one for one, _ in pairs),
        "times_median": statistics.median(several / one for one, several in pairs),
    }


async def _ask(service: IsolatedService, samples: Sequence[Sample]) -> list[_Asked]:
    """Ask at each caret, by hand; each of both comes first, where less is warm, half the times."""
    asked: list[_Asked] = []
    total = sum(len(sample.spans) for sample in samples)
    with progress("carets") as advance:
        for sample in samples:
            for span in sample.spans:
                request = replace(request_for(span, sample.root), trigger="manual")
                counts = (1, COUNT) if len(asked) % 2 else (COUNT, 1)
                answers = {k: await service.complete(replace(request, n=k)) for k in counts}
                asked.append(_Asked(span, answers[1], answers[COUNT]))
                advance(len(asked), total)
    return asked


def _generating(answer: Completion) -> float:
    """Milliseconds from the prompt to the answer."""
    return answer.stats.total_ms - answer.stats.context_ms


def table(result: dict[str, Any]) -> Table:
    """Lay the figures out for a person."""
    shown = Table("", "one", "three", "times", title=f"{result['carets']} carets")
    one, several = result["exact_one"], result["exact_several"]
    shown.add_row("different texts", "", f"{result['different']:.1%}", "")
    shown.add_row("exact match", str(one), str(several), f"{several / max(1, one):.2f}")
    times = f"{result['times']:.2f} (median {result['times_median']:.2f})"
    shown.add_row("ms", f"{result['one_ms']:.0f}", f"{result['several_ms']:.0f}", times)
    return shown
