"""The FIM prompt within a token budget, cut so that its start stays the same while a person types.

The prefix loses lines at its start and the suffix at its end. A cut falls on a line whose number is
a multiple of `CUT_STEP`, and budgets move in steps as well: most keystrokes then change nothing but
the prompt's end, and the keys and values of the rest can be used again. Nor is what stays the same
encoded anew: of a long file, a keystroke costs one encoding of what is in the prompt.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from completer.context.encoding import encode
from completer.context.other_files import SectionWriter
from completer.request import CompletionRequest, Snippet
from models.fim import BoundLayout

CUT_STEP = 16
BUDGET_STEP = 128
USUAL_CHARACTERS_PER_TOKEN = 6  # more than code has: where a prefix may begin
CHARACTERS_PER_TOKEN = 12  # nothing that matters is longer: bounds how much text is looked at
STEPS_BEFORE_THINNING = 4
REMEMBERED_TEXTS = 64


class Encoded(NamedTuple):
    """Token ids of a text and where in it each begins and ends."""

    ids: list[int]
    offsets: list[tuple[int, int]]


class Packed(NamedTuple):
    """The same in a tenth of the memory: [n] and [n, 2]."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt's token ids, and the document's own tokens on both sides of the caret.

    `suffix_place` is where the suffix is in it, if a prefix comes before.
    """

    ids: list[int]
    prefix_ids: list[int]
    suffix_ids: list[int]
    suffix_place: range | None = None


class PromptBuilder:
    """Builds prompts for one tokenizer and layout within `budget` tokens, raw ones `raw_budget`."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        layout: BoundLayout,
        *,
        budget: int,
        suffix_share: float,
        raw_budget: int | None = None,
    ) -> None:
        self._raw_tokenizer = tokenizer
        added = tokenizer.get_added_tokens_decoder().values()
        self._specials = tuple(token.content for token in added if token.special)
        self._tokenizer = blind_to_marks(tokenizer)
        # while a person types, the text after the caret and that of other files stay as they are
        self._encode_again = lru_cache(REMEMBERED_TEXTS)(self._encode_and_pack)
        self._layout = layout
        self._sections = SectionWriter(
            layout, self.encode, lambda text: _list(self._encode_again(text).ids)
        )
        self.budget = budget
        self._raw_budget = budget if raw_budget is None else raw_budget
        self._suffix_share = suffix_share

    def sized(self, budget: int, raw_budget: int, suffix_share: float) -> Self:
        """A builder of other prompts with the same tokenizer and layout; costs next to nothing."""
        other = copy(self)
        other.budget, other._raw_budget, other._suffix_share = budget, raw_budget, suffix_share
        return other

    def budget_of(self, request: CompletionRequest) -> int:
        """Tokens that a request's prompt may have."""
        return self._raw_budget if request.raw else self.budget

    def build(self, request: CompletionRequest, snippets: Sequence[Snippet] = ()) -> Prompt:
        """Lay out a request; `snippets` of other files go in front, as far as they fit."""
        if request.raw:
            ids = self._raw(request)
            return Prompt(ids=ids, prefix_ids=ids, suffix_ids=[])
        most, longest = -(-self.budget // 2), self.budget * CHARACTERS_PER_TOKEN
        files, own = self._sections.write(request, snippets, most, longest)
        room = self.budget - self._layout.overhead - len(files) - len(own)
        share = int(room * self._suffix_share)
        suffix = self._trim_suffix(request.suffix, share)
        prefix, is_whole = self._trim_prefix(request.prefix, room - len(suffix))
        left_over = room - -(-len(prefix) // BUDGET_STEP) * BUDGET_STEP
        if is_whole and left_over > share:
            suffix = self._trim_suffix(request.suffix, left_over)
        ids = self._layout.prompt(prefix, suffix, files, own)
        place = None
        if suffix and self._layout.layout.order == "psm":
            end = len(ids) - 1  # behind it stands the last mark
            place = range(end - len(suffix), end)
        return Prompt(ids=ids, prefix_ids=prefix, suffix_ids=suffix, suffix_place=place)

    def _raw(self, request: CompletionRequest) -> list[int]:
        """Token ids of a prompt as it is; marks in a text that does not begin with one are text."""
        text, budget = request.prefix, self._raw_budget
        in_marks = request.as_is or text.startswith(self._specials)
        tokenizer = self._raw_tokenizer if in_marks else self._tokenizer
        tail = text[-budget * CHARACTERS_PER_TOKEN :]
        return encode(tokenizer, tail, add_special_tokens=True).ids[-budget:]

    def forget(self) -> None:
        """Forget the texts that were read before."""
        self._encode_again.cache_clear()

    def encode(self, text: str) -> list[int]:
        """Turn text into token ids; what looks like a mark is text as well."""
        return self._encode(text).ids

    def _encode(self, text: str) -> Encoded:
        encoding = encode(self._tokenizer, text)
        return Encoded(encoding.ids, encoding.offsets)

    def _encode_and_pack(self, text: str) -> Packed:
        ids, offsets = self._encode(text)
        return Packed(np.array(ids, np.int32), np.array(offsets, np.int32).reshape(-1, 2))

    def _trim_prefix(self, text: str, room: int) -> tuple[list[int], bool]:
        """Return the end of a prefix, and whether that is all of it."""
        if room <= 0:
            return [], False
        cuts = _cuts(text, len(text) - room * USUAL_CHARACTERS_PER_TOKEN)
        needed = self._about_needed(text, cuts, room)
        for cut in _thinned(cuts[bisect_left(cuts, needed) :]):
            if len(ids := self.encode(text[cut:])) <= room:
                return ids, cut == 0
        return self._trim_last_lines(text, room), False

    def _about_needed(self, text: str, cuts: Sequence[int], room: int) -> int:
        """About where the last `room` tokens begin; what is in front of the last cut was read."""
        if not cuts:
            return 0
        ids, offsets = self._encode_again(text[cuts[0] : cuts[-1]])
        spare = room - len(self.encode(text[cuts[-1] :]))
        if spare <= 0:
            return cuts[-1]
        return cuts[0] + int(offsets[len(ids) - spare, 0]) if len(ids) > spare else 0

    def _trim_last_lines(self, text: str, room: int) -> list[int]:
        """Where not even one step fits: keep what lines, or at last tokens, do."""
        tail = text[-room * CHARACTERS_PER_TOKEN :]
        ids, offsets = self._encode(tail)
        if len(ids) <= room and len(tail) == len(text):
            return ids
        needed = offsets[len(ids) - room][0] if len(ids) > room else 0
        starts = _line_starts(tail)[1:]
        for cut in _thinned(starts[max(0, bisect_left(starts, needed) - 1) :]):
            whole_lines = self.encode(tail[cut:])
            if 0 < len(whole_lines) <= room:
                return whole_lines
        return ids[-room:]

    def _trim_suffix(self, text: str, room: int) -> list[int]:
        head = text[: room * CHARACTERS_PER_TOKEN]
        ids, offsets = self._encode_again(head)
        if len(ids) <= room:
            return _list(ids)
        end = int(offsets[room - 1, 1]) if room > 0 else 0
        line_end = head.rfind("\n", 0, end) + 1
        return _list(self._encode_again(head[:line_end]).ids if line_end else ids[: max(room, 0)])


def blind_to_marks(tokenizer: Tokenizer) -> Tokenizer:
    """Copy a tokenizer so that marks in a text become ordinary tokens: code must not fake them."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.encode_special_tokens = True
    return copy


def _list(ids: NDArray[np.int32]) -> list[int]:
    found: list[int] = ids.tolist()
    return found


def _cuts(text: str, first: int) -> list[int]:
    """Where lines with a number that is a multiple of `CUT_STEP` begin, from `first` on."""
    if first <= 0:
        return _line_starts(text)[::CUT_STEP]
    passed = text.count("\n", 0, first - 1)
    starts = _line_starts(text, first - 1)[1:]  # the next one is that of line `passed + 1`
    return starts[(-passed - 1) % CUT_STEP :: CUT_STEP]


def _line_starts(text: str, first: int = 0) -> list[int]:
    """`first`, and where the lines behind it begin."""
    starts = [first]
    while (newline := text.find("\n", starts[-1])) >= 0:
        starts.append(newline + 1)
    return starts


def _thinned(cuts: Sequence[int]) -> Iterator[int]:
    """One cut after the other, then ever fewer: as a rule one of the first is what is looked for.

    Where a token holds many lines, it takes many of them to get rid of one token.
    """
    at, step = 0, 1
    while at < len(cuts):
        yield cuts[at]
        at, step = at + step, step * (1 if at < STEPS_BEFORE_THINNING else 2)
