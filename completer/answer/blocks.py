"""Where a completion of several lines should end: with the block or paragraph that it began.

Read line by line from brackets and indentation, so that it also holds for code that does not parse
and can be asked after each token.
"""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter

from completer.context.brackets import excess, unmatched
from completer.context.lexical import Lexeme, blank_out, pairs_brackets, tokens
from completer.context.surroundings import Surroundings

_LOOKAHEAD = 4  # characters: as many of what comes may change what the last ones before it are
_TAB_COLUMNS = 8

_COLON_BLOCKS = frozenset({"python", "yaml", "nim", "starlark"})
_END_BLOCKS = frozenset({"ruby", "lua", "elixir", "julia", "shellscript", "makefile"})
_END_BLOCK_HEADER = re.compile(
    r"\s*(?:def|defp|class|module|if|unless|while|until|for|case|begin|function|local function)\b"
    r"|.*\b(?:do|then)\b(?:\s*\|[^|]*\|)?\s*$"
)
_CONTINUING_WORDS = ("else", "elif", "elsif", "except", "finally", "catch", "rescue", "ensure")
_END_WORDS = (*_CONTINUING_WORDS, "end", "fi", "done", "esac")
_CLOSERS = (")", "]", "}")
_NAME = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class _Line:
    """A line, its code without comments and strings, and whether it begins inside of one."""

    text: str
    code: str
    in_text: bool


class BlockEnd:
    """Finds the end of the block in completions at one caret.

    The rules, in words. A completion whose first line opens a block (an open bracket, a colon where
    indentation counts, `do` and its like) ends with that block; `else` and closing brackets belong
    to it. Any other ends before a line that is indented less than its first, and with its
    paragraph. None closes a bracket that the suffix closes, where the language pairs brackets.
    """

    def __init__(self, around: Surroundings) -> None:
        self._language = around.language
        self._line = around.line
        self._lead = around.lead
        found = list(tokens(self._lead, around.language))
        code = blank_out(self._lead, found)
        self._code_before = code[len(self._lead) - len(self._line) :]
        self._open_before = unmatched(self._code_before)[0]
        settled = [token for token in found if token.end <= len(self._lead) - _LOOKAHEAD]
        self._settled_to = settled[-1].end if settled else 0
        self._first_token = settled[:1]
        self._pairs = pairs_brackets(around.language)
        self._may_close = max(0, around.closable) if self._pairs else 0

    def find(self, completion: str) -> int:
        """Return how much of `completion` belongs to it, its length if the end is not reached.

        What it costs depends on the completion, not on how much stands before it in its line.
        """
        text = self._lead + completion
        found = list(tokens(text, self._language, self._settled_to))
        code = blank_out(text[self._settled_to :], _moved(found, -self._settled_to))
        code = code[len(self._lead) - self._settled_to :]
        end = excess(code, self._may_close) if self._pairs else len(code)
        found = self._first_token + found  # only the first can go over the start of the line
        lines = self._lines(text[: len(self._lead) + end], code[:end], found)
        last = self._last_line(lines)
        if last >= len(lines) - 1:
            return end
        return sum(len(line.text) + 1 for line in lines[: last + 1]) - 1 - len(self._line)

    def _lines(self, text: str, code: str, found: list[Lexeme]) -> list[_Line]:
        """Split into lines, from the start of the caret's line on."""
        start = len(self._lead) - len(self._line)
        texts = text[start:].split("\n")
        codes = (self._code_before + code).split("\n")
        lines: list[_Line] = []
        for line, line_code in zip(texts, codes, strict=True):
            last = bisect_left(found, start, key=attrgetter("start")) - 1
            lines.append(_Line(line, line_code, last >= 0 and start < found[last].end))
            start += len(line) + 1
        return lines

    def _last_line(self, lines: list[_Line]) -> int:
        """Return the number of the last line that belongs to what the first one begins."""
        first = next((n for n, line in enumerate(lines) if line.text.strip()), len(lines))
        if first >= len(lines) - 1:
            return len(lines) - 1
        base, last = _columns(lines[first].text), first
        depth = self._opened_in(lines, first)
        in_block = depth > 0 or self._opens_block(lines[first].code)
        for number, line in enumerate(lines[first + 1 :], first + 1):
            if not line.text.strip():
                continue
            column = base if line.in_text else _columns(line.text)
            free = depth <= 0 and not line.in_text
            if free and not self._continues(line.code, may_grow=number == len(lines) - 1):
                after_gap = number > last + 1
                if column < base or (column == base and (in_block or after_gap)):
                    return last
            depth += _depth_change(line.code)
            if column < base:  # it closes a bracket from before the caret
                base, in_block = column, True
            last = number
        return len(lines) - 1

    def _continues(self, code: str, *, may_grow: bool) -> bool:
        """Whether a line goes on with the block before it; one still growing may turn out to."""
        stripped = code.lstrip()
        if stripped.startswith((*_CLOSERS, ".")):
            return True
        words = _END_WORDS if self._language in _END_BLOCKS else _CONTINUING_WORDS
        if may_grow and any(word.startswith(stripped) for word in words):
            return True
        name = _NAME.match(stripped)
        return name is not None and name[0] in words

    def _opened_in(self, lines: list[_Line], number: int) -> int:
        """Return how many brackets a line opens; those before the caret have been counted."""
        if number:
            return len(unmatched(lines[number].code)[0])
        return len(unmatched(lines[0].code[len(self._line) :], self._open_before)[0])

    def _opens_block(self, code: str) -> bool:
        if self._language in _COLON_BLOCKS:
            return code.rstrip().endswith(":")
        return self._language in _END_BLOCKS and _END_BLOCK_HEADER.match(code) is not None


def _moved(found: Iterable[Lexeme], by: int) -> Iterator[Lexeme]:
    return (token._replace(start=token.start + by, end=token.end + by) for token in found)


def _depth_change(code: str) -> int:
    return sum(map(code.count, "([{")) - sum(map(code.count, ")]}"))


def _columns(line: str) -> int:
    """Return the width of the white space that `line` begins with."""
    expanded = line.expandtabs(_TAB_COLUMNS)
    return len(expanded) - len(expanded.lstrip())
