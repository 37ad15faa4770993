"""What of a package's other files helps with each region of a file, found before training.

A unit is a part of a document: the head of a definition that the region names, or a piece whose
rare names the region shares.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from tree_sitter import Node

from models.training.languages import LANGUAGES

REGION = 3_000  # bytes of a document that share their units
AROUND = 300  # bytes in front of a region and behind it that are read with it
PIECE = 1_400  # bytes of a piece, rounded up to whole lines
DEFINITIONS, PIECES = 8, 2  # kept for a region, the most telling first
LONGEST_HEAD = 600  # bytes of a definition's head
LONGEST_LINE = 160  # bytes of a definition without a body, and of a docstring's first line
MOST_HOMES = 3  # documents that define a name; more say that the name tells nothing
RARE = 12  # documents that a rare name occurs in

_NAME = re.compile(rb"[A-Za-z_]\w{3,}")


class Unit(NamedTuple):
    """Bytes `start:end` of a document of the shard."""

    document: int
    start: int
    end: int


class Units(NamedTuple):
    """What helps with one region."""

    definitions: list[Unit]
    pieces: list[Unit]


@dataclass(frozen=True)
class Text:
    """One document of a package."""

    content: bytes
    language: str


class PackageUnits:
    """The units of one package's documents, by their numbers in the shard."""

    def __init__(self, texts: Mapping[int, Text]) -> None:
        self._texts = texts
        self._heads = _heads(texts)
        self._frequency = Counter(
            name for text in texts.values() for name in set(_NAME.findall(text.content))
        )
        most = max(2, min(RARE, len(texts) // 2))
        self._rare = {name for name, count in self._frequency.items() if 2 <= count <= most}
        self._pieces = [piece for number in texts for piece in _pieces(number, texts[number])]
        self._holders: dict[bytes, list[int]] = defaultdict(list)
        for index, (document, start, end) in enumerate(self._pieces):
            for name in set(_NAME.findall(texts[document].content, start, end)) & self._rare:
                self._holders[name].append(index)

    def of(self, document: int) -> Iterator[Units]:
        """The units of each region of a document."""
        content = self._texts[document].content
        for start in range(0, max(1, len(content)), REGION):
            around = max(0, start - AROUND), start + REGION + AROUND
            names = Counter(_NAME.findall(content, *around))
            yield Units(self._definitions(document, names), self._similar(document, names))

    def _definitions(self, document: int, names: Counter[bytes]) -> list[Unit]:
        scored = []
        for name, count in names.items():
            homes = self._heads.get(name, [])
            common = self._frequency[name] > max(6, len(self._texts) // 8)
            if homes and not common and all(home.document != document for home in homes):
                scored.append((self._weight(name) * (1 + math.log(count)), homes[0]))
        return [unit for _, unit in sorted(scored, reverse=True)[:DEFINITIONS]]

    def _similar(self, document: int, names: Counter[bytes]) -> list[Unit]:
        score: Counter[int] = Counter()
        for name in names.keys() & self._rare:
            weight = round(1000 * self._weight(name))  # integers add up alike in any order
            for index in self._holders[name]:
                if self._pieces[index].document != document:
                    score[index] += weight
        best = sorted(score, key=lambda index: (-score[index], index))[:PIECES]
        return [self._pieces[index] for index in best]

    def _weight(self, name: bytes) -> float:
        return math.log(1 + len(self._texts) / self._frequency[name])


def _heads(texts: Mapping[int, Text]) -> dict[bytes, list[Unit]]:
    """Heads of definitions by name, of names that few documents define."""
    heads: dict[bytes, list[Unit]] = defaultdict(list)
    for number, text in texts.items():
        for name, node in LANGUAGES[text.language].definitions(text.content):
            unit = _head(number, text.content, node)
            longest = LONGEST_HEAD if node.child_by_field_name("body") else LONGEST_LINE
            if len(name) >= 4 and not name.startswith("__") and unit.end - unit.start < longest:
                heads[name.encode()].append(unit)
    return {
        name: sorted(units)
        for name, units in heads.items()
        if len({unit.document for unit in units}) <= MOST_HOMES
    }


def _head(document: int, content: bytes, node: Node) -> Unit:
    """A definition up to its body, with its indentation and a docstring's line."""
    body = node.child_by_field_name("body")
    line = content.rfind(b"\n", 0, node.start_byte) + 1
    start = node.start_byte if content[line : node.start_byte].strip() else line
    if body is None:
        return Unit(document, start, node.end_byte)
    docstring = _docstring(body)
    opened = body.start_byte + content.startswith(b"{", body.start_byte)
    end = docstring.end_byte if docstring else opened
    return Unit(document, start, start + len(content[start:end].rstrip()))


def _docstring(body: Node) -> Node | None:
    """The text that a Python body begins with, if it is one line."""
    first = body.named_children[0] if body.named_children else None
    if first is None or first.type != "expression_statement" or not first.named_children:
        return None
    text = first.named_children[0]
    short = text.end_byte - text.start_byte < LONGEST_LINE
    one_line = text.start_point[0] == text.end_point[0]
    return text if text.type == "string" and short and one_line else None


def _pieces(document: int, text: Text) -> Iterator[Unit]:
    """Consecutive pieces of whole lines."""
    cuts, size = [0], len(text.content)
    while cuts[-1] < size:
        newline = text.content.find(b"\n", min(size, cuts[-1] + PIECE))
        cuts.append(size if newline < 0 else newline + 1)
    return (Unit(document, start, end) for start, end in pairwise(cuts))
