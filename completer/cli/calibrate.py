"""`completer calibrate`: fits the stop controller and the mixture to a person's own code."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.cli.options import (
    ConfigFlag,
    DeviceFlag,
    JsonFlag,
    ModelFlag,
    TelemetryFlag,
    load,
)
from completer.cli.outputs import ForceFlag, check_output
from completer.cli.printing import progress, show
from completer.errors import BadRequestError
from completer.place import Place, local_place

if TYPE_CHECKING:
    from rich.console import Group

    from completer.engine.tuning import Tuning
    from completer.evaluation.holdout import Sample
    from completer.settings import Settings
    from models.loading import LoadedModel


def calibrate(
    repo: Annotated[
        list[Path] | None,
        typer.Option("--repo", help="Folder of code; may be repeated.", metavar="PATH"),
    ] = None,
    n: Annotated[
        int,
        typer.Option("--n", min=20, help="Rests of lines from each folder; others are fewer."),
    ] = 300,
    seed: Annotated[int, typer.Option(help="Draws files and carets.")] = 0,
    exit_tokens: Annotated[
        int,
        typer.Option(
            min=0,
            help="Tokens of code that the model's early exits are fitted on; 0 leaves them as they"
            " are. With more than one repository they are fitted to all of them.",
        ),
    ] = 50_000,
    for_all: Annotated[
        bool,
        typer.Option("--for-all", help="Use the result wherever nothing was fitted by itself."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option(help="Write the calibration there and adopt nothing.")
    ] = None,
    from_telemetry: Annotated[
        bool,
        typer.Option(
            "--from-telemetry", help="Refit the stop controller to what people accepted instead."
        ),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="With --from-telemetry: adopt it without asking.")
    ] = False,
    force: ForceFlag = False,
    undo: Annotated[
        bool, typer.Option("--undo", help="Take back what was adopted last, and fit nothing.")
    ] = False,
    telemetry_folder: TelemetryFlag = None,
    model: ModelFlag = None,
    device: DeviceFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Fit to masked spans of a repository what is worth showing, and how much its own text counts.

    Whatever does not prove better on files that it was not fitted to stays as it was. What was
    adopted is used from the next start on.
    """
    roots = list(dict.fromkeys(map(local_place, repo or ())))
    if len(roots) != 1 and not (for_all or output):
        raise BadRequestError(
            f"{len(roots)} folders are named, but a calibration belongs to one.",
            hint="Name one with --repo, or add --for-all.",
        )
    loaded = load(config, model=model, device=device, telemetry_folder=telemetry_folder)
    settings = calibrated(loaded.settings)
    target = None if for_all or output else roots[0]
    if from_telemetry:
        _recalibrate(settings, target, yes, as_json)
        return
    if undo:
        show(_undo(settings, target), as_json, _undone)
        return
    import torch

    from completer.calibration import is_calibration
    from completer.cli.assembly import build_model
    from completer.evaluation.calibrating import span_counts
    from completer.evaluation.holdout import draw_sample

    if output is not None:
        check_output(output, "an earlier calibration", is_calibration, force=force)

    samples = [draw_sample(root, span_counts(n), seed) for root in roots]
    built = build_model(settings)
    with progress("spans") as advance:
        result = _fit(settings, built, samples, target, output, advance)
        if output is None and exit_tokens:
            torch.set_num_threads(built[1].threads)  # the engine is closed
            result["exits"] = _fit_exits(settings, built[0], samples, exit_tokens, advance)
    show(result, as_json, _table)


def _recalibrate(settings: "Settings", target: Place | None, yes: bool, as_json: bool) -> None:
    """Show what would change, and adopt it if that is wanted."""
    from completer.cli import recalibrate

    found = recalibrate.Recalibration(settings, target)
    if as_json:
        file = str(found.adopt()) if yes else None
        show({**found.figures, "adopted": file}, as_json, recalibrate.table)
        return
    show(found.figures, as_json, recalibrate.table)
    if yes or typer.confirm("Adopt it?", default=found.refit.better):
        typer.echo(f"{found.adopt()}; `completer calibrate --undo` takes it back")


def calibrated(settings: "Settings") -> "Settings":
    """Let the calibration alone decide, and nothing be shown by chance."""
    plain = {"repository_weight": "auto", "min_acceptance": "auto", "exploration": 0.0}
    completion = settings.completion.model_copy(update=plain)
    return settings.model_copy(update={"completion": completion, "pure": False})


