"""What stands in front of an example: parts of other files that help, then its own path."""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache

import numpy as np
from tokenizers import Tokenizer

from models.training.shards import Group, Shard
from models.training.tokenizer import FILE, REPOSITORY, encode, mark_id
from models.training.unit_table import UnitTable, read_text
from models.training.units import PIECE, Unit, Units

REMEMBERED = 400  # documents
PIECE_SHARE = 0.7  # of the examples get a piece like the text, where there is one
FIRST_SHARE = 0.3  # of the pieces stand first and not, as the best, last
STRANGER_SHARE = 0.3  # of the other examples get a piece that does not help
Block = tuple[int, str]  # a document and what is shown of it


class RepositoryContext:
    """Lays out other files as the product does.

    `<|repo_name|>package`, for each other file `<|file_sep|>path⏎part⏎`, the best one last, and at
    the end, whether or not there are others, `<|file_sep|>path⏎` of the file to complete.
    """

    def __init__(self, shard: Shard, tokenizer: Tokenizer, table: UnitTable | None) -> None:
        self._shard = shard
        self._tokenizer = tokenizer
        self._table = table
        self._repository = mark_id(tokenizer, REPOSITORY)
        self._file = mark_id(tokenizer, FILE)
        self._content = lru_cache(REMEMBERED)(self._read)

    def own_path(self, document: int) -> list[int]:
        """What stands last before the text of a document."""
        return self._headed(self._shard.paths[document])

    def other_files(
        self, group: Group, document: int, place: float, room: int, rng: np.random.Generator
    ) -> list[int]:
        """At most `room` ids about other files for a place (0 to 1) in a document."""
        units = self._table.at(document, place) if self._table else Units([], [])
        blocks = self._definitions(units.definitions, rng)
        if units.pieces and rng.random() < PIECE_SHARE:
            piece = units.pieces[int(rng.integers(len(units.pieces)))]
            at = 0 if rng.random() < FIRST_SHARE else len(blocks)
            blocks.insert(at, (piece.document, self._part(piece)))
        elif rng.random() < STRANGER_SHARE:
            blocks += self._stranger(group, document, rng)
        name = [self._repository, *encode(self._tokenizer, group.package)]
        ids = self._fitting(blocks, room - len(name))
        return [*name, *ids] if ids else []

    def _definitions(self, units: list[Unit], rng: np.random.Generator) -> list[Block]:
        """Some of the definitions, those of one file together; the most telling file is last."""
        by_file: dict[int, list[Unit]] = defaultdict(list)
        for unit in units[: int(rng.integers(1, len(units) + 1)) if units else 0]:
            by_file[unit.document].append(unit)
        blocks = [
            (number, "\n".join(self._part(unit) for unit in sorted(members)))
            for number, members in by_file.items()
        ]
        return blocks[::-1]

    def _stranger(self, group: Group, document: int, rng: np.random.Generator) -> list[Block]:
        number = int(rng.integers(group.first, group.last))
        content = self._content(number)
        start = content.find(b"\n", int(rng.integers(max(1, len(content) - PIECE)))) + 1
        part = self._part(Unit(number, start, min(start + PIECE, len(content))))
        return [(number, part)] if number != document else []

    def _fitting(self, blocks: list[Block], room: int) -> list[int]:
        """As many of the last blocks as there is room for."""
        kept: list[list[int]] = []
        for number, text in reversed(blocks):
            body = encode(self._tokenizer, text.rstrip() + "\n")
            ids = [*self._headed(self._shard.paths[number]), *body]
            if len(ids) <= room:
                kept.append(ids)
                room -= len(ids)
        return [token for ids in reversed(kept) for token in ids]

    def _part(self, unit: Unit) -> str:
        return self._content(unit.document)[unit.start : unit.end].decode(errors="ignore")

    def _read(self, document: int) -> bytes:
        return read_text(self._shard, self._tokenizer, document).content

    def _headed(self, path: str) -> list[int]:
        return [self._file, *encode(self._tokenizer, f"{path}\n")]
