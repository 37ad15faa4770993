"""The units of all regions of a shard, as two arrays on disk."""

from __future__ import annotations

import os
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from models.training.shards import Shard
from models.training.units import DEFINITIONS, PIECES, PackageUnits, Text, Unit, Units
from models.training.workers import end_with_parent, process_context

NONE = -1  # the document of a unit that is not there
FEW_TOKENS = 2_000_000  # of a shard that one process is done with sooner than several start

Table = npt.NDArray[np.int32]
Job = list[tuple[int, int]]  # first documents of a package's groups and those behind their last


class UnitTable:
    """Read access to a shard's units."""

    def __init__(self, folder: Path, name: str) -> None:
        self._units: Table = np.load(_units_path(folder, name), mmap_mode="r")
        self._first = np.load(_first_path(folder, name), mmap_mode="r")

    def at(self, document: int, place: float) -> Units:
        """What helps at a place of a document: 0 is its beginning, 1 its end."""
        first, last = int(self._first[document]), int(self._first[document + 1])
        region = min(first + int(place * (last - first)), last - 1)
        units = [Unit(*map(int, row)) for row in self._units[region]]
        definitions, pieces = units[:DEFINITIONS], units[DEFINITIONS:]
        return Units(_present(definitions), _present(pieces))


def write_units(folder: Path, name: str) -> None:
    """Find the units of a shard and write them, unless that was done before."""
    if _first_path(folder, name).exists():
        return
    shard = Shard(folder, name)
    tables = dict(pair for done in _all_packages(folder, name, shard) for pair in done)
    regions = [tables[document] for document in range(len(shard))]
    empty = np.empty((0, DEFINITIONS + PIECES, 3), np.int32)
    np.save(_units_path(folder, name), np.concatenate([empty, *regions]))
    np.save(_first_path(folder, name), np.cumsum([0, *map(len, regions)]))


def _all_packages(folder: Path, name: str, shard: Shard) -> list[list[tuple[int, Table]]]:
    packages: dict[str, Job] = defaultdict(list)
    for group in shard.groups:
        packages[group.package].append((group.first, group.last))
    jobs = sorted(packages.values(), key=lambda job: -sum(last - first for first, last in job))
    processes = min(len(jobs), os.cpu_count() or 1)
    if processes < 2 or shard.tokens < FEW_TOKENS:
        return [_one_package(folder, name, job) for job in jobs]
    context = process_context(__name__)
    with ProcessPoolExecutor(processes, context, end_with_parent) as pool:
        return [*pool.map(_one_package, *zip(*((folder, name, job) for job in jobs), strict=True))]


def _one_package(folder: Path, name: str, job: Job) -> list[tuple[int, Table]]:
    """The documents of one package, each with the units of its regions `[regions, units, 3]`."""
    shard, tokenizer = Shard(folder, name), Tokenizer.from_file(str(folder / "tokenizer.json"))
    numbers = [number for first, last in job for number in range(first, last)]
    texts = {number: read_text(shard, tokenizer, number) for number in numbers}
    package = PackageUnits(texts)
    return [(number, np.stack([_row(units) for units in package.of(number)])) for number in numbers]


def read_text(shard: Shard, tokenizer: Tokenizer, document: int) -> Text:
    """A document as text again."""
    ids = shard.document(document).tolist()
    content = tokenizer.decode(ids, skip_special_tokens=False).encode()
    return Text(content, shard.language(document))


def _row(units: Units) -> Table:
    row = np.full((DEFINITIONS + PIECES, 3), NONE, np.int32)
    for index, unit in [
        *enumerate(units.definitions),
        *enumerate(units.pieces, start=DEFINITIONS),
    ]:
        row[index] = unit
    return row


def _present(units: list[Unit]) -> list[Unit]:
    return [unit for unit in units if unit.document != NONE]


def _units_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.units.npy"


def _first_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.regions.npy"
