"""How one example is laid out in marks: to be filled in, suffix first, or as plain text."""

from __future__ import annotations

from dataclasses import dataclass

from tokenizers import Tokenizer

from models.training.fim_spans import Span
from models.training.tokenizer import END, FIM_MIDDLE, FIM_PREFIX, FIM_SUFFIX, encode, mark_id

LAYOUT = "completer-caret"  # what `suffix_first` writes; models/fim.py has its definition


@dataclass(frozen=True)
class Middle:
    """Tokens `start:end` of an example or a row to fill in."""

    start: int
    end: int

    def moved(self, by: int) -> Middle:
        """The same tokens where the example starts `by` places further on."""
        return Middle(self.start + by, self.end + by)


@dataclass(frozen=True)
class Example:
    """Ids of one example; its middle includes the end mark, and plain text has none."""

    ids: list[int]
    middle: Middle | None = None

    def clipped(self, size: int) -> Example:
        """The first `size` ids."""
        if self.middle is None or len(self.ids) <= size:
            return Example(self.ids[:size], self.middle)
        start, end = min(self.middle.start, size), min(self.middle.end, size)
        return Example(self.ids[:size], Middle(start, end))


def plain(tokenizer: Tokenizer, context: list[int], text: str) -> Example:
    """A text as it stands, with the end mark."""
    return Example([*context, *encode(tokenizer, text), mark_id(tokenizer, END)])


def suffix_first(tokenizer: Tokenizer, context: list[int], text: str, span: Span) -> Example:
    """SPM with a mark at the caret, the layout that `LAYOUT` names.

    `<|fim_suffix|>` suffix `<|fim_prefix|>` prefix `<|fim_middle|>` middle, end mark. Each part is
    encoded by itself, as an editor's text will be.
    """
    before = [*context, mark_id(tokenizer, FIM_SUFFIX), *encode(tokenizer, text[span.end :])]
    before += [mark_id(tokenizer, FIM_PREFIX), *encode(tokenizer, text[: span.start])]
    before.append(mark_id(tokenizer, FIM_MIDDLE))
    middle = encode(tokenizer, text[span.start : span.end])
    ids = [*before, *middle, mark_id(tokenizer, END)]
    return Example(ids, Middle(len(before), len(ids)))
