"""Zed's Zeta models: the history as diffs, a region around the caret between marks.

Zed measures regions in tokens, and lets syntax say where they end; here they are as many characters
as so many tokens usually have, in whole lines. That was not checked against its own prompts.
"""

import re
from typing import ClassVar

from models.edit_formats import (
    Change,
    EditFormat,
    Situation,
    Span,
    begins_within,
    ends_within,
    lines_around,
)

_PER_TOKEN = 3  # characters
_REGION, _CONTEXT = 350 * _PER_TOKEN, 150 * _PER_TOKEN
_HISTORY = 500 * _PER_TOKEN
_CARET_1, _CARET = "<|user_cursor_is_here|>", "<|user_cursor|>"
_START, _END = "<|editable_region_start|>", "<|editable_region_end|>"
_FIRST_LINE = "<|start_of_file|>"
_SUFFIX, _PREFIX, _MIDDLE = "<[fim-suffix]>", "<[fim-prefix]>", "<[fim-middle]>"
_FILE = "<filename>"
_CURRENT, _SEPARATOR, _UPDATED = "<<<<<<< CURRENT\n", "=======\n", ">>>>>>> UPDATED\n"
_NOTHING = "NO_EDITS"
_MARKER = re.compile(r"<\|marker_(\d+)\|>")
_FEWEST, _MOST, _MOVED = 6, 16, 5
"""Lines of a block; so far its end moves down to a line that begins something."""
_NO_START = re.compile(r"[}\])]|(?:break|continue|return|throw|end);?\Z")
_SOURCE = "Zed's crates/zeta_prompt/src/zeta_prompt.rs"
_SEED_MARKS = (_SUFFIX, _PREFIX, _MIDDLE, _FILE, _CARET, "<[end▁of▁sentence]>")
_TASK = (
    "### Instruction:\nYou are a code completion assistant and your task is to analyze user edits"
    " and then rewrite an excerpt that the user provides, suggesting the appropriate edits within"
    " the excerpt, taking into account the cursor location.\n\n### User Edits:\n\n"
)


class _Zeta(EditFormat):
    """What all have in common: the region."""

    def region(self, text: str, caret: int) -> Span:
        """Lines around the caret's, about 350 tokens."""
        return lines_around(text, caret, _REGION)


class Zeta1(_Zeta):
    """Zeta (Qwen2.5-Coder-7B): instructions, and the excerpt once more as the answer."""

    name = "zeta-1"
    source = f"{_SOURCE} (zeta1) and crates/edit_prediction/src/zeta1.rs"
    named = ("zeta",)
    marks = (_CARET_1, _START, _END, _FIRST_LINE)
    ends = (_END,)

    def prompt(self, asked: Situation) -> str:
        """Edits as diffs, then the excerpt with the region and the caret marked."""
        events = [f"User edited {c.path}:\n```diff\n{c.diff}\n```" for c in _recent(asked)]
        region = _with_caret(asked, self.region(asked.text, asked.caret), _CARET_1)
        excerpt = f"{self._excerpt(asked, region)}\n{_END}{self._after(asked)}\n```"
        edits = "\n\n".join(events)
        return f"{_TASK}{edits}\n\n### User Excerpt:\n\n{excerpt}\n\n### Response:\n"

    def answer(self, asked: Situation, region: str) -> str:
        """The excerpt up to the region's end."""
        return f"{self._excerpt(asked, region)}\n{_END}"

    def read(self, asked: Situation, answer: str) -> str | None:
        """What stands behind the mark of the region's start; without one, everything."""
        before, mark, region = answer.partition(_START)
        new = (region.removeprefix("\n") if mark else before).removesuffix("\n")
        begin, end = self.region(asked.text, asked.caret)
        old = asked.text[begin:end]
        new = new.replace(_CARET_1, "") + "\n" * old.endswith("\n")
        return new if _START not in new and new != old else None

    def _excerpt(self, asked: Situation, region: str) -> str:
        begin = self.region(asked.text, asked.caret)[0]
        first = begins_within(asked.text, begin, _CONTEXT)
        top = f"{_FIRST_LINE}\n" if first == 0 else ""
        body = region.removesuffix("\n")
        return f"```{asked.path}\n{top}{asked.text[first:begin]}{_START}\n{body}"

    def _after(self, asked: Situation) -> str:
        begin, end = self.region(asked.text, asked.caret)
        last = ends_within(asked.text, end, _CONTEXT)
        return "\n" * asked.text[begin:end].endswith("\n") + asked.text[end:last].removesuffix("\n")


