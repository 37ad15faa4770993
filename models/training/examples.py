"""Rows of training tokens: documents are drawn, cut, laid out for filling in, and packed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from models.training.fim_spans import Span, any_span
from models.training.layouts import Example, Middle, plain, prefix_first, suffix_first
from models.training.repository import RepositoryContext
from models.training.shards import Group, Shard
from models.training.tokenizer import END, mark_id

SUFFIX_FIRST, PREFIX_FIRST = 0.70, 0.10  # shares of the layouts; the rest is plain text
PACKAGE_POWER = 0.6  # a group weighs its tokens to this power: large packages less than by size
TESTS_WEIGHT = 0.25  # of a group of tests
REPOSITORY_SHARE = 0.3  # of the examples that are long enough have repository context
LONG_ENOUGH = 512  # tokens
LENGTHS = (1.0, 1.0, 0.5, 0.25)  # of a window, drawn for each example
SHORTEST = 64  # tokens; a smaller rest of a row is left empty
SLACK = 12  # tokens that cutting a text in three may add

SpanChooser = Callable[[str, np.random.Generator], Span]


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
        self, shard: Shard, tokenizer: Tokenizer, repository_share: float = REPOSITORY_SHARE
    ) -> None:
        self._shard = shard
        self._repository_share = repository_share
        self._tokenizer = tokenizer
        self._repository = RepositoryContext(shard, tokenizer)
        self._weights = group_weights(shard.groups)
        self._end = mark_id(tokenizer, END)

    def row(self, window: int, rng: np.random.Generator, choose: SpanChooser = any_span) -> Row:
        """Pack examples until fewer than `SHORTEST` of the `window + 1` places are free."""
        ids: list[int] = []
        middles = []
        while (room := window + 1 - len(ids)) >= SHORTEST:
            size = min(room, int(window * rng.choice(LENGTHS)))
            example = self._example(size, rng, choose).clipped(size)
            if example.middle:
                middles.append(example.middle.moved(len(ids)))
            ids += example.ids
        padded = np.full(window + 1, self._end, dtype=np.int64)
        padded[: len(ids)] = ids
        return Row(padded, len(ids), tuple(middles))

    def _example(self, size: int, rng: np.random.Generator, choose: SpanChooser) -> Example:
        """About `size` ids: a piece of one document, at times behind pieces of its neighbours."""
        group = self._shard.groups[int(rng.choice(len(self._shard.groups), p=self._weights))]
        document = self._draw_document(group, rng)
        context: list[int] = []
        own = size
        if size >= LONG_ENOUGH and rng.random() < self._repository_share:
            own = int(size * rng.uniform(0.4, 0.8))
        text = self._cut(document, own - SLACK, rng)
        if own < size:
            context = self._repository.before(group, document, text, size - own, rng)
        layout = rng.random()
        if layout >= SUFFIX_FIRST + PREFIX_FIRST or not text:
            return plain(self._tokenizer, context, text)
        lay_out = suffix_first if layout < SUFFIX_FIRST else prefix_first
        return lay_out(self._tokenizer, context, text, choose(text, rng))

    def _draw_document(self, group: Group, rng: np.random.Generator) -> int:
        """A document of the group, the long ones more often."""
        ends = self._shard.ends
        position = rng.integers(ends[group.first], ends[group.last])
        return int(np.searchsorted(ends, position, side="right")) - 1

    def _cut(self, document: int, size: int, rng: np.random.Generator) -> str:
        """At most `size` tokens as text, beginning and end as likely as the rest."""
        ids = self._shard.document(document)
        drawn = int(rng.integers(-size // 2, max(1, len(ids) - size // 2)))
        start = max(0, min(drawn, len(ids) - size))
        piece = ids[start : start + size].tolist()
        text: str = self._tokenizer.decode(piece, skip_special_tokens=False)
        return text.strip("\N{REPLACEMENT CHARACTER}")


def group_weights(groups: list[Group]) -> npt.NDArray[np.float64]:
    """How often each group is drawn, `[groups]`, summing to one."""
    tests = np.asarray([TESTS_WEIGHT if group.tests else 1.0 for group in groups])
    weights = np.asarray([group.tokens for group in groups]) ** PACKAGE_POWER * tests
    return np.asarray(weights / weights.sum())
