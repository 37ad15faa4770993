"""What a clone of a team's repository costs a server, beside one that is nobody's.

Each index is built in turn from a mirror with the same files, of which some are changed: how long
that takes, and how much memory it dirties that no other index of this process has.
"""

import gc
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer
from tokenizers import Tokenizer

from benchmarks.remote import TOKENS, copied
from completer.cli.printing import grid
from completer.context.workspace import Workspace
from completer.drafting.memory import release_memory
from completer.place import Place
from completer.private_files import private_folder
from completer.remote.mirror import TEXTS, Mirror, write_list, write_team
from completer.remote.names import mirrored
from completer.settings import Settings
from completer.workspaces.draft_index import DraftIndex, index_options
from models.source import BUNDLED_FOLDER

if TYPE_CHECKING:
    from rich.table import Table

CHANGED = (0, 1, 10)
KILOBYTE = 1 << 10


def run(
    *,
    corpus: Annotated[
        Path | None, typer.Option(help="Folder of code; default: what is installed here.")
    ] = None,
    tokens: Annotated[int, typer.Option(min=1, help="About so many of it.")] = TOKENS,
    rounds: Annotated[int, typer.Option(min=1, help="How often each is built, in turns.")] = 3,
) -> dict[str, Any]:
    """Index mirrors of one repository, by themselves and as clones of a team's."""
    with TemporaryDirectory() as folder:
        root = copied(corpus, Path(folder) / "repository", tokens)
        settings = Settings(cache_folder=Path(folder) / "cache")
        tokenizer = Tokenizer.from_file(str(BUNDLED_FOLDER / "tokenizer.json"))
        team = Workspace(root)
        DraftIndex(team, tokenizer, index_options(settings, team)).build()
        rows = []
        for number in range(rounds):
            mirrors = Path(folder) / f"mirrors-{number}"
            alone = _mirror(team, mirrors / "alone", None, changed=0)
            rows.append(_measure("by itself", alone, tokenizer, settings))
            for changed in CHANGED:
                clone = _mirror(team, mirrors / f"clone-{changed}", root, changed=changed)
                rows.append(_measure(f"{changed} files changed", clone, tokenizer, settings))
        return {"rows": rows}


def _mirror(team: Workspace, person: Path, root: Place | None, *, changed: int) -> Mirror:
    """A person's mirror of the repository, as a clone of the one in `root` if there is one."""
    folder = person / "clone"
    private_folder(folder)
    private_folder(person / TEXTS)
    files = []
    for number, file in enumerate(team.iter_files()):
        text = (team.read(file.path) or "") + "\nchanged = True\n" * (number < changed)
        files.append(mirrored(team.relative(file.path), text, whole=True))
        (person / TEXTS / files[-1].digest).write_bytes(text.encode())
    write_list(folder, files)
    write_team(folder, root)
    return Mirror(folder)


def _measure(
    name: str, mirror: Mirror, tokenizer: Tokenizer, settings: Settings
) -> dict[str, str | int | float]:
    before, began = _own_bytes(), time.perf_counter()
    index = DraftIndex(mirror, tokenizer, index_options(settings, mirror))
    report = index.build()
    found: dict[str, str | int | float] = {
        "mirror": name,
        "seconds": time.perf_counter() - began,
        "tokenised": report.tokenised,
        "own_megabytes": (_own_bytes() - before) / 1e6,
        "index_megabytes": index.drafter.nbytes / 1e6,
    }
    index.close()
    return found


def _own_bytes() -> int:
    """Bytes of memory that this process has changed, and shares with no file; Linux alone tells."""
    gc.collect()
    release_memory()
    lines = Path("/proc/self/smaps_rollup").read_text().split("\n")
    (line,) = (each for each in lines if each.startswith("Private_Dirty:"))
    return int(line.split()[1]) * KILOBYTE


def table(result: dict[str, Any]) -> "Table":
    """Lay the medians out, each mirror a row."""
    names = list(dict.fromkeys(row["mirror"] for row in result["rows"]))

    def median(name: str, figure: str) -> float:
        found = sorted(row[figure] for row in result["rows"] if row["mirror"] == name)
        return float(found[len(found) // 2])

    rows = [
        (
            name,
            f"{median(name, 'seconds'):.2f}",
            f"{median(name, 'tokenised'):,.0f}",
            f"{median(name, 'own_megabytes'):.1f}",
        )
        for name in names
    ]
    megabytes = median(names[0], "index_megabytes")
    return grid(
        f"indexes of {megabytes:.1f} MB", ("mirror", "seconds", "tokenised", "MB of its own"), rows
    )
