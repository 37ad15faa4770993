"""`completer bench serve`: a server of its own, or a running one, under load."""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.bench.quiet import suspended_training
from completer.cli.bench import CorpusFlag, HeldOutFlag, SeedFlag, progress, show
from completer.cli.options import ConfigFlag, DeviceFlag, JsonFlag, ModelFlag, load
from completer.place import local_place

if TYPE_CHECKING:
    from completer.bench.spans import Span

LINES = 200
FIXED = 4  # tokens of a draft of a fixed length
COLUMNS = (
    "server",
    "clients",
    "compl./s",
    "p50/p95/p99 ms",
    "decode tok/s",
    "tok/CPU s",
    "tok/step",
    "accepted",
    "refused",
    "given up",
)


def serve(
    url: Annotated[
        str | None, typer.Option(help="A running server; default: one of its own.", metavar="URL")
    ] = None,
    clients: Annotated[
        list[int] | None, typer.Option(min=1, help="May be repeated. Default: 1, 4, 16, 64.")
    ] = None,
    requests: Annotated[
        int, typer.Option(min=1, help="Requests to each server for each number of clients.")
    ] = 200,
    compare: Annotated[
        bool, typer.Option("--compare", help="Beside no drafts and drafts of a fixed length.")
    ] = False,
    corpus: CorpusFlag = None,
    held_out: HeldOutFlag = 24,
    seed: SeedFlag = 0,
    model: ModelFlag = None,
    device: DeviceFlag = None,
    config: ConfigFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Put a server under clients that type lines of held-out files and give up 30 % of them.

    Completions a second, latency, what was refused and cancelled, the server's memory; decoding
    apart from prompts. With --compare, servers take turns that draft as the load allows, not at
    all, and always four tokens.
    """
    import asyncio

    from completer.bench.serve import bench_serve
    from completer.bench.spans import default_corpus, split, whole_line_spans

    root = local_place(corpus or default_corpus())
    files = split(root, held_out=held_out, seed=seed)
    spans = whole_line_spans(files.held_out, LINES, seed)
    flags = _flags({"--model": model, "--device": device, "--config": config})
    with ExitStack() as stack:
        stack.enter_context(suspended_training())
        if url is None:
            copy = stack.enter_context(_copy_without(root, set(files.held_out)))
            spans = [_moved(span, root, copy / "code") for span in spans]
            servers = _start(stack, copy, flags, load(config).settings.cache_folder, compare)
        else:
            servers = {"url": url.rstrip("/")}
        advance = stack.enter_context(progress("rounds"))
        levels = clients or [1, 4, 16, 64]
        result = asyncio.run(bench_serve(servers, spans, levels, requests, seed, advance))
    show(result, as_json, table)


def table(result: dict[str, Any]) -> Any:  # noqa: ANN401  rich is loaded late
    """Lay the result out for a person."""
    from rich.table import Table

    memory = "; ".join(
        f"{name} {run['resident_mb_before']} to {run['resident_mb_after']} MB"
        for name, run in result["servers"].items()
    )
    laid_out = Table(
        title=f"{result['requests']} requests for each number of clients", caption=memory
    )
    for column in COLUMNS:
        laid_out.add_column(column, justify="right")
    for name, run in result["servers"].items():
        for level, figures in run["clients"].items():
            latency = "/".join(f"{ms:.0f}" for ms in figures["latency_ms"].values())
            laid_out.add_row(
                name,
                str(level),
                f"{figures['completions_per_s']:.2f}",
                latency,
                f"{figures['decode_tokens_per_s']:.0f}",
                f"{figures['decode_tokens_per_cpu_s']:.0f}",
                f"{figures['tokens_per_step']:.2f}",
                f"{figures['accepted']}/{figures['drafted']}",
                str(figures["refused"]),
                str(figures["cancelled"]),
            )
    return laid_out


def _start(
    stack: ExitStack, copy: Path, flags: list[str], cache: Path, compare: bool
) -> dict[str, str]:
    """Start the servers that take part; they share a cache with what was measured before."""
    from completer.bench.server_process import running_server

    if (cache / "tuning").is_dir():
        shutil.copytree(cache / "tuning", copy / "cache" / "tuning")
    environment = os.environ | {
        "COMPLETER_CACHE_FOLDER": str(copy / "cache"),
        "COMPLETER_TELEMETRY__FOLDER": str(copy / "telemetry"),
    }
    from_repository_only = {"COMPLETER_DRAFTING__SELF_SPECULATION": "false"}
    kinds = {
        "auto": {},
        "none": from_repository_only | {"COMPLETER_DRAFTING__ENABLED": "false"},
        f"fixed {FIXED}": from_repository_only | {"COMPLETER_ENGINE__DRAFT_TOKENS": str(FIXED)},
    }
    arguments = ["--workspace", str(copy / "code"), *flags]
    return {
        name: stack.enter_context(
            running_server(arguments, environment | change, copy / f"{name}.log")
        )
        for name, change in list(kinds.items())[: None if compare else 1]
    }


@contextmanager
def _copy_without(root: Path, held_out: set[Path]) -> Iterator[Path]:
    """A temporary folder whose `code` is a copy of the files below `root`, save `held_out`."""
    from completer.context.workspace import Workspace

    with TemporaryDirectory(prefix="completer-bench-") as name:
        folder = local_place(Path(name))
        for file in Workspace(root).iter_files():
            if file.path not in held_out:
                to = folder / "code" / file.path.relative_to(root)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.path, to)
        yield folder


def _moved(span: "Span", root: Path, to: Path) -> "Span":
    return replace(span, path=to / span.path.relative_to(root))


def _flags(given: dict[str, object]) -> list[str]:
    return [str(word) for pair in given.items() if pair[1] is not None for word in pair]
