"""`completer calibrate --from-telemetry`: refits the stop controller to what people accepted."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from completer.cli.telemetry_errors import telemetry_errors
from completer.errors import CompleterError
from completer.place import Place

if TYPE_CHECKING:
    from rich.console import Group

    from completer.calibration import Calibration
    from completer.settings import Settings
    from completer.stopping.refitting import Refit

_MAY_LOSE = 0.035  # of what was accepted, where the threshold is chosen


class Recalibration:
    """A refit that has been worked out, not yet adopted. `target` is the repository it is for."""

    def __init__(self, settings: "Settings", target: Place | None) -> None:
        from completer.calibration import Calibrations
        from completer.cli.assembly import build_model

        self._target = target
        self._model, _ = build_model(settings)
        self._saved = Calibrations(self._model, settings.calibration_folder)
        self._present = self._saved.of(target)
        self.refit = _refit(self._present, settings.telemetry.folder, self._model.identity)

    @property
    def figures(self) -> dict[str, Any]:
        """Reliability before and after, for a program or `table`."""
        return {
            "model": self._model.name,
            "before": self.refit.before,
            "after": self.refit.after,
            "threshold": self.refit.threshold,
            "better": self.refit.better,
        }

    def adopt(self) -> Path:
        """Use it from the next start on; return its file."""
        assert self._present.stopping is not None  # noqa: S101  # or nothing could be refitted
        rule = replace(self._present.stopping, card=self.refit.card, threshold=self.refit.threshold)
        fitted = {**self._present.fitted, "telemetry": self.refit.after["n"]}
        return self._saved.adopt(self._target, replace(self._present, stopping=rule, fitted=fitted))


def _refit(present: "Calibration", telemetry: Path, model: str) -> "Refit":
    from completer.stopping.beginnings import is_beginning
    from completer.stopping.refitting import refit
    from telemetry.shown_suggestions import shown_suggestions

    if present.stopping is None or present.stopping.card is None:
        raise CompleterError(
            f"Nothing has been calibrated for {model}, so that there is nothing to refit.",
            hint="Run first: completer calibrate --repo PATH",
        )
    with telemetry_errors("Name its folder: --telemetry-folder"):
        found = [
            each
            for each in shown_suggestions(telemetry, model)
            if not is_beginning(each.features)  # judged by other features
        ]
    return refit(present.stopping.card, found, _MAY_LOSE)


def table(result: dict[str, Any]) -> "Group":
    """Lay the change out for a person."""
    from rich import box
    from rich.console import Group
    from rich.table import Table

    title = (
        f"{result['model']}: {result['after']['n']} shown, {result['after']['n_right']} accepted"
    )
    lines = Table("", "before", "after", title=title, title_justify="left", box=box.SIMPLE_HEAD)
    for name, key in (("Brier skill", "brier_skill"), ("calibration error", "ece")):
        lines.add_row(name, *(f"{result[when][key]:.3f}" for when in ("before", "after")))
    verdict = "better" if result["better"] else "no better"
    return Group(lines, f"On suggestions it was not fitted to, the new one is {verdict}.")
