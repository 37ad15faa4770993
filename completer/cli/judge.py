"""`completer eval --stopping`: how good the stop controller's probability is, and what it saves."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from completer.errors import CompleterError

if TYPE_CHECKING:
    from rich.console import Group

    from completer.engine.tuning import Tuning
    from completer.evaluation.holdout import Sample
    from completer.settings import Settings
    from models.loading import LoadedModel

SPECULATED = 120  # prompts
_SOFTWARE = "completer eval --stopping"


def judge(
    settings: "Settings", samples: "Sequence[Sample]", advance: Callable[[int, int], None]
) -> dict[str, Any]:
    """Ask for every span, to its end, and see what the saved calibration makes of the answers."""
    from completer.calibration import Calibrations
    from completer.cli.assembly import build_isolated, build_model
    from completer.evaluation.judging import Judging

    model, tuning = build_model(settings)
    saved = Calibrations(model, settings.calibration_folder).of
    with build_isolated(model, tuning, settings, samples) as service:
        judged = asyncio.run(Judging(service, samples, saved, advance).run())
    speculating = _self_speculation(settings, model, tuning, samples, advance)
    return {"model": model.name, **judged, "self_speculation": speculating}


def _self_speculation(
    settings: "Settings",
    model: "LoadedModel",
    tuning: "Tuning",
    samples: "Sequence[Sample]",
    advance: Callable[[int, int], None],
) -> dict[str, Any]:
    """Decode with and without drafts by the first layers, in turns on the same prompts."""
    from completer.cli.assembly import build_pair
    from completer.evaluation.kinds import Kind
    from completer.evaluation.spans import draw_spans
    from completer.request import CompletionRequest
    from completer.serving.generation import prompt_builder

    sources = list(dict.fromkeys(span.source for sample in samples for span in sample.spans))
    usable = [text for sample in samples for text in sample.usable_texts()]
    builder = prompt_builder(model, settings)
    prompts = [
        builder.build(CompletionRequest(prefix=span.prefix, suffix=span.suffix))
        for span in draw_spans(sources, Kind.REST_OF_LINE, SPECULATED, 0)
    ]
    with closing(build_pair(model, tuning, settings, usable)) as pair:
        return pair.compare(model, prompts, advance)


def plot(result: dict[str, Any], file: Path) -> None:
    """Draw the reliability diagram into a PNG file. Raises `CompleterError` without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise CompleterError(
            "matplotlib is not installed.", hint="Run: pip install 'completer[calibrate]'"
        ) from error
    figure = Figure(figsize=(5, 5), layout="tight")
    axes = figure.add_subplot()
    top = 1.05 * max(max(each["predicted"], each["observed"]) for each in result["bins"])
    axes.plot([0, top], [0, top], color="grey", linewidth=1, linestyle="--")
    axes.plot(
        [each["predicted"] for each in result["bins"]],
        [each["observed"] for each in result["bins"]],
        marker="o",
    )
    axes.set(
        xlabel="probability of being accepted",
        ylabel="share that is right",
        title=f"{result['model']}: ECE {result['ece']:.3f}, n={result['n']}",
        xlim=(0, top),
        ylim=(0, top),
    )
    figure.savefig(file, format="png", dpi=150, metadata={"Software": _SOFTWARE})


def is_plot(file: Path) -> bool:
    """Whether a file is such a diagram."""
    try:
        with file.open("rb") as image:
            return _SOFTWARE.encode() in image.read(1000)
    except OSError:
        return False


def tables(result: dict[str, Any]) -> "Group":
    """Lay the figures out for a person."""
    from rich import box
    from rich.console import Group
    from rich.table import Table

    title = (
        f"{result['model']}: {result['n']} answers, {result['n_right']} right;"
        f" ECE {result['ece']:.3f}, Brier skill {result['brier_skill']:.3f}"
    )
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    columns = (
        "threshold",
        "shown",
        "right of these",
        "right ones lost",
        "right kept",
        "wrong tokens saved",
    )
    for column in columns:
        table.add_column(column, justify="right")
    for each in result["thresholds"]:
        mark = " *" if each["threshold"] == result["default_threshold"] else ""
        table.add_row(
            f"{each['threshold']:.3f}{mark}",
            f"{each['shown_share']:.3f}",
            f"{each['precision']:.3f}",
            f"{each['good_lost_share']:.3f}"
            f" ({each['good_lost_low']:.3f}–{each['good_lost_high']:.3f})",
            f"{each['right_kept']:.3f}",
            f"{each['wrong_compute_saved_share']:.3f}",
        )
    return Group(
        table,
        "[dim]* the threshold in use; right kept: with beginnings of wrong answers[/dim]",
        *_mixture_lines(result["mixture"]),
        _speculation_line(result["self_speculation"]),
    )


def _speculation_line(found: dict[str, Any]) -> str:
    ratio = found["speed_ratio"]
    return (
        f"Drafts by the first layers: {'in use' if found['active'] else 'off'}, {found['reason']};"
        f" decoding {ratio['value']:.2f}x as fast with them ({ratio['low']:.2f} to"
        f" {ratio['high']:.2f})"
    )


def _mixture_lines(mixture: dict[str, Any]) -> list[str]:
    if not mixture["n"]:
        return ["No mixture is in use."]
    everything = {"exact match, rest of line": mixture, **mixture["by_repo"]}
    return [
        f"{Path(name).name}: {each['exact_match_with']:.3f} with the repository mixed in,"
        f" {each['exact_match_without']:.3f} without"
        f" (gain {each['gain_low']:+.3f} to {each['gain_high']:+.3f}, n={each['n']})"
        for name, each in everything.items()
    ]
