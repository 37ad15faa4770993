"""`completer eval`: how good a model, or one beside another, is on a person's own code."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.cli.calibrate import calibrated
from completer.cli.options import (
    ConfigFlag,
    DeviceFlag,
    DtypeFlag,
    JsonFlag,
    ModelFlag,
    PureFlag,
    load,
)
from completer.cli.outputs import ForceFlag, check_output
from completer.cli.printing import progress, show
from completer.evaluation.kinds import Kind
from completer.place import local_place
from completer.settings import Settings

if TYPE_CHECKING:
    from rich.console import Group

    from completer.evaluation.figures import Examined
    from completer.evaluation.holdout import Sample
    from completer.evaluation.isolation import IsolatedService


def evaluate(
    repo: Annotated[
        list[Path], typer.Option("--repo", help="Folder of code; may be repeated.", metavar="PATH")
    ],
    n: Annotated[
        int, typer.Option("--n", min=1, help="Spans of each kind from each folder.", metavar="N")
    ] = 100,
    seed: Annotated[int, typer.Option(help="Draws files and carets.")] = 0,
    kinds: Annotated[
        list[Kind] | None, typer.Option(help="Which spans; may be repeated. Default: all.")
    ] = None,
    model: ModelFlag = None,
    compare: Annotated[
        str | None, typer.Option(help="A second model, on the same spans.", metavar="MODEL")
    ] = None,
    stopping: Annotated[
        bool,
        typer.Option(
            "--stopping", help="Judge the stop controller and the mixture instead of the model."
        ),
    ] = False,
    plot: Annotated[
        Path | None,
        typer.Option(help="With --stopping: draw the reliability diagram there.", metavar="PNG"),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(help="Write the first model's answers there, as JSON lines.", metavar="FILE"),
    ] = None,
    force: ForceFlag = False,
    dtype: DtypeFlag = None,
    compare_dtype: Annotated[
        str | None, typer.Option(help="The dtype to compare with.", metavar="DTYPE")
    ] = None,
    device: DeviceFlag = None,
    pure: PureFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Take spans out of files and let a model fill them in again.

    A quarter of the files are held out, and all spans are from these: neither an index nor a
    cache nor the context says what was taken out.
    """
    from completer.cli.judge import is_plot
    from completer.evaluation.figures import comparison, report
    from completer.evaluation.holdout import draw_sample

    roots = dict.fromkeys(map(local_place, repo))
    if stopping:
        settings = calibrated(load(config, model=model, device=device, dtype=dtype).settings)
        if plot is not None:
            check_output(plot, "an earlier diagram", is_plot, force=force)
        _judge(settings, list(roots), n, seed, plot, as_json)
        return
    if save is not None:
        check_output(save, "earlier answers", _is_saved, force=force)
    samples = [draw_sample(root, dict.fromkeys(kinds or Kind, n), seed) for root in roots]

    def examined(source: str | None, dtype: str | None) -> "Examined":
        settings = load(config, model=source, device=device, dtype=dtype, pure=pure).settings
        with progress(f"spans · {Path(settings.model.source).name}") as advance:
            return _examine(settings, samples, advance)

    first = examined(model, dtype)
    if save is not None:
        save.write_text("".join(f"{json.dumps(each.saved)}\n" for each in first.all_answers))
    result = report(first)
    if compare or compare_dtype:
        second = examined(compare or model, compare_dtype or dtype)
        result["compare"] = comparison(first, second)
    show(result, as_json, _tables)


def _is_saved(file: Path) -> bool:
    """Whether a file has such answers."""
    with file.open(errors="replace") as lines:
        return lines.readline(100).startswith('{"kind": ')


