"""A corpus in volumes small enough to be carried to a machine without a network.

`python -m models.training.packing pack CORPUS FOLDER --mib 64` and `... unpack CORPUS VOLUME...`.
Each volume holds documents of every package, so that any of them alone is a smaller corpus.
"""

from __future__ import annotations

import argparse
import json
import lzma
import math
import os
import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter
from pathlib import Path
from tempfile import TemporaryDirectory

from models.training.corpus import MANIFEST, write_manifest
from models.training.shards import Group, Ids, Shard, ShardWriter

MIB = 1 << 20
EXPECTED_RATIO = 4.0  # of bytes of ids to packed bytes; 4.4 was measured for Python
BLOCK = 128 * MIB  # of ids that one thread packs
TRAIN = ("train.bin", "train.json")  # of which every volume has a part
ALIKE = ("held_out.bin", "held_out.json", "tokenizer.json")  # the same in every volume

# Ids are 16 bits wide: literals and matches are told apart by the byte of the two that they are.
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": 64 * MIB, "lc": 1, "lp": 1, "pb": 1}]


def pack(corpus: Path, folder: Path, most_bytes: int) -> list[Path]:
    """Write volumes of at most so many bytes each; returns their folders.

    Raises ValueError where even a volume with one document of each package would be larger.
    """
    shard = Shard(corpus, "train")
    count = max(1, math.ceil(2 * shard.tokens / EXPECTED_RATIO / most_bytes))
    while count <= max(1, max(group.last - group.first for group in shard.groups)):
        volumes = [folder / f"volume-{number}" for number in range(count)]
        for number, volume in enumerate(volumes):
            _write_volume(corpus, shard, volume, number, count)
        if max(map(_size, volumes)) <= most_bytes:
            return volumes
        for volume in volumes:
            shutil.rmtree(volume)
        count += 1
    raise ValueError(f"{corpus} does not fit into volumes of {most_bytes:,} bytes: allow more")


def unpack(volumes: Sequence[Path], corpus: Path) -> Path:
    """Merge volumes to one corpus folder; its manifest counts what they hold."""
    corpus.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=corpus) as scratch:
        folders = [Path(scratch) / str(number) for number in range(len(volumes))]
        for volume, folder in zip(volumes, folders, strict=True):
            _decompress(volume, folder)
        _merge([Shard(folder, "train") for folder in folders], corpus)
    for name in ALIKE:
        with lzma.open(volumes[0] / f"{name}.xz") as source, (corpus / name).open("wb") as target:
            shutil.copyfileobj(source, target)
    manifest = json.loads((volumes[0] / MANIFEST).read_text())
    write_manifest(corpus, {name: package["licence"] for name, package in manifest.items()})
    return corpus


def compress(content: bytes) -> bytes:
    """Pack bytes of uint16 ids, blocks of them on all cores."""
    blocks = [content[at : at + BLOCK] for at in range(0, len(content), BLOCK)] or [b""]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return b"".join(pool.map(lambda block: lzma.compress(block, filters=FILTERS), blocks))


def _write_volume(corpus: Path, shard: Shard, volume: Path, number: int, count: int) -> None:
    """Every `count`-th document of each group, and what all volumes have."""
    volume.mkdir(parents=True, exist_ok=True)
    writer = ShardWriter()
    with (volume / "train.bin").open("wb") as file:
        for group in shard.groups:
            kept = range(group.first + number, group.last, count)
            encoded = [(shard.paths[document], shard.document(document)) for document in kept]
            writer.add(file, group.name, group.language, encoded)
    writer.finish(volume / "train.json")
    for path in [*(volume / name for name in TRAIN), *(corpus / name for name in ALIKE)]:
        (volume / f"{path.name}.xz").write_bytes(compress(path.read_bytes()))
    for name in TRAIN:
        (volume / name).unlink()
    shutil.copy(corpus / MANIFEST, volume / MANIFEST)


def _decompress(volume: Path, folder: Path) -> None:
    folder.mkdir()
    for name in TRAIN:
        with lzma.open(volume / f"{name}.xz") as source, (folder / name).open("wb") as target:
            shutil.copyfileobj(source, target)


def _merge(shards: Sequence[Shard], corpus: Path) -> None:
    """Write one shard with the documents of several, those of each package together."""
    groups = defaultdict[tuple[str, str], list[tuple[Shard, Group]]](list)
    for shard in shards:
        for group in shard.groups:
            groups[group.name, group.language].append((shard, group))
    writer = ShardWriter()
    with (corpus / "train.bin").open("wb") as file:
        for (name, language), parts in groups.items():
            writer.add(file, name, language, sorted(_encoded(parts), key=itemgetter(0)))
    writer.finish(corpus / "train.json")


def _encoded(parts: Iterable[tuple[Shard, Group]]) -> Iterator[tuple[str, Ids]]:
    for shard, group in parts:
        for document in range(group.first, group.last):
            yield shard.paths[document], shard.document(document)


def _size(volume: Path) -> int:
    return sum(file.stat().st_size for file in volume.iterdir())


def main() -> None:
    """Read the command line, pack or unpack."""
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    packing = commands.add_parser("pack")
    packing.add_argument("corpus", type=Path, help="the corpus folder of a run")
    packing.add_argument("folder", type=Path, help="where to write the volumes")
    packing.add_argument("--mib", type=float, default=60.0, help="of a volume at most")
    unpacking = commands.add_parser("unpack")
    unpacking.add_argument("corpus", type=Path, help="where to write the corpus")
    unpacking.add_argument("volumes", type=Path, nargs="+")
    chosen = parser.parse_args()
    if chosen.command == "pack":
        for volume in pack(chosen.corpus, chosen.folder, int(chosen.mib * MIB)):
            print(volume)
    else:
        print(unpack(chosen.volumes, chosen.corpus))


if __name__ == "__main__":
    main()
