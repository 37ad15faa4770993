"""The FIM prompt within a token budget, cut so that its start stays the same while a person types.

The prefix loses lines at its start and the suffix at its end. A cut falls on a line whose number is
a multiple of `CUT_STEP`, and budgets move in steps as well: most keystrokes then change nothing but
the prompt's end, and the keys and values of the rest can be used again. Nor is what stays the same
encoded anew: of a long file, a keystroke costs one encoding of what is in the prompt.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePath
from typing import NamedTuple, Self

from tokenizers import Tokenizer

from completer.request import CompletionRequest, Snippet
from models.fim import BoundLayout

CUT_STEP = 16
BUDGET_STEP = 128
USUAL_CHARACTERS_PER_TOKEN = 6  # more than code has: where a prefix may begin
CHARACTERS_PER_TOKEN = 12  # nothing that matters is longer: bounds how much text is looked at
REMEMBERED_TEXTS = 64


class Encoded(NamedTuple):
    """Token ids of a text and where in it each begins and ends. Not to be changed."""

    ids: list[int]
    offsets: list[tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt's token ids, and the document's own tokens on both sides of the caret."""

    ids: list[int]
    prefix_ids: list[int]
    suffix_ids: list[int]


class PromptBuilder:
    """Builds prompts for one tokenizer and layout within `budget` tokens."""

    def __init__(
        self, tokenizer: Tokenizer, layout: BoundLayout, *, budget: int, suffix_share: float
    ) -> None:
        self._raw_tokenizer = tokenizer
        self._tokenizer = blind_to_marks(tokenizer)
        # while a person types, the text after the caret and that of other files stay as they are
        self._encode_again = lru_cache(REMEMBERED_TEXTS)(self._encode)
        self._layout = layout
        self.budget = budget
        self._suffix_share = suffix_share

    def sized(self, budget: int, suffix_share: float) -> Self:
        """A builder of other prompts with the same tokenizer and layout; costs next to nothing."""
        other = copy(self)
        other.budget, other._suffix_share = budget, suffix_share
        return other

    def build(self, request: CompletionRequest, snippets: Sequence[Snippet] = ()) -> Prompt:
        """Lay out a request; `snippets` of other files go in front, as far as they fit."""
        if request.raw:
            ids = self._raw_tokenizer.encode(request.prefix).ids[-self.budget :]
            return Prompt(ids=ids, prefix_ids=ids, suffix_ids=[])
        context = self._context(request, snippets)
        room = self.budget - self._layout.overhead - len(context)
        share = int(room * self._suffix_share)
        suffix = self._trim_suffix(request.suffix, share)
        prefix, is_whole = self._trim_prefix(request.prefix, room - len(suffix))
        left_over = room - -(-len(prefix) // BUDGET_STEP) * BUDGET_STEP
        if is_whole and left_over > share:
            suffix = self._trim_suffix(request.suffix, left_over)
        ids = self._layout.prompt(prefix, suffix, context)
        return Prompt(ids=ids, prefix_ids=prefix, suffix_ids=suffix)

    def forget(self) -> None:
        """Forget the texts that were read before."""
        self._encode_again.cache_clear()

    def encode(self, text: str) -> list[int]:
        """Turn text into token ids; what looks like a mark is text as well."""
        return self._encode(text).ids

    def _encode(self, text: str) -> Encoded:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        return Encoded(encoding.ids, encoding.offsets)

    def _trim_prefix(self, text: str, room: int) -> tuple[list[int], bool]:
        """Return the end of a prefix, and whether that is all of it."""
        if room <= 0:
            return [], False
        first = len(text) - room * USUAL_CHARACTERS_PER_TOKEN
        cuts = [cut for cut in _line_starts(text)[::CUT_STEP] if cut >= first]
        needed = self._about_needed(text, cuts, room)
        for cut in cuts:
            if cut >= needed and len(ids := self.encode(text[cut:])) <= room:
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
        return cuts[0] + offsets[len(ids) - spare][0] if len(ids) > spare else 0

    def _trim_last_lines(self, text: str, room: int) -> list[int]:
        """Where not even one step fits: keep what lines, or at last tokens, do."""
        tail = text[-room * CHARACTERS_PER_TOKEN :]
        ids = self.encode(tail)
        if len(ids) <= room and len(tail) == len(text):
            return ids
        for cut in _line_starts(tail)[1:]:
            whole_lines = self.encode(tail[cut:])
            if 0 < len(whole_lines) <= room:
                return whole_lines
        return ids[-room:]

    def _trim_suffix(self, text: str, room: int) -> list[int]:
        head = text[: room * CHARACTERS_PER_TOKEN]
        ids, offsets = self._encode_again(head)
        if len(ids) <= room:
            return ids[:]
        end = offsets[room - 1][1] if room > 0 else 0
        line_end = head.rfind("\n", 0, end) + 1
        return self._encode_again(head[:line_end]).ids[:] if line_end else ids[: max(room, 0)]

    def _context(self, request: CompletionRequest, snippets: Sequence[Snippet]) -> list[int]:
        """Other files in front: under the layout's file marks, or as plain text without them."""
        layout, ids = self._layout, list[int]()
        if not snippets and not layout.layout.own_path:
            return []
        repo = layout.mark_ids.get(layout.layout.repo_mark)
        if snippets and repo is not None and request.workspace is not None:
            ids += [repo, *self.encode(request.workspace.name)]
        for snippet in snippets:
            text = snippet.text.rstrip() + "\n"
            ids += self._file_header(snippet.path) + self._encode_again(text).ids
        if request.path is not None:
            ids += self._file_header(_shown_path(request))
        return ids[-self.budget // 2 :]

    def _file_header(self, path: str) -> list[int]:
        mark = self._layout.mark_ids.get(self._layout.layout.file_mark)
        if mark is None:
            return self.encode(f"# {path}\n")
        return [mark, *self.encode(path + "\n")]


def blind_to_marks(tokenizer: Tokenizer) -> Tokenizer:
    """Copy a tokenizer so that marks in a text become ordinary tokens: code must not fake them."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.encode_special_tokens = True
    return copy


def _shown_path(request: CompletionRequest) -> str:
    path = PurePath(request.path or "")
    if request.workspace is not None and path.is_relative_to(request.workspace):
        path = path.relative_to(request.workspace)
    return path.as_posix()


def _line_starts(text: str) -> list[int]:
    starts = [0]
    while (newline := text.find("\n", starts[-1])) >= 0:
        starts.append(newline + 1)
    return starts
