"""The saved index of one workspace: a folder with the sorted corpus, memory-mapped when it is
opened again.

`index.json` names the files, the arrays and their digests, and is put in place last, by a rename;
arrays never change once they are named by it. What does not fit this version, this tokenizer or its
own digests is not used: the index is then built anew. Pages are private: what a session strikes out
never reaches the disk. Token ids are readable source: nobody but their owner may read them.

Processes that have the same workspace open save its index one after the other.
"""

import hashlib
import json
import logging
import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from completer.drafting.corpus import Corpus, Stamp
from completer.drafting.suffix_array import DEPTH, SortedText, SuffixArray
from completer.place import Place
from completer.private_files import (
    FILE_MODE,
    make_private,
    new_private_file,
    private_folder,
    replace_private_file,
)

log = logging.getLogger(__name__)

VERSION = 5
LOCK_S = 60.0
_HEADER, _LOCK = "index.json", "index.lock"
_READS = 5  # before what another process keeps replacing is given up
_FOLDER = re.compile(r"[0-9a-f]{32}")
_OURS = re.compile(r"[0-9a-f]{32}\.(array|\d+)|index\.json\.\d+")
_UNKNOWN = Stamp(-1, -1, "")  # equals no file: it is read again


def index_folder(cache: Path, workspace: Place, tokenizer_digest: str) -> Path:
    """Return the folder in which the index of a workspace, under a tokenizer, is kept."""
    key = os.fsencode(workspace) + b"\0" + tokenizer_digest.encode()
    return cache / "index" / hashlib.sha256(key).hexdigest()[:32]


def save_index(corpus: Corpus, folder: Path, cleaned_by: str = "") -> None:
    """Write the files that stand in the corpus's array; those changed since its merge are left out.

    `cleaned_by` names the rules by which secrets were taken out of the texts. Raises OSError if the
    folder cannot be written, or if another process has been writing there for `LOCK_S` seconds.
    """
    private_folder(folder)
    make_private(folder)
    with FileLock(folder / _LOCK, timeout=LOCK_S, mode=FILE_MODE):
        _write(corpus, folder, cleaned_by)


def _write(corpus: Corpus, folder: Path, cleaned_by: str) -> None:
    with corpus.lock:
        array, files = corpus.array, list(corpus.sorted_files())
        text, rows = array.parts.text.copy(), array.parts.rows.copy()
    copied = SuffixArray(array.parts._replace(text=text, rows=rows))
    for _, begin, length, _ in files:  # what open documents hide; what was struck out stays dead
        copied.revive(begin, begin + length)
    arrays = {name: _write_array(folder, part) for name, part in copied.parts._asdict().items()}
    body = {
        "version": VERSION,
        "depth": DEPTH,
        "vocabulary": corpus.vocabulary_size,
        "cleaned_by": cleaned_by,
        "arrays": arrays,
        "files": [
            [name, begin, length, *astuple(stamp or _UNKNOWN)]
            for name, begin, length, stamp in files
        ],
    }
    written = json.dumps(body)
    header = folder / f"{_HEADER}.{os.getpid()}"
    with new_private_file(header) as file:
        file.write(json.dumps({"digest": _digest(written.encode()), "body": written}).encode())
    header.replace(folder / _HEADER)
    _remove_others(folder, {entry["file"] for entry in arrays.values()})


def load_index(
    corpus: Corpus, folder: Path, cleaned_by: str = "", called: Callable[[str], str] = str
) -> bool:
    """Start `corpus` from a saved index; return whether there was one that can be trusted.

    Its texts must have been cleaned by the rules that are in force. `called` says under which name
    each file counts, in the same order. Several corpora share the memory that none has changed.
    """
    for _ in range(_READS):
        try:
            body = _read_header(folder, corpus.vocabulary_size, cleaned_by)
            arrays = {name: _read_array(folder, entry) for name, entry in body["arrays"].items()}
            array = SuffixArray(SortedText(**arrays))
            files = [
                (called(name), begin, n, Stamp(*stamp)) for name, begin, n, *stamp in body["files"]
            ]
        except FileNotFoundError:
            if not (folder / _HEADER).exists():
                break
            continue  # another process has saved meanwhile: its header names other arrays
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.warning("the saved index in %s is not used, and built anew: %s", folder, error)
            break
        corpus.adopt(array, files)
        return True
    return False


def retire_indexes(cache: Path) -> None:
    """Remove indexes of earlier versions, which may hold secrets, and were for all to read.

    Those folders in `cache` are meant in which the files of an index of ours stand.
    """
    indexes = cache / "index"
    entries = list(indexes.iterdir()) if indexes.is_dir() else []
    for folder in entries:
        if _FOLDER.fullmatch(folder.name) and not folder.is_symlink():
            with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                _retire(folder)
    if entries and all(_FOLDER.fullmatch(folder.name) for folder in entries):
        with suppress(OSError):
            make_private(indexes)


def _retire(folder: Path) -> None:
    body = _read_body(folder)
    if body["version"] >= VERSION:
        return
    for entry in body["arrays"].values():
        file = folder / Path(entry["file"]).name
        if file.suffix == ".array":
            file.unlink(missing_ok=True)
    (folder / _HEADER).unlink()
    (folder / _LOCK).unlink(missing_ok=True)
    folder.rmdir()


def _read_header(folder: Path, vocabulary_size: int, cleaned_by: str) -> dict[str, Any]:
    """Return the header's body; raises ValueError if it is damaged or not for this program."""
    body = _read_body(folder)
    if (body["version"], body["depth"], body["vocabulary"]) != (VERSION, DEPTH, vocabulary_size):
        raise ValueError("it was written by another version or for another tokenizer")
    if body["cleaned_by"] != cleaned_by:
        raise ValueError("secrets were taken out of it by other rules")
    return body


def _read_body(folder: Path) -> dict[str, Any]:
    """Return what a header of any version says; raises ValueError if it is damaged."""
    header = json.loads((folder / _HEADER).read_text())
    if header["digest"] != _digest(header["body"].encode()):
        raise ValueError("the header is damaged")
    body: dict[str, Any] = json.loads(header["body"])
    return body


def _write_array(folder: Path, array: NDArray[Any]) -> dict[str, Any]:
    """Write an array under the name of its digest; return what is needed to read it."""
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    digest = _digest(data)
    path = folder / f"{digest[:32]}.array"
    replace_private_file(path, data)
    return {
        "file": path.name,
        "dtype": array.dtype.name,
        "shape": list(array.shape),
        "digest": digest,
    }


def _read_array(folder: Path, entry: dict[str, Any]) -> NDArray[Any]:
    """Map an array into memory, privately, and check it against its digest."""
    name = Path(entry["file"]).name
    array = np.memmap(folder / name, entry["dtype"], "c", shape=tuple(entry["shape"]))
    if _digest(array.reshape(-1).view(np.uint8).data) != entry["digest"]:
        raise ValueError(f"{name} is damaged")
    return np.asarray(array)


def _digest(data: bytes | memoryview) -> str:
    return hashlib.sha256(data).hexdigest()


def _remove_others(folder: Path, kept: set[str]) -> None:
    """Remove arrays and drafts of earlier saves; files with other names stay."""
    for path in folder.iterdir():
        if _OURS.fullmatch(path.name) and path.name not in kept:
            path.unlink(missing_ok=True)
