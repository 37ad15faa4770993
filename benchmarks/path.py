"""What one warm HTTP completion enters: modules, calls, and changes from one module to another.

The real application is asked in this process, without a socket: the request of the README, in its
workspace, once prompts like it have been answered and the repository's drafts are there. A profile
function counts in all threads; what runs in compiled kernels or in other processes is not seen.
"""

import asyncio
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import typer
from starlette.applications import Starlette

from completer.cli.options import ConfigFlag, DeviceFlag, ModelFlag, load
from completer.cli.printing import grid, progress
from completer.errors import CompleterError

if TYPE_CHECKING:
    from rich.table import Table

ROOT = Path(__file__).parent.parent
PACKAGES = ("completer", "lsp", "telemetry", "models")
WORKSPACE = ROOT / "examples"
FILE = WORKSPACE / "shop" / "store.py"
URL = "http://127.0.0.1:8012"
FEWEST_WARM_UPS = 3
RECORDING_S = 0.2  # telemetry is stored by other threads, after the reply
QUIET = 10  # calls within `RECORDING_S`: a thread that waits wakes up now and then
PATIENCE_S = 300.0  # until the model is loaded, its kernels compiled and the workspace indexed


class CallTrace:
    """A profile function that notes which of the program's modules each call enters.

    A call is a Python function's, or a generator's or coroutine's that goes on.
    """

    def __init__(self) -> None:
        self._counts = False
        self._modules: dict[CodeType, str | None] = {}
        self._entered: list[tuple[int, str]] = []  # thread and module of each call, in order

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        """Note a call; see `sys.setprofile`."""
        if not self._counts or event != "call":
            return
        code = frame.f_code
        if code not in self._modules:
            self._modules[code] = _module(code)
        module = self._modules[code]
        if module is not None:
            self._entered.append((threading.get_ident(), module))

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Have all threads profiled that are started in here."""
        threading.setprofile(self)
        try:
            yield
        finally:
            threading.setprofile(None)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count the calls of this thread and of those that were started while `watching`."""
        self._entered.clear()
        self._counts = True
        sys.setprofile(self)
        try:
            yield
        finally:
            sys.setprofile(None)
            self._counts = False

    def figures(self) -> dict[str, Any]:
        """Calls by module, most first, and how often a thread's next call is in another module."""
        threads: dict[int, list[str]] = {}
        for thread, module in self._entered:
            threads.setdefault(thread, []).append(module)
        calls = Counter(module for _, module in self._entered)
        names = {each.ident: each.name for each in threading.enumerate()}
        return {
            "modules": len(calls),
            "calls": len(self._entered),
            "changes": sum(a != b for each in threads.values() for a, b in pairwise(each)),
            "threads": {
                names.get(thread, str(thread)): {"modules": len(set(each)), "calls": len(each)}
                for thread, each in threads.items()
            },
            "calls_by_module": dict(calls.most_common()),
        }


def run(
    *,
    tokens: Annotated[int, typer.Option(min=1, help="The longest completion.")] = 16,
    model: ModelFlag = None,
    device: DeviceFlag = None,
    config: ConfigFlag = None,
) -> dict[str, Any]:
    """Trace one warm completion through the HTTP application: modules, calls, changes of module."""
    from completer.cli.front_door import build_recorder
    from completer.cli.wiring import http_options, start_service
    from completer.http.app import create_app

    trace = CallTrace()
    with TemporaryDirectory() as folder, trace.watching():
        settings = load(
            config,
            model=model,
            device=device,
            workspaces=[WORKSPACE],
            telemetry_folder=Path(folder),
        ).settings
        service, recorder = start_service(settings), build_recorder(settings)
        try:
            options = http_options(settings, exposed=False)
            app = create_app(service, recorder, options=options)
            return asyncio.run(measure(app, trace, tokens, PATIENCE_S))
        finally:
            service.close()
            recorder.close()


async def measure(
    app: Starlette, trace: CallTrace, tokens: int, patience_s: float
) -> dict[str, Any]:
    """Warm an application up, until it drafts or `patience_s` are over, and trace one request.

    Raises `CompleterError` if the request was answered without the model.
    """
    body = json.loads((WORKSPACE / "find_order.json").read_text("utf-8"))
    line = body["prompt"].rfind("\n")
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=URL, timeout=None) as client:  # noqa: S113
        await _warm_up(client, {**body, "prompt": body["prompt"][:line]}, patience_s)
        await _rest(trace, patience_s)
        with trace.counting():
            stats = await _ask(client, {**body, "max_tokens": tokens})
            await asyncio.sleep(RECORDING_S)
    if stats["cached"]:
        raise CompleterError("The traced request was answered from the cache.")
    cost = {name: stats[name] for name in ("prompt_tokens", "generated_tokens", "steps")}
    return {**trace.figures(), **cost}


async def _warm_up(client: httpx.AsyncClient, body: dict[str, Any], patience_s: float) -> None:
    """Ask for other lengths of a text until drafts are verified: then the index is there."""
    ends = time.monotonic() + patience_s
    with progress("warming up") as advance:
        for number in count(1):
            stats = await _ask(client, {**body, "max_tokens": 8 + number % 32})
            advance(number, number)
            if number >= FEWEST_WARM_UPS and (stats["drafted"] or time.monotonic() > ends):
                return
            await asyncio.sleep(0 if number < FEWEST_WARM_UPS else 0.5)


async def _rest(trace: CallTrace, patience_s: float) -> None:
    """Wait until nothing works in the background any more: what indexes goes on for a while."""
    ends = time.monotonic() + patience_s
    calls = QUIET
    while calls >= QUIET and time.monotonic() < ends:
        with trace.counting():
            await asyncio.sleep(RECORDING_S)
        calls = trace.figures()["calls"]


async def _ask(client: httpx.AsyncClient, body: dict[str, Any]) -> dict[str, Any]:
    reply = await client.post("/v1/completions", json=body, headers={"X-Completer-Path": str(FILE)})
    reply.raise_for_status()
    stats: dict[str, Any] = reply.json()["completer"]["stats"]
    return stats


def _module(code: CodeType) -> str | None:
    """Name the program's module that a function is from; `None` for all other code."""
    path = Path(code.co_filename)
    if not path.is_relative_to(ROOT):
        return None
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts) if parts[0] in PACKAGES else None


def table(result: dict[str, Any]) -> "Table":
    """Lay the modules out, those with the most calls first."""
    rows = ((name, f"{calls:,}") for name, calls in result["calls_by_module"].items())
    title = (
        f"{result['modules']} modules, {result['calls']:,} calls,"
        f" {result['changes']:,} changes of module in {len(result['threads'])} threads"
    )
    caption = f"{result['generated_tokens']} tokens in {result['steps']} steps after the prefill"
    return grid(title, ("module", "calls"), rows, caption)
