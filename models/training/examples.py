"""Rows of training tokens: documents are drawn, cut, laid out for filling in, and packed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from models.training.fim_spans import Source, any_span
from models.training.languages import DEFAULT
from models.training.layouts import Example, Middle, plain, suffix_first
from models.training.repository import RepositoryContext
from models.training.shards import Group, Shard
from models.training.tokenizer import END, mark_id
from models.training.unit_table import UnitTable

FILLING_IN = 0.78  # share of the examples with a middle; the rest is plain text
PACKAGE_POWER = 0.7  # a group weighs its tokens to this power: large packages less than by size
TESTS_WEIGHT = 0.35  # of a group of tests
REPOSITORY_SHARE = 0.55  # of the examples that are long enough have other files in front
OTHER_LANGUAGES = 0.2  # share of the examples in other languages than Python, if there are any
LONG_ENOUGH = 384  # tokens
OWN_SHARE = (0.45, 0.85)  # of such an example is its own text
LENGTHS = (1.0, 0.5, 0.5, 0.25, 0.25, 0.125)  # of a window, drawn for each example
SHORTEST = 64  # tokens; a smaller rest of a row is left empty
SLACK = 8  # tokens that cutting a text in three may add
LINE_START_SHARE = 0.85  # of the texts cut out of a file begin with a whole line
CUT_SUFFIX_SHARE = 0.15  # of the suffixes end early, as editors send them


@dataclass(frozen=True)
class Row:
    """One window: `ids [window + 1]`, how many of them are meant, and its middles in `ids`."""

    ids: npt.NDArray[np.int64]
    length: int
    middles: tuple[Middle, ...]

    @property
    def meant(self) -> npt.NDArray[np.bool_]:
        """Which targets `ids[1:]` are tokens and not padding, `[window]`."""
        return np.arange(1, len(self.ids)) < self.length

    @property
    def in_middle(self) -> npt.NDArray[np.bool_]:
        """Which targets `ids[1:]` are tokens of a middle, `[window]`."""
        inside = np.zeros(len(self.ids), dtype=bool)
        for middle in self.middles:
            inside[middle.start : middle.end] = True
        return inside[1:]


class ExampleMaker:
    """Draws rows from a shard; the same random generator gives the same row."""

    def __init__(
        self,
        shard: Shard,
        tokenizer: Tokenizer,
        units: UnitTable | None = None,
        repository_share: float = REPOSITORY_SHARE,
        other_languages: float = OTHER_LANGUAGES,
    ) -> None:
        self._shard = shard
        self._repository_share = repository_share
        self._tokenizer = tokenizer
        self._repository = RepositoryContext(shard, tokenizer, units)
        self._weights = group_weights(shard.groups, other_languages)
        self._end = mark_id(tokenizer, END)

    @classmethod
    def of(
        cls,
        corpus: Path,
        name: str,
        repository_share: float = REPOSITORY_SHARE,
        other_languages: float = OTHER_LANGUAGES,
    ) -> ExampleMaker:
        """A maker for a shard of a corpus folder, with its units."""
        tokenizer = Tokenizer.from_file(str(corpus / "tokenizer.json"))
        shard, units = Shard(corpus, name), UnitTable(corpus, name)
        return cls(shard, tokenizer, units, repository_share, other_languages)

    def row(self, window: int, rng: np.random.Generator) -> Row:
        """Pack examples until fewer than `SHORTEST` of the `window + 1` places are free."""
        ids: list[int] = []
        middles = []
        while (room := window + 1 - len(ids)) >= SHORTEST:
            size = min(room, int(window * rng.choice(LENGTHS)))
            example = self._example(size, rng).clipped(size)
            if example.middle:
                middles.append(example.middle.moved(len(ids)))
            ids += example.ids
        padded = np.full(window + 1, self._end, dtype=np.int64)
        padded[: len(ids)] = ids
        return Row(padded, len(ids), tuple(middles))

    def _example(self, size: int, rng: np.random.Generator) -> Example:
        """About `size` ids: a piece of one document behind its path, at times behind others'."""
        group = self._shard.groups[int(rng.choice(len(self._shard.groups), p=self._weights))]
        document = self._draw_document(group, rng)
        path = self._repository.own_path(document)
        with_others = size >= LONG_ENOUGH and rng.random() < self._repository_share
        own = int(size * rng.uniform(*OWN_SHARE)) if with_others else size
        text, place = self._cut(document, own - len(path) - SLACK, rng)
        source = Source(text, group.language)
        span = any_span(source, rng) if rng.random() < FILLING_IN and text else None
        others: list[int] = []
        if with_others:
            room = size - own
            others = self._repository.other_files(group, document, place, room, rng)
        if span is None:
            return plain(self._tokenizer, [*others, *path], text)
        if rng.random() < CUT_SUFFIX_SHARE:
            text = text[: int(rng.integers(span.end, len(text) + 1))]
        return suffix_first(self._tokenizer, [*others, *path], text, span)

    def _draw_document(self, group: Group, rng: np.random.Generator) -> int:
        """A document of the group, the long ones more often."""
        ends = self._shard.ends
        position = rng.integers(ends[group.first], ends[group.last])
        return int(np.searchsorted(ends, position, side="right")) - 1

    def _cut(self, document: int, size: int, rng: np.random.Generator) -> tuple[str, float]:
        """At most `size` tokens as text, and how far in the document (0 to 1) their middle is.

        Beginning and end of a document are as likely as the rest.
        """
        ids, size = self._shard.document(document), max(size, 1)
        drawn = int(rng.integers(-size // 2, max(1, len(ids) - size // 2)))
        start = max(0, min(drawn, len(ids) - size))
        piece = ids[start : start + size].tolist()
        text: str = self._tokenizer.decode(piece, skip_special_tokens=False)
        text = text.strip("\N{REPLACEMENT CHARACTER}")
        if start and rng.random() < LINE_START_SHARE:
            text = text[text.find("\n") + 1 :]
        return text, (start + len(piece) / 2) / max(1, len(ids))


def group_weights(
    groups: list[Group], other_languages: float = OTHER_LANGUAGES
) -> npt.NDArray[np.float64]:
    """How often each group is drawn, `[groups]`, summing to one."""
    tests = np.asarray([TESTS_WEIGHT if group.tests else 1.0 for group in groups])
    weights = np.asarray([group.tokens for group in groups]) ** PACKAGE_POWER * tests
    usual = np.asarray([group.language == DEFAULT for group in groups])
    if usual.any() and not usual.all():
        weights[usual] *= (1 - other_languages) / weights[usual].sum()
        weights[~usual] *= other_languages / weights[~usual].sum()
    return np.asarray(weights / weights.sum())
