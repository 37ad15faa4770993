"""Language servers of several editor windows: memory and start-up, with a model each and thin.

Each window opens the same folder and asks for one completion. Thin servers share one engine, whose
memory is counted once. Sizes are of all processes together, as the system counts them: resident
memory, and its proportional part where pages are shared.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from completer.cli.printing import grid, progress
from completer.engine_process.asking import described
from completer.engine_process.registration import all_registered

if TYPE_CHECKING:
    from rich.table import Table

ROOT = Path(__file__).parent.parent
WORKSPACE = ROOT / "examples"
FILE = WORKSPACE / "shop" / "store.py"
KINDS = {"in process": ("--in-process",), "thin": ()}
KILOBYTES_A_MEGABYTE = 1024


@dataclass
class Window:
    """A language server, and how long it took to answer `initialize`."""

    process: subprocess.Popen[bytes]
    start_ms: float = 0.0
    start_cpu_ms: float = 0.0

    def ask(self, number: int, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        self.tell(method, params, id=number)
        while (message := self._read()).get("id") != number or "method" in message:
            pass
        return message

    def tell(self, method: str, params: dict[str, Any], **more: object) -> None:
        """Send a message."""
        message = {"jsonrpc": "2.0", "method": method, "params": params, **more}
        data = json.dumps(message).encode()
        if self.process.stdin is not None:
            self.process.stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))
            self.process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        stdout = self.process.stdout
        if stdout is None or not (header := stdout.readline()):
            raise EOFError("the language server has ended")
        while stdout.readline().strip():
            pass
        message: dict[str, Any] = json.loads(stdout.read(int(header.partition(b":")[2])))
        return message


def run(
    *,
    windows: Annotated[
        list[int] | None, typer.Option(min=1, help="How many windows; may be repeated.")
    ] = None,
    thin_only: Annotated[bool, typer.Option("--thin-only", help="Leave out the others.")] = False,
) -> dict[str, Any]:
    """Open several editor windows: memory and start-up of their language servers."""
    counts = windows or [1, 3, 6]
    kinds = [(name, n) for n in counts for name in KINDS if name == "thin" or not thin_only]
    results = []
    with progress("windows") as advance:
        for number, (name, count) in enumerate(kinds):
            results.append({"kind": name, "windows": count, **_measure(KINDS[name], count)})
            advance(number + 1, len(kinds))
    return {"results": results}


def _measure(flags: tuple[str, ...], count: int) -> dict[str, Any]:
    with home() as environment, ExitStack() as stack:
        windows = []
        for _ in range(count):
            windows.append(stack.enter_context(window(flags, environment)))
            _complete(windows[-1])
        engines = _engines(environment)
        pids = [each.process.pid for each in windows]
        return {
            "start_ms": round(median(each.start_ms for each in windows)),
            "start_cpu_ms": round(median(each.start_cpu_ms for each in windows)),
            "engines": len(engines),
            "server_mb": round(sum(_megabytes(pid, "Rss") for pid in pids) / count),
            "all_mb": round(sum(_megabytes(pid, "Rss") for pid in [*pids, *engines])),
            "all_proportional_mb": round(sum(_megabytes(pid, "Pss") for pid in [*pids, *engines])),
        }


@contextmanager
def home() -> Iterator[dict[str, str]]:
    """An environment with folders of its own but for caches; its engines end with it."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        names = ("RUNTIME_DIR", "STATE_HOME", "DATA_HOME", "CONFIG_HOME")
        own = {f"XDG_{name}": str(Path(folder) / name.lower()) for name in names}
        Path(own["XDG_RUNTIME_DIR"]).mkdir(mode=0o700)
        environment = {**os.environ, **own}
        yield environment
        command = [sys.executable, "-m", "completer", "stop"]
        subprocess.run(command, env=environment, capture_output=True, check=False)  # noqa: S603


@contextmanager
def window(flags: tuple[str, ...], environment: dict[str, str]) -> Iterator[Window]:
    """Start a language server and open the folder in it."""
    command = [sys.executable, "-m", "completer", "lsp", *flags]
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603  this program itself
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        opened = Window(process)
        folders = [{"uri": WORKSPACE.as_uri(), "name": WORKSPACE.name}]
        params: dict[str, Any] = {"processId": None, "rootUri": None, "capabilities": {}}
        opened.ask(1, "initialize", {**params, "workspaceFolders": folders})
        opened.start_ms = 1000 * (time.perf_counter() - began)
        opened.start_cpu_ms = _cpu_ms(process.pid)
        opened.tell("initialized", {})
        try:
            yield opened
        finally:
            process.kill()


def _complete(opened: Window) -> None:
    text = FILE.read_text(encoding="utf-8")
    item = {"uri": FILE.as_uri(), "languageId": "python", "version": 1, "text": text}
    opened.tell("textDocument/didOpen", {"textDocument": item})
    lines = text.split("\n")
    asked = {
        "textDocument": {"uri": FILE.as_uri()},
        "position": {"line": len(lines) - 2, "character": len(lines[-2])},
        "context": {"triggerKind": 1},
    }
    opened.ask(2, "textDocument/inlineCompletion", asked)


def _engines(environment: dict[str, str]) -> list[int]:
    os.environ["XDG_RUNTIME_DIR"] = environment["XDG_RUNTIME_DIR"]
    return [engine.pid for engine in all_registered() if described(engine) is not None]


def _megabytes(pid: int, kind: str) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{kind}:"):
            return int(line.split()[1]) / KILOBYTES_A_MEGABYTE
    return 0.0


def _cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def table(result: dict[str, Any]) -> "Table":
    """Lay the windows out."""
    columns = (
        "windows", "language servers", "start, ms", "start, ms of processor", "each, MB",
        "all, MB", "all, MB proportionally",
    )  # fmt: skip
    names = (
        "windows", "kind", "start_ms", "start_cpu_ms", "server_mb", "all_mb", "all_proportional_mb"
    )  # fmt: skip
    rows = (tuple(f"{each[name]}" for name in names) for each in result["results"])
    return grid("language servers of editor windows", columns, rows)
