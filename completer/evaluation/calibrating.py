"""What `completer calibrate` does: fits a model's mixture and stop controller to repositories.

Masked spans of held-out files say what would have been right. The mixture's weights are fitted on
one half of the files, and used only if they bring more exact matches on the other half for sure.
The stop controller is fitted to answers that were written to their end, and judged by predictions
for files that it was not fitted to.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from completer.calibration import Calibration, Mixture
from completer.evaluation.figures import paired_figures
from completer.evaluation.forcing import Evidence
from completer.evaluation.holdout import Sample
from completer.evaluation.isolation import IsolatedService
from completer.evaluation.kinds import Kind
from completer.evaluation.mixing import fit_mixture
from completer.evaluation.naming import Found, fit_name_weights
from completer.evaluation.run import Answer, answers, request_for
from completer.evaluation.spans import Span
from completer.evaluation.stopping import (
    RECORDING,
    Trace,
    at_threshold,
    choose_thresholds,
    cut_examples,
    examples,
    per_trace,
    predictions,
    reliability_of,
    reliability_of_cuts,
    traces,
)
from completer.names.evidence import NameWeights
from completer.stopping.controller import CutRule, Rule
from completer.stopping.fitting import fit_scorecard

SHARES = {Kind.REST_OF_LINE: 1.0, Kind.WHOLE_LINE: 0.25, Kind.LINES: 0.25, Kind.SYNTAX_NODE: 0.15}
"""How many spans of each kind there are for one of the commonest, at a guess of what people ask."""

_NAMED_SPANS = 200  # each takes a second or two

Figures = dict[str, Any]
Advance = Callable[[int, int], None]


def span_counts(n: int) -> dict[Kind, int]:
    """Return how many spans of each kind to draw, `n` of them rests of lines."""
    return {kind: max(1, round(n * share)) for kind, share in SHARES.items()}


@dataclass(slots=True)
class Calibrating:
    """Fits over the spans of `samples`, which `service` has opened; `advance` hears of each one.

    What is in force is `present`.
    """

    service: IsolatedService
    samples: Sequence[Sample]
    present: Calibration
    advance: Advance
    _halves: dict[Path, int] = field(init=False)
    """In which half of the files each is."""
    _total: int = field(init=False)
    _done: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        texts = {path: text for sample in self.samples for path, text in sample.held_out.items()}
        self._halves = {path: _half(text) for path, text in texts.items()}
        everything = sum(len(sample.spans) for sample in self.samples)
        first = len(self._spans(0))
        self._total = everything + first + min(first, _NAMED_SPANS) + 2 * len(self._spans(1))

    async def run(self) -> tuple[Calibration, Figures]:
        """Return what holds from now on, and how good it is.

        Raises `CompleterError` when there is too little to learn from.
        """
        mixture, mixing = await self._fit_mixture()
        names = self._fit_names()
        self.service.calibration = Calibration(RECORDING, mixture, names=names)
        found = traces(await self._answers(list(Kind)))
        rule, stopping = self._fit_rule(found)
        fitted = {
            "repositories": sorted(sample.root.name for sample in self.samples),
            "spans": sum(len(sample.spans) for sample in self.samples),
            "exact_match_gain": [mixing["low"], mixing["high"]],
            "ece": stopping["ece"],
            "brier_skill": stopping["brier_skill"],
        }
        calibration = Calibration(rule, mixture, fitted, names)
        return calibration, {"mixture": mixing, "stopping": stopping}

    def _fit_rule(self, found: Sequence[Trace]) -> tuple[Rule | None, Figures]:
        """Fit a rule; the present one stays where the new one is no better on other files."""
        card, moments = fit_scorecard(examples(found))
        cut_card, cuts = fit_scorecard(cut_examples(found))
        predicted = per_trace(found, moments, cuts)
        threshold, cut_threshold = choose_thresholds(found, predicted)
        figures = {
            **reliability_of(found, predicted),
            **at_threshold(found, predicted, threshold, cut_threshold),
            "beginnings": reliability_of_cuts(found, predicted),
            "uncut": at_threshold(found, predicted, threshold),
        }
        present = self.present.stopping
        before = 0.0
        if present is not None and present.card is not None:
            now = reliability_of(found, predictions(found, present))
            before = now["brier_skill"]
        adopted = figures["brier_skill"] > before
        rule = Rule(card, threshold, CutRule(cut_card, cut_threshold)) if adopted else present
        return rule, {**figures, "before": before, "adopted": adopted}

    def _fit_names(self) -> NameWeights:
        """Measure on one half of the files how sure each kind of names is."""
        found: list[Found] = []
        for sample, span in self._spans(half=0)[:_NAMED_SPANS]:
            found += self.service.names(request_for(span, sample.root), span.truth)
            self._tick()
        return fit_name_weights(found)

    async def _fit_mixture(self) -> tuple[Mixture | None, Figures]:
        """Fit on one half of the files, and compare exact match with and without on the other."""
        self.service.calibration = Calibration()
        seen: dict[str, list[Evidence]] = {}
        for sample, span in self._spans(half=0):
            found = self.service.evidence(request_for(span, sample.root), span.truth)
            seen.setdefault(span.source.language, []).extend(found)
            self._tick()
        mixture = fit_mixture(seen)
        without = await self._answers([Kind.REST_OF_LINE], half=1)
        self.service.calibration = Calibration(mixture=mixture)
        gain = paired_figures(
            list(zip(await self._answers([Kind.REST_OF_LINE], half=1), without, strict=True))
        )
        used = gain["low"] > 0
        return (mixture if used else None), {
            "tokens": sum(map(len, seen.values())),
            "used": used,
            **gain,
        }

    async def _answers(self, kinds: Sequence[Kind], half: int | None = None) -> list[Answer]:
        found = []
        for sample in self.samples:
            spans = [
                span
                for span in sample.spans
                if span.kind in kinds and half in (None, self._halves[span.source.path])
            ]
            ask = self.service.complete
            async for answer in answers(ask, sample.root, spans, trigger="automatic"):
                found.append(answer)
                self._tick()
        return found

    def _spans(self, half: int) -> list[tuple[Sample, Span]]:
        """Return the rests of lines in one half of the files."""
        return [
            (sample, span)
            for sample in self.samples
            for span in sample.spans
            if span.kind is Kind.REST_OF_LINE and self._halves[span.source.path] == half
        ]

    def _tick(self) -> None:
        self._done += 1
        self.advance(self._done, self._total)


def _half(text: str) -> int:
    """Return which half of the files a file belongs to."""
    return sha256(text.encode()).digest()[0] % 2