class Zeta2(_Zeta):
    """Zeta 2 (Seed-Coder-8B, V0211SeedCoder): suffix first, the region one side of a conflict."""

    name = "zeta-2"
    source = f"{_SOURCE} (seed_coder)"
    named = ("zeta-2",)
    marks: ClassVar[tuple[str, ...]] = (*_SEED_MARKS, _CURRENT.strip(), _UPDATED.strip())
    ends: ClassVar[tuple[str, ...]] = (_UPDATED.strip(),)

    def prompt(self, asked: Situation) -> str:
        """What follows the region, other files, the history, what stands before it, the region."""
        begin, end = self.region(asked.text, asked.caret)
        first = begins_within(asked.text, begin, _CONTEXT)
        after = asked.text[end : ends_within(asked.text, end, _CONTEXT)]
        files = "".join(f"{_FILE}{path}\n{_ended(text)}" for path, text in asked.files)
        events = "".join(f"--- a/{c.path}\n+++ b/{c.path}\n{c.diff}" for c in _recent(asked))
        others = files + "\n" * bool(files)
        history = f"{_FILE}edit_history\n{events}\n" if events else ""
        own = f"{_FILE}{asked.path}\n{asked.text[first:begin]}{self._region(asked)}"
        return f"{_SUFFIX}{_ended(after)}{_PREFIX}{others}{history}{own}{_MIDDLE}"

    def answer(self, asked: Situation, region: str) -> str:
        """The region, and the conflict's end."""
        return f"{_ended(region)}{_UPDATED}"

    def read(self, asked: Situation, answer: str) -> str | None:
        """The answer is the region; the caret may be marked in it."""
        begin, end = self.region(asked.text, asked.caret)
        old = asked.text[begin:end]
        new = answer.replace(_CARET, "")
        if new.strip() == _NOTHING or not new.strip():
            return None
        new = _ended(new) if old.endswith("\n") else new.removesuffix("\n")
        return new if new != old else None

    def _region(self, asked: Situation) -> str:
        region = _with_caret(asked, self.region(asked.text, asked.caret), _CARET)
        return f"{_CURRENT}{_ended(region)}{_SEPARATOR}"


class Zeta21(Zeta2):
    """Zeta 2.1 (V0318SeedMultiRegions): blocks between numbered marks, some of which are rewritten.

    The line ends around marks in its prompt are not verified.
    """

    name = "zeta-2.1"
    source = f"{_SOURCE} (build_v0318_cursor_prefix) and multi_region.rs"
    named = ("zeta-2.1",)
    marks = (*_SEED_MARKS, "<|marker_")
    ends = ()

    def answer(self, asked: Situation, region: str) -> str:
        """The blocks from the first to the last that changes; where none does, the caret's."""
        bounds, old = self._bounds(asked)
        at = asked.caret - self.region(asked.text, asked.caret)[0]
        first = max(i for i, bound in enumerate(bounds[:-1]) if bound <= at)
        last = first + 1
        if region != old:
            first, last = 0, len(bounds) - 1
            while first + 1 < last and region.startswith(old[: bounds[first + 1]]):
                first += 1
            while first < last - 1 and region.endswith(old[bounds[last - 1] :]):
                last -= 1
        new = region[bounds[first] : len(region) - (len(old) - bounds[last])]
        return f"<|marker_{first + 1}|>\n{_ended(new)}<|marker_{last + 1}|>"

    def read(self, asked: Situation, answer: str) -> str | None:
        """The text between two marks takes the place of the blocks between them."""
        bounds, old = self._bounds(asked)
        found = list(_MARKER.finditer(answer))
        numbers = [int(each[1]) for each in found]
        if len(found) < 2 or not 1 <= numbers[0] < numbers[-1] <= len(bounds):
            return None
        begin, end = bounds[numbers[0] - 1], bounds[numbers[-1] - 1]
        written = answer[found[0].end() : found[-1].start()]
        new = re.sub(rf"{_MARKER.pattern}\n?", "", written).replace(_CARET, "").removeprefix("\n")
        new = _ended(new) if old[begin:end].endswith("\n") else new.removesuffix("\n")
        return old[:begin] + new + old[end:] if new != old[begin:end] else None

    def _region(self, asked: Situation) -> str:
        bounds, old = self._bounds(asked)
        at = asked.caret - self.region(asked.text, asked.caret)[0]
        written = ""
        for number, bound in enumerate(bounds):
            written = _ended(written) if written else ""
            written += f"<|marker_{number + 1}|>"
            if number + 1 < len(bounds):
                end, last = bounds[number + 1], number + 2 == len(bounds)
                here = bound <= at < end or (last and at == end)
                block = old[bound:end]
                caret = f"{block[: at - bound]}{_CARET}{block[at - bound :]}" if here else block
                written += f"\n{caret}"
        return written

    def _bounds(self, asked: Situation) -> tuple[list[int], str]:
        begin, end = self.region(asked.text, asked.caret)
        region = asked.text[begin:end]
        return block_bounds(region), region


def block_bounds(region: str) -> list[int]:
    """Return where blocks of a region begin, and its end: 6 to 16 lines, behind blank ones.

    A block's end moves down to a line that does not go on with the one before, as far as five
    lines, and where six are left.
    """
    lines = region.splitlines(keepends=True)
    cuts, first, line = [0], 0, 1
    while line < len(lines):
        blank_above = not lines[line - 1].strip() and bool(lines[line].strip())
        at = None
        if line - first >= _FEWEST and blank_above and len(lines) - line >= _FEWEST:
            at = next((n for n in range(line, line + _MOVED + 1) if _begins(lines, n)), line)
            at = at if len(lines) - at >= _FEWEST else None
        if at is None and line - first >= _MOST:
            at = line
        if at is not None:
            cuts.append(at)
            first = line = at
        line += 1
    return [sum(map(len, lines[:cut])) for cut in cuts] + [len(region)]


def _begins(lines: list[str], line: int) -> bool:
    text = lines[line].strip() if line < len(lines) else ""
    return bool(text) and not _NO_START.match(text)


def _recent(asked: Situation) -> tuple[Change, ...]:
    """The last changes that there is room for."""
    kept, room = [], _HISTORY
    for change in reversed(asked.changes):
        room -= len(change.diff)
        if room < 0:
            break
        kept.append(change)
    return tuple(reversed(kept))


def _with_caret(asked: Situation, region: Span, mark: str) -> str:
    begin, end = region
    return f"{asked.text[begin : asked.caret]}{mark}{asked.text[asked.caret : end]}"


def _ended(text: str) -> str:
    return text if text.endswith("\n") else f"{text}\n"
