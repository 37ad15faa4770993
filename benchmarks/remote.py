"""How soon a repository is ready on another machine: mirrored, and its index built.

The server is a process of its own, reached over loopback by TLS. Timed is from opening the folder
until the server would draft from all of it: the first time, when another editor comes, and until a
file that was saved is there.
"""

import asyncio
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from benchmarks.elsewhere import elsewhere
from benchmarks.windows import home
from completer.cli.printing import grid
from completer.context.workspace import Workspace
from completer.engine_process.client import RemoteService
from completer.place import Place, local_place
from completer.remote.client import RemoteEngine
from completer.remote.mirror import FILES, read_list
from completer.request import CompletionRequest

if TYPE_CHECKING:
    from rich.table import Table

TOKENS = 650_000
BYTES_A_TOKEN = 3.6  # of Python, in the embedded model's vocabulary
WITHIN_S = 120.0


def run(
    *,
    corpus: Annotated[
        Path | None, typer.Option(help="Folder of code; default: what is installed here.")
    ] = None,
    tokens: Annotated[int, typer.Option(min=1, help="About so many of it.")] = TOKENS,
) -> dict[str, Any]:
    """Mirror a repository on a server over loopback, and have it indexed there."""
    with home() as environment, TemporaryDirectory() as folder:
        root = copied(corpus, Path(folder) / "repository", tokens)
        with elsewhere(environment, Path(folder)) as engine:
            mirrors = Path(environment["XDG_DATA_HOME"]) / "completer" / "mirrors"
            return asyncio.run(_measure(engine, root, mirrors))


def copied(corpus: Path | None, folder: Path, tokens: int) -> Place:
    """Copy about so many tokens of a folder of code, or of what is installed here."""
    workspace = Workspace(corpus or Path(sysconfig.get_path("purelib")))
    return _copy(workspace, folder, int(tokens * BYTES_A_TOKEN))


def _copy(workspace: Workspace, folder: Path, most_bytes: int) -> Place:
    """Copy Python files until there are so many bytes."""
    for file in workspace.iter_files():
        if file.language != "python" or (text := workspace.read(file.path)) is None:
            continue
        target = folder / workspace.relative(file.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        most_bytes -= file.size
        if most_bytes < 0:
            break
    return local_place(folder)


async def _measure(engine: RemoteEngine, root: Place, mirrors: Path) -> dict[str, Any]:
    service = RemoteService(engine, cache_bytes=0)
    await service.complete(CompletionRequest(prefix="x", max_tokens=1))
    files = list(Workspace(root).iter_files())
    expected = len(files)
    began = time.perf_counter()
    service.open_workspace(root)
    listed = await _until(lambda: _listed(mirrors) == expected)
    indexed = await _until_indexed(service, root, mirrors)
    saved = root / "just_saved.py"
    saved.write_text("just_saved = 1\n")
    changed = time.perf_counter()
    there = await _until(lambda: _listed(mirrors) == expected + 1)
    await service.close()
    return {
        "files": expected,
        "megabytes": sum(file.size for file in files) / 1e6,
        "seconds": {
            "mirrored": listed - began,
            "ready": indexed - began,
            "a saved file": there - changed,
        },
    }


async def _until_indexed(service: RemoteService, root: Place, mirrors: Path) -> float:
    """Wait until an answer says that the code was read, and the index was saved."""
    asked = CompletionRequest(prefix="x", path=root / "a.py", workspace=root, max_tokens=1)

    while not (await service.complete(asked)).indexed:
        await asyncio.sleep(0.01)
    return await _until(lambda: any(mirrors.rglob("index.json")))


async def _until(condition: Callable[[], bool]) -> float:
    """When a condition held, by the clock that times are measured with."""
    until = time.perf_counter() + WITHIN_S
    while not condition():
        if time.perf_counter() > until:
            raise TimeoutError("it did not come to that in time")
        await asyncio.sleep(0.01)
    return time.perf_counter()


def _listed(mirrors: Path) -> int:
    return sum(len(read_list(each.parent)) for each in mirrors.rglob(FILES))


def table(result: dict[str, Any]) -> "Table":
    """Lay the times out."""
    rows = [(name, f"{seconds:.2f}") for name, seconds in result["seconds"].items()]
    title = f"{result['files']} files, {result['megabytes']:.1f} MB"
    return grid(title, ("", "seconds"), rows)
