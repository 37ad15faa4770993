"""Token shards on disk: all documents' ids in one memory-mapped file, and their table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

Ids = npt.NDArray[np.uint16]
TESTS = "/tests"  # how the name of a group of tests ends
BATCH = 256  # documents encoded at a time


@dataclass(frozen=True)
class Document:
    """One source file on its way into a shard."""

    group: str
    path: str
    text: str


@dataclass(frozen=True)
class Group:
    """Documents drawn with one weight: a package's modules, or its tests."""

    name: str
    first: int  # index of the group's first document
    last: int  # index after its last
    tokens: int

    @property
    def tests(self) -> bool:
        """Whether the group is a package's tests."""
        return self.name.endswith(TESTS)

    @property
    def package(self) -> str:
        """The package's name."""
        return self.name.removesuffix(TESTS)


def write_shard(
    folder: Path, name: str, documents: Iterable[Document], tokenizer: Tokenizer
) -> None:
    """Encode documents, ordered by group, into `name.bin` (uint16 ids) and `name.json` (table)."""
    tokenizer.encode_special_tokens = True
    ends, paths, groups = [0], [], []
    with (folder / f"{name}.bin").open("wb") as file:
        for batch in _batches(documents):
            encodings = tokenizer.encode_batch_fast(
                [d.text for d in batch], add_special_tokens=False
            )
            for document, encoding in zip(batch, encodings, strict=True):
                file.write(np.asarray(encoding.ids, dtype=np.uint16).tobytes())
                ends.append(ends[-1] + len(encoding.ids))
                paths.append(document.path)
                groups.append(document.group)
    table = {"ends": ends, "paths": paths, "groups": [asdict(g) for g in _group(groups, ends)]}
    (folder / f"{name}.json").write_text(json.dumps(table))


class Shard:
    """Read access to a written shard; ids stay on disk until they are sliced."""

    def __init__(self, folder: Path, name: str) -> None:
        table = json.loads((folder / f"{name}.json").read_text())
        self.ends: npt.NDArray[np.int64] = np.asarray(table["ends"], dtype=np.int64)
        self.paths: list[str] = table["paths"]
        self.groups = [Group(**group) for group in table["groups"]]
        path = folder / f"{name}.bin"  # an empty file cannot be mapped
        self._ids: Ids = np.memmap(path, np.uint16, "r") if self.tokens else np.empty(0, np.uint16)

    def __len__(self) -> int:
        return len(self.paths)

    def document(self, index: int) -> Ids:
        """Ids of one document."""
        return self._ids[self.ends[index] : self.ends[index + 1]]

    @property
    def tokens(self) -> int:
        """Ids in all documents."""
        return int(self.ends[-1])


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    iterator = iter(documents)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _group(names: list[str], ends: list[int]) -> Iterator[Group]:
    first = 0
    for index in range(1, len(names) + 1):
        if index == len(names) or names[index] != names[first]:
            yield Group(names[first], first, index, ends[index] - ends[first])
            first = index
