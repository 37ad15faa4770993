"""`completer status`, `stop`, `restart`, `logs`: the engines that editors share."""

import json
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from completer.cli.options import ConfigFlag, JsonFlag, load
from completer.engine_process.asking import described
from completer.engine_process.registration import (
    Registration,
    all_registered,
    digest_of,
    engine_settings,
    log_file,
    packed,
    registered,
    unregister,
)
from completer.errors import CompleterError
from completer.processes import runs

ENDS_WITHIN_S = 10.0
STARTS_WITHIN_S = 60.0
MEGABYTE = 1 << 20
LinesFlag = Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of the last lines.")]


def status(as_json: JsonFlag = False) -> None:
    """Show the engines that run, and for how many editors."""
    found = running()
    if as_json:
        typer.echo(json.dumps([told for _, told in found], ensure_ascii=False))
        return
    for _, told in found:
        typer.echo(_line(told))
    if not found:
        typer.echo("No engine runs; the next editor starts one.")


def stop() -> None:
    """End the engines that editors have started; the next request of an editor starts one again."""
    ending = [engine for engine, _ in running() if engine.lingers]
    for engine in ending:
        unregister(engine)
        with suppress(ProcessLookupError):
            os.kill(engine.pid, signal.SIGTERM)
    _wait_until(lambda: not any(described(each) for each in ending), ENDS_WITHIN_S)
    typer.echo(f"{len(ending)} ended." if ending else "No engine runs that an editor has started.")


def restart(config: ConfigFlag = None) -> None:
    """End the engines that editors have started, and start one for the settings as they are now."""
    from completer.engine_process.starting import start_engine

    stop()
    settings = engine_settings(load(config).settings)
    digest = digest_of(settings)
    process = start_engine(packed(settings), log_file(digest))

    def answers() -> bool:
        if process.poll() is not None:
            raise CompleterError("The engine does not start.", hint=f"Look at {log_file(digest)}.")
        engine = registered(digest)
        return engine is not None and described(engine) is not None

    if not _wait_until(answers, STARTS_WITHIN_S):
        raise CompleterError("The engine does not start.", hint=f"Look at {log_file(digest)}.")
    typer.echo(f"Engine {process.pid} runs.")


def logs(lines: LinesFlag = 50, config: ConfigFlag = None) -> None:
    """Show what the engine for your settings has said, and where that is kept."""
    file = log_file(digest_of(engine_settings(load(config).settings)))
    if not file.exists():
        raise CompleterError(f"There is no {file} yet.", hint="No editor has started an engine.")
    typer.echo(file, err=True)
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]:
        typer.echo(line)


def running() -> list[tuple[Registration, dict[str, Any]]]:
    """The engines that answer, and what they tell of themselves; others are forgotten."""
    found = []
    for engine in all_registered():
        if (told := described(engine)) is not None:
            found.append((engine, told))
        elif not runs(engine.pid):
            unregister(engine)
            if engine.socket:
                Path(engine.socket).unlink(missing_ok=True)
    return found


def _line(told: dict[str, Any]) -> str:
    minutes = (time.time() - told["since"]) / 60
    megabytes = sum(told["memory_bytes"].values()) / MEGABYTE
    folders = ", ".join(told["workspaces"]) or "none"
    why = f" ({told['failure']})" if told["failure"] else ""
    return (
        f"engine {told['pid']} · {told['version']} · {told['model']} on {told['device']},"
        f" {told['state']}{why} · {told['editors']} editors, {told['running']} requests"
        f" · {megabytes:.0f} MB held · {minutes:.0f} min · workspaces: {folders}"
    )


def _wait_until(condition: Callable[[], bool], within_s: float) -> bool:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.1)
    return False
