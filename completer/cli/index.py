"""`completer index`: build a workspace's draft index and say what is in it."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.cli.options import ConfigFlag, JsonFlag, ModelFlag, load
from completer.cli.printing import progress as progress_bar
from completer.context.workspace import Workspace
from completer.progress import progress
from models.source import check_source

if TYPE_CHECKING:
    from completer.drafting.indexing import IndexReport


def index(
    path: Annotated[Path, typer.Argument(help="Folder of code.", metavar="PATH")],
    with_dependencies: Annotated[
        bool, typer.Option("--with-dependencies", help="Installed packages that it imports, too.")
    ] = False,
    model: ModelFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Build, or bring up to date, the index that completions in PATH are drafted from.

    Servers do this by themselves; this shows size, files, tokens, time, and what was left out.
    """
    settings = load(config, model=model, with_dependencies=with_dependencies or None).settings
    progress.info("reading %s ...", path)
    location = check_source(settings.model.source)
    from completer.context.prompt import blind_to_marks
    from completer.drafting.compiled import COMPILING, is_first_start
    from completer.workspaces.draft_index import DraftIndex, index_options
    from completer.workspaces.repositories import workspace_options
    from models.loading import load_tokenizer

    tokenizer = load_tokenizer(location).backend_tokenizer
    workspace = Workspace(path, options=workspace_options(settings))
    if is_first_start():
        progress.info(COMPILING)
    built = DraftIndex(workspace, blind_to_marks(tokenizer), index_options(settings, workspace))
    with progress_bar("files") as advance:
        report = built.build(lambda files, _: advance(files, max(files, 1)))
    left_out = {str(reason): count for reason, count in workspace.left_out.most_common()}
    if as_json:
        typer.echo(json.dumps(_as_dict(report, left_out)))
    else:
        _print(workspace.root, report, workspace.left_out)


def _as_dict(report: "IndexReport", left_out: dict[str, int]) -> dict[str, Any]:
    return asdict(report) | {
        "bytes_per_token": report.nbytes / report.tokens if report.tokens else 0.0,
        "left_out": left_out,
    }


def _print(root: Path, report: "IndexReport", left_out: "Counter[Any]") -> None:
    typer.echo(
        f"{root}: {report.files:,} files, {report.tokens:,} tokens, {report.nbytes / 1e6:.1f} MB"
        f" ({report.nbytes / max(1, report.tokens):.1f} bytes a token)\n"
        f"read {report.read:,} files ({report.unchanged:,} unchanged, {report.removed:,} gone)"
        f" in {report.total_s:.2f} s: {report.tokenise_s:.2f} s to tokenise,"
        f" {report.sort_s:.2f} s to sort"
    )
    for reason, count in left_out.most_common():
        typer.echo(f"left out: {count:,} {reason}")
