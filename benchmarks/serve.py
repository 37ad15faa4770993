"""A server of its own, or a running one, under load."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from benchmarks.command import Given
from benchmarks.serve_load import put_under_load
from benchmarks.spans import whole_line_spans
from completer.cli.printing import grid, progress
from completer.context.workspace import Workspace
from completer.errors import CompleterError
from completer.place import local_place

LINES = 200
FIXED = 4  # tokens of a draft of a fixed length
STARTS_WITHIN_S = 300.0  # the first start on a device measures it
PROGRAM = "from completer.cli.app import main; main()"


class ServerFailedError(CompleterError):
    """A server did not start, or does not answer as a completer server does."""


def run(
    given: Given,
    *,
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
) -> dict[str, Any]:
    """Put a server under clients that type lines of held-out files and give up 30 % of them.

    Completions a second, latency, what was refused and cancelled, the server's memory; decoding
    apart from prompts. With --compare, servers take turns that draft as the load allows, not at
    all, and always four tokens.
    """
    root, files = given.root, given.split()
    spans = whole_line_spans(files.held_out, LINES, given.seed)
    with ExitStack() as stack:
        if url is None:
            copy = stack.enter_context(_copy_without(root, set(files.held_out)))
            code = copy / "code"
            spans = [replace(each, path=code / each.path.relative_to(root)) for each in spans]
            servers = _start(stack, copy, given, compare)
        else:
            servers = {"url": url.rstrip("/")}
        advance = stack.enter_context(progress("rounds"))
        levels = clients or [1, 4, 16, 64]
        return asyncio.run(put_under_load(servers, spans, levels, requests, given.seed, advance))


def _start(stack: ExitStack, copy: Path, given: Given, compare: bool) -> dict[str, str]:
    """Start the servers that take part; they share a cache with what was measured before."""
    cache = given.settings().cache_folder
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
    flags = {"--model": given.model, "--device": given.device, "--config": given.config}
    arguments = [str(word) for pair in flags.items() if pair[1] is not None for word in pair]
    arguments += ["--workspace", str(copy / "code")]
    return {
        name: stack.enter_context(
            running_server(arguments, environment | change, copy / f"{name}.log")
        )
        for name, change in list(kinds.items())[: None if compare else 1]
    }


@contextmanager
def _copy_without(root: Path, held_out: set[Path]) -> Iterator[Path]:
    """A temporary folder whose `code` is a copy of the files below `root`, save `held_out`."""
    with TemporaryDirectory(prefix="completer-benchmark-") as name:
        folder = local_place(Path(name))
        for file in Workspace(root).iter_files():
            if file.path not in held_out:
                to = folder / "code" / file.path.relative_to(root)
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file.path, to)
        yield folder


@contextmanager
def running_server(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[str]:
    """Run `completer serve` until the block ends; yields its address once its model is there.

    It is for this machine, and needs no person's token.
    Raises `ServerFailedError`, with the end of what it printed to `log`.
    """
    alone = {
        "COMPLETER_SERVER__HOST": "127.0.0.1",
        "COMPLETER_SERVER__TOKENS": str(log.with_name("no-tokens.json")),
    }
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603  this program itself
            [sys.executable, "-c", PROGRAM, "serve", "--port", "0", *arguments],
            env={**environment, **alone},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield _wait_until_ready(process, log)
    finally:
        process.terminate()
        process.wait(30)


def model_state(url: str) -> str:
    """Whether the model of a server is there. Raises `ServerFailedError` if nothing answers."""
    try:
        state: str = httpx.get(f"{url}/health", timeout=10).json().get("model", "ready")
    except (httpx.HTTPError, ValueError, AttributeError) as error:
        raise ServerFailedError(
            f"No server answers at {url}: {error}", hint="Start one with `completer serve`."
        ) from error
    return state


def _wait_until_ready(process: "subprocess.Popen[bytes]", log: Path) -> str:
    until = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until and process.poll() is None:
        found = re.search(r"http://[\d.]+:\d+", log.read_text(errors="replace"))
        if found and _is_ready(found.group()):
            return found.group()
        time.sleep(0.2)
    printed = log.read_text(errors="replace").strip().splitlines()[-10:]
    raise ServerFailedError("The server did not start.", hint="\n  ".join(printed))


def _is_ready(url: str) -> bool:
    """Whether a server's model is there."""
    try:
        return model_state(url) == "ready"
    except ServerFailedError:
        return False


def table(result: dict[str, Any]) -> Table:
    """Lay out what each server did under each number of clients."""
    rows = (
        (
            name,
            str(level),
            f"{figures['completions_per_s']:.2f}",
            "/".join(f"{ms:.0f}" for ms in figures["latency_ms"].values()),
            f"{figures['decode_tokens_per_s']:.0f}",
            f"{figures['decode_tokens_per_cpu_s']:.0f}",
            f"{figures['tokens_per_step']:.2f}",
            f"{figures['accepted']}/{figures['drafted']}",
            str(figures["refused"]),
            str(figures["cancelled"]),
        )
        for name, run in result["servers"].items()
        for level, figures in run["clients"].items()
    )
    columns = (
        *("server", "clients", "compl./s", "p50/p95/p99 ms", "decode tok/s", "tok/CPU s"),
        *("tok/step", "accepted", "refused", "given up"),
    )
    memory = "; ".join(
        f"{name} {run['resident_mb_before']} to {run['resident_mb_after']} MB"
        for name, run in result["servers"].items()
    )
    title = f"{result['requests']} requests for each number of clients"
    return grid(title, columns, rows, memory)
