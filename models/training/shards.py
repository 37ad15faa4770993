"""Token shards on disk: all documents' ids in one memory-mapped file, and their table."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from models.training.languages import DEFAULT, language_of

Ids = npt.NDArray[np.uint16]
TESTS = "/tests"  # how the name of a group of tests ends
BATCH = 256  # documents encoded at a time
SEED = 1  # of what is kept of a package that is too large


@dataclass(frozen=True)
class Document:
    """One source file on its way into a shard."""

    group: str
    path: str
    text: str

    @property
    def kind(self) -> tuple[str, str]:
        """Documents of one kind are one group."""
        return self.group, language_of(self.path)


@dataclass(frozen=True)
class Caps:
    """The most tokens of a package, and of its tests, that enter a shard."""

    package: int
    tests: int


@dataclass(frozen=True)
class Group:
    """Documents drawn with one weight: a package's modules in one language, or its tests."""

    name: str
    first: int  # index of the group's first document
    last: int  # index after its last
    tokens: int
    language: str = DEFAULT

    @property
    def tests(self) -> bool:
        """Whether the group is a package's tests."""
        return self.name.endswith(TESTS)

    @property
    def package(self) -> str:
        """The package's name."""
        return self.name.removesuffix(TESTS)


def write_shard(
    folder: Path,
    name: str,
    documents: Iterable[Document],
    tokenizer: Tokenizer,
    caps: Caps | None = None,
) -> None:
    """Encode documents, ordered by kind, into `name.bin` (uint16 ids) and `name.json` (table).

    Of a group that is larger than its cap, whole documents are kept at random.
    """
    tokenizer.encode_special_tokens = True
    writer = ShardWriter()
    with (folder / f"{name}.bin").open("wb") as file:
        for (group, language), members in groupby(documents, key=lambda d: d.kind):
            encoded = [pair for batch in _batches(members) for pair in _encode(batch, tokenizer)]
            cap = caps and (caps.tests if group.endswith(TESTS) else caps.package)
            kept = within(encoded, cap) if cap else encoded
            writer.add(file, group, language, kept)
    writer.finish(folder / f"{name}.json")


def within(encoded: Sequence[tuple[str, Ids]], cap: int) -> list[tuple[str, Ids]]:
    """Whole documents of at most `cap` ids together, drawn at random, in their order."""
    order = list(range(len(encoded)))
    random.Random(SEED).shuffle(order)
    kept, room = list[int](), cap
    for index in order:
        if (size := len(encoded[index][1])) <= room:
            kept.append(index)
            room -= size
    return [encoded[index] for index in sorted(kept)]


class ShardWriter:
    """Appends groups of encoded documents to a file of ids and makes the table of it."""

    def __init__(self) -> None:
        self._ends = [0]
        self._paths: list[str] = []
        self._groups: list[Group] = []

    def add(
        self, file: BinaryIO, group: str, language: str, encoded: Sequence[tuple[str, Ids]]
    ) -> None:
        """Append one group's paths and ids; none at all if it is empty."""
        first, before = len(self._paths), self._ends[-1]
        for path, ids in encoded:
            file.write(ids.tobytes())
            self._ends.append(self._ends[-1] + len(ids))
            self._paths.append(path)
        if encoded:
            tokens = self._ends[-1] - before
            self._groups.append(Group(group, first, len(self._paths), tokens, language))

    def finish(self, path: Path) -> None:
        """Write the table."""
        groups = [asdict(group) for group in self._groups]
        table = {"ends": self._ends, "paths": self._paths, "groups": groups}
        path.write_text(json.dumps(table))


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

    def language(self, index: int) -> str:
        """The language of one document."""
        return language_of(self.paths[index])

    @property
    def tokens(self) -> int:
        """Ids in all documents."""
        return int(self.ends[-1])


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    iterator = iter(documents)
    while batch := list(islice(iterator, BATCH)):
        yield batch


def _encode(batch: list[Document], tokenizer: Tokenizer) -> Iterator[tuple[str, Ids]]:
    texts = [document.text for document in batch]
    encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    for document, encoding in zip(batch, encodings, strict=True):
        yield document.path, np.asarray(encoding.ids, dtype=np.uint16)
