"""The folder of a run: whose it is, before anything is written into it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from models.training.checkpoint import NAME

MARKER: Final = ".completer-run"
_WRITTEN: Final = ("corpus", "export", "figures.json", "log.jsonl", NAME, f"{NAME}.partial")
_OLDER_RUNS: Final = (("corpus/manifest.json", "corpus/tokenizer.json"), ("log.jsonl", NAME))


def claim(folder: Path) -> None:
    """Make a run's folder, or go on with one that is there.

    Raises FileExistsError if a run would write over what is no run's.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not _is_run(folder):
        taken = [name for name in _WRITTEN if (folder / name).exists()]
        if taken:
            raise FileExistsError(
                f"{folder} holds {', '.join(taken)} and is not a run: name another folder"
            )
    (folder / MARKER).touch()


def _is_run(folder: Path) -> bool:
    if (folder / MARKER).exists():
        return True
    # Runs from before there was a marker.
    return any(all((folder / name).exists() for name in names) for names in _OLDER_RUNS)