def _judge(
    settings: Settings, roots: Sequence[Path], n: int, seed: int, plot: Path | None, as_json: bool
) -> None:
    """Judge the calibration on spans as `completer calibrate` draws them."""
    from completer.cli import judge
    from completer.evaluation.calibrating import span_counts
    from completer.evaluation.holdout import draw_sample

    samples = [draw_sample(root, span_counts(n), seed) for root in roots]
    with progress(f"spans · {Path(settings.model.source).name}") as advance:
        result = judge.judge(settings, samples, advance)
    if plot is not None:
        judge.plot(result, plot)
    show(result, as_json, judge.tables)


def _examine(
    settings: Settings, samples: "Sequence[Sample]", advance: Callable[[int, int], None]
) -> "Examined":
    """Load a model and ask it for every span, one after the other."""
    from completer.cli.assembly import build_isolated, build_model
    from completer.evaluation.figures import Examined
    from completer.evaluation.run import answers
    from completer.evaluation.validity import Judge

    model, tuning = build_model(settings)
    done, total = 0, sum(len(sample.spans) for sample in samples)
    found = Examined(model.name, model.dtype_name, {str(sample.root): [] for sample in samples})

    async def ask(service: "IsolatedService") -> None:
        nonlocal done
        for sample in samples:
            async for answer in answers(service.complete, sample.root, sample.spans):
                valid = judge.of(answer.span, answer.text, sample.root)
                found.answers[str(sample.root)].append(replace(answer, validity=valid))
                done += 1
                advance(done, total)

    with build_isolated(model, tuning, settings, samples) as service, Judge() as judge:
        asyncio.run(ask(service))
    return found


def _tables(result: dict[str, Any]) -> "Group":
    from rich.console import Group

    models = [result, *([result["compare"]] if "compare" in result else [])]
    tables = [_table(_name(each), f"of {each['repo']}", each["spans"]) for each in models]
    if len(result["by_repo"]) > 1:
        tables += [
            _table(_name(each), f"of {repo}", spans)
            for each in models
            for repo, spans in each["by_repo"].items()
        ]
    if "compare" in result:
        tables.append(_paired_table(result))
    return Group(*tables)


def _name(result: dict[str, Any]) -> str:
    return f"{result['model']} ({result['dtype']})"


def _table(model: str, where: str, spans: dict[str, Any]) -> "Group":
    rows = [
        (
            kind.replace("_", " "),
            str(each["n"]),
            f"{each['exact_match']:.3f}",
            f"{each['low']:.3f}–{each['high']:.3f}",
            f"{each['edit_similarity']:.3f}",
            *(_share(each[name]) for name in ("parse", "names_exist", "right_held_back")),
            f"{each['tokens']:.1f}",
            f"{each['steps']:.1f}",
            f"{each['latency_ms']['p50']:.0f}",
            f"{each['latency_ms']['p95']:.0f}",
        )
        for kind, each in spans.items()
    ]
    columns = (
        "",
        "n",
        "exact",
        "95 %",
        "alike",
        "parse",
        "names",
        "held",
        "tokens",
        "steps",
        "p50",
        "p95",
    )
    return _rows(f"{model} on spans {where}; latency in ms", columns, rows)


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _paired_table(result: dict[str, Any]) -> "Group":
    rows = [
        (
            kind.replace("_", " "),
            str(each["n"]),
            f"{each['difference']:+.3f}",
            f"{each['low']:+.3f} to {each['high']:+.3f}",
            f"{each['only_first']} : {each['only_second']}",
            f"{each['p_value']:.2g}",
        )
        for kind, each in result["compare"]["paired"].items()
    ]
    title = f"{_name(result)} less {_name(result['compare'])}, exact match; p by McNemar"
    columns = ("", "n", "difference", "95 %", "right alone", "p")
    return _rows(title, columns, rows)


def _rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> "Group":
    """Lay rows out below a title, which may be wider: folders in it are not broken there."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=box.SIMPLE_HEAD, padding=(0, 0))
    for column in table.columns:
        column.no_wrap = True
        column.justify = "left" if column is table.columns[0] else "right"
    for row in rows:
        table.add_row(*row)
    return Group(Text(title, style="italic"), table)
