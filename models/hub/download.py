"""One large file, in as many goes as it takes: what has come stays, whoever is interrupted.

huggingface_hub 2 goes on with a broken download only until its process ends, and then throws away
what has come. So weights are fetched here, straight into its cache, which takes them over.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
from filelock import FileLock, Timeout
from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

from models.errors import ModelError

_Bar: Any = tqdm  # it says nothing of its types
_PATIENCE_S = 30.0
_TRIES = 4  # in a row that bring nothing


def download(url: str, headers: Mapping[str, str], part: Path, size: int) -> None:
    """Fetch the rest of a file of `size` bytes, of which `part` holds the beginning.

    Raises `ModelError` if somebody else is at it, and what httpx does if the network fails often.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    lock, name = FileLock(f"{part}.lock", timeout=0), url.rpartition("/")[2]
    try:
        with lock, _Bar(total=size, unit="B", unit_scale=True, desc=name) as bar:
            _in_goes(url, headers, part, size, bar)
    except Timeout:
        raise ModelError(f"Another process is fetching {name}.", hint="Wait for it.") from None
    Path(lock.lock_file).unlink(missing_ok=True)


def _in_goes(url: str, headers: Mapping[str, str], part: Path, size: int, bar: tqdm) -> None:
    left = _TRIES
    while (before := _length(part)) != size:
        bar.update(before - bar.n)
        try:
            _go_on(url, headers, part, size, bar)
        except httpx.TransportError:
            left = _TRIES if _length(part) > before else left - 1
            if not left:
                raise


def _go_on(url: str, headers: Mapping[str, str], part: Path, size: int, bar: tqdm) -> None:
    """One request: append what comes; begin anew where the server knows no ranges."""
    begin = _length(part) if _length(part) < size else 0
    asked = {**headers, "Accept-Encoding": "identity", "Range": f"bytes={begin}-"}
    options = {"headers": asked, "follow_redirects": True, "timeout": _PATIENCE_S}
    with httpx.stream("GET", url, **options) as answer:  # type: ignore[arg-type]
        answer.raise_for_status()
        goes_on = begin and answer.status_code == httpx.codes.PARTIAL_CONTENT
        with part.open("ab" if goes_on else "wb") as file:
            for chunk in answer.iter_raw():
                file.write(chunk)
                bar.update(len(chunk))


def _length(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0
