"""What `completer eval --stopping` does: judges a calibration on spans it was not fitted to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from completer.calibration import Calibration, CalibrationOf
from completer.errors import CompleterError
from completer.evaluation.figures import paired_figures
from completer.evaluation.holdout import Sample
from completer.evaluation.isolation import IsolatedService
from completer.evaluation.kinds import Kind
from completer.evaluation.run import Answer, answers
from completer.evaluation.stopping import (
    NO_CUT,
    RECORDING,
    THRESHOLDS,
    Predicted,
    Trace,
    at_threshold,
    predictions,
    reliability_of,
    traces,
)
from completer.stopping.controller import Rule

Figures = dict[str, Any]


@dataclass(slots=True)
class Judging:
    """Judges what `saved` has for each of the `samples`, which `service` has opened."""

    service: IsolatedService
    samples: Sequence[Sample]
    saved: CalibrationOf
    advance: Callable[[int, int], None]
    _done: int = 0

    async def run(self) -> Figures:
        """Return the figures. Raises `CompleterError` where nothing was calibrated."""
        found: list[Trace] = []
        predicted: list[Predicted] = []
        mixed: dict[str, list[Answer]] = {}
        unmixed: dict[str, list[Answer]] = {}
        for sample in self.samples:
            calibration = self.saved(sample.root)
            rule = _usable(calibration, sample.root)
            recording = replace(calibration, stopping=RECORDING)
            said = await self._answers(sample, recording, list(Kind))
            own = traces(said)
            found += own
            predicted += predictions(own, rule)
            cut_threshold = rule.cutting.threshold if rule.cutting else NO_CUT
            if calibration.mixture is not None:
                name = str(sample.root)
                mixed[name] = [each for each in said if each.span.kind is Kind.REST_OF_LINE]
                unmixed[name] = await self._answers(sample, Calibration(), [Kind.REST_OF_LINE])
        return {
            **reliability_of(found, predicted),
            "default_threshold": rule.threshold,
            "thresholds": [
                at_threshold(found, predicted, each, cut_threshold)
                for each in sorted({*THRESHOLDS, rule.threshold})
            ],
            "mixture": _mixing(mixed, unmixed),
        }

    async def _answers(
        self, sample: Sample, calibration: Calibration, kinds: Sequence[Kind]
    ) -> list[Answer]:
        self.service.calibration = calibration
        spans = [span for span in sample.spans if span.kind in kinds]
        found = []
        async for answer in answers(self.service.complete, sample.root, spans, trigger="automatic"):
            found.append(answer)
            self._done += 1
            self.advance(self._done, self._total())
        return found

    def _total(self) -> int:
        kinds = [span.kind for sample in self.samples for span in sample.spans]
        return len(kinds) + kinds.count(Kind.REST_OF_LINE)


def _usable(calibration: Calibration, root: Path) -> Rule:
    rule = calibration.stopping
    if rule is None or rule.card is None:
        raise CompleterError(
            f"Nothing has been calibrated for this model and {root}.",
            hint=f"Run: completer calibrate --repo {root}",
        )
    return rule


def _mixing(mixed: dict[str, list[Answer]], unmixed: dict[str, list[Answer]]) -> Figures:
    """Compare exact match on rests of lines with and without the mixture."""
    pairs = {name: list(zip(mixed[name], unmixed[name], strict=True)) for name in mixed}
    everything = [pair for each in pairs.values() for pair in each]
    if not everything:
        return {"n": 0}
    return {
        **_gain(everything),
        "by_repo": {name: _gain(each) for name, each in pairs.items() if each},
    }


def _gain(pairs: Sequence[tuple[Answer, Answer]]) -> Figures:
    paired = paired_figures(pairs)
    return {
        "n": len(pairs),
        "exact_match_with": round(sum(one.score.exact for one, _ in pairs) / len(pairs), 4),
        "exact_match_without": round(sum(other.score.exact for _, other in pairs) / len(pairs), 4),
        "gain_low": paired["low"],
        "gain_high": paired["high"],
    }