def _fit(
    settings: "Settings",
    built: "tuple[LoadedModel, Tuning]",
    samples: "list[Sample]",
    target: Place | None,
    output: Path | None,
    advance: Callable[[int, int], None],
) -> dict[str, Any]:
    """Fit, and adopt the result for `target` or write it to `output`.

    What is written to a file need not be better than what is in force, which may have been fitted
    to the same code.
    """
    from completer.calibration import Calibration, Calibrations, write
    from completer.cli.assembly import build_isolated
    from completer.evaluation.calibrating import Calibrating

    model, tuning = built
    saved = Calibrations(model, settings.calibration_folder)
    with build_isolated(model, tuning, settings, samples) as service:
        present = Calibration() if output is not None else saved.of(target)
        fitting = Calibrating(service, samples, present, advance)
        calibration, report = asyncio.run(fitting.run())
    if output is not None:
        write(output, replace(calibration, weights=model.digest))
    else:
        output = saved.adopt(target, calibration)
    return {"model": model.name, "file": str(output), **report}


def _fit_exits(
    settings: "Settings",
    model: "LoadedModel",
    samples: "list[Sample]",
    token_budget: int,
    advance: Callable[[int, int], None],
) -> dict[str, Any]:
    """Fit the model's exits and save what helps: adapters for drafting, gates for lossy exits."""
    from completer.calibration import Calibrations
    from completer.evaluation.exit_calibrating import fit_exits

    fitted = fit_exits(model, samples, token_budget, advance)
    if isinstance(fitted, str):
        return {"fitted": False, "reason": fitted}
    adapters, gates = Calibrations(model, settings.calibration_folder).exit_files
    fitted.adapters.save(adapters)
    fitted.gates.save(gates)
    return {"fitted": True, **fitted.figures}


def _undo(settings: "Settings", target: Place | None) -> dict[str, Any]:
    from completer.calibration import Calibrations
    from completer.cli.assembly import build_model

    model, _ = build_model(settings)
    return {"undone": str(Calibrations(model, settings.calibration_folder).undo(target))}


def _undone(result: dict[str, Any]) -> str:
    return f"{result['undone']}: as it was before"


def _table(result: dict[str, Any]) -> "Group":
    from rich.console import Group
    from rich.table import Table

    mixture, stopping = result["mixture"], result["stopping"]
    table = Table(title=f"{result['model']}, on files that were not fitted to", show_header=False)
    for name, value in (
        ("mixture", "used" if mixture["used"] else "not used: no certain gain"),
        (
            "exact match with it",
            f"{mixture['difference']:+.3f} ({mixture['low']:+.3f} to {mixture['high']:+.3f},"
            f" n={mixture['n']})",
        ),
        ("stop controller", "adopted" if stopping["adopted"] else "as before: no better"),
        ("answers, right ones", f"{stopping['n']}, {stopping['n_right']}"),
        ("Brier skill", f"{stopping['brier_skill']:.3f} (before: {stopping['before']})"),
        ("calibration error", f"{stopping['ece']:.3f}"),
        ("threshold", f"{stopping['threshold']:.3f} (beginnings: {stopping['cut_threshold']:.3f})"),
        ("shown", f"{stopping['shown_share']:.3f}"),
        (
            "right of these",
            f"{stopping['precision']:.3f} (of all: {stopping['precision_all']:.3f}, without"
            f" beginnings: {stopping['uncut']['precision']:.3f})",
        ),
        ("right ones lost", f"{stopping['good_lost_share']:.3f}"),
        (
            "right, wrong characters",
            f"{stopping['right_characters_kept']:.3f}, {stopping['wrong_characters_share']:.3f}"
            " of those without stopping",
        ),
        ("tokens of wrong ones saved", f"{stopping['wrong_compute_saved_share']:.3f}"),
    ):
        table.add_row(name, value)
    return Group(table, f"[dim]{result['file']}[/dim]", _exits_line(result.get("exits")))


def _exits_line(exits: dict[str, Any] | None) -> str:
    if exits is None:
        return ""
    if not exits["fitted"]:
        return f"Early exits: none, {exits['reason']}"
    kept = [str(each["layer"]) for each in exits["adapters"] if each["kept"]]
    helping = f"at {', '.join(kept)}" if kept else "nowhere"
    return f"Early exits, fitted on {exits['tokens']:,} tokens: adapters help {helping}"
