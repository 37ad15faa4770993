"""A file in parts, for where only small files pass.

`python -m models.training.parts split FILE FOLDER` and `... join FILE FOLDER`.
"""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

PART = 15_500_000  # bytes
DIGEST = "sha256"


def split(file: Path, folder: Path, size: int = PART) -> list[Path]:
    """Write a file as parts of at most `size` bytes, and the digest of the whole."""
    folder.mkdir(parents=True, exist_ok=True)
    content, parts = file.read_bytes(), []
    for number, start in enumerate(range(0, len(content), size)):
        parts.append(folder / f"{file.name}.{number:03}")
        parts[-1].write_bytes(content[start : start + size])
    (folder / f"{file.name}.{DIGEST}").write_text(hashlib.sha256(content).hexdigest())
    return parts


def join(file: Path, folder: Path) -> None:
    """Put a file together again. Raises ValueError where a part is missing or damaged."""
    parts = sorted(folder.glob(f"{file.name}.[0-9][0-9][0-9]"))
    content = b"".join(part.read_bytes() for part in parts)
    expected = (folder / f"{file.name}.{DIGEST}").read_text()
    if hashlib.sha256(content).hexdigest() != expected:
        raise ValueError(
            f"the {len(parts)} parts of {file.name} in {folder} are not the whole file"
            " as it was: bring them again"
        )
    file.write_bytes(content)


def main() -> None:
    """Read the command line, split or join."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=["split", "join"])
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path, help="where the parts are, or are to be")
    chosen = parser.parse_args()
    (split if chosen.command == "split" else join)(chosen.file, chosen.folder)


if __name__ == "__main__":
    main()
