"""Whether an answer makes errors of syntax where it stands, and how much of it makes none.

A line is unfinished while it is typed, and what stands around it may be broken. So errors count
only where some neutral completion ("x", with the brackets closed that are open) makes none: where
all do, the text around the caret may be the reason, and nothing is said. Python's own parser is
asked after tree-sitter, whose grammar takes a body that is missing or indented at will.
"""

import ast
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from itertools import accumulate, chain, islice

from tree_sitter import Tree

from completer.answer.neutral import neutral_completions
from completer.context.grammars import has_grammar, parse_within
from completer.context.lexical import Lexeme, tokens
from completer.context.surroundings import WINDOW, Surroundings

_TIME_LIMIT_MS = 20
_IN_ALL_S = 0.05  # then nothing is said; an answer of a common text takes a few milliseconds
_CUT = WINDOW - 1_024  # characters from which on more may follow
_ENDS_TRIED = 12
_LONGEST_READ_BY_PYTHON = 8_192  # bytes
_DEEPEST = 24  # brackets; its parser may take long where they are deep
ESCAPE = re.compile(r"\\[^\n'\"]")  # of those that it does not know Python's parser would warn
_LINE = re.compile(r"^([ \t]*)(\S.*)", re.MULTILINE)
_DEFINITION = re.compile(r"(?:async[ \t]+def|def|class)\b")
_NEXT_DEFINITION = re.compile(r"\n([ \t]*)(?:@|(?:async[ \t]+def|def|class)\b)")
_GOES_ON = re.compile(r"[\w.(\[\"'`]")
_TOKEN = re.compile(r"\w+|[^\w\s]")


class ParseCheck:
    """Parses answers at one caret, between the text before and behind it.

    Nothing is found where a parser takes too long, as over a file that is made for it.
    """

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        before, after = _region(around)
        is_whole = around.from_top_level or before != around.before
        is_whole &= len(after) < _CUT or after != around.after
        self._is_told = is_whole and has_grammar(around.language) and around.where != "comment"
        self._before = before.encode("utf-8", "replace")
        self._after = after.encode("utf-8", "replace")
        self._at = _point(self._before)
        self._until = 0.0

    def end(self, text: str) -> int:
        """Return how long the longest beginning of `text` is that makes no errors; 0 if none is."""
        self._until = time.perf_counter() + _IN_ALL_S
        with suppress(TimeoutError):
            if self._is_told and self._errs(text) and self._can_parse:
                ends = islice(_ends(text, self._around.language), _ENDS_TRIED)
                return next((end for end in ends if not self._errs(text[:end])), 0)
        return len(text)

    @cached_property
    def _tree(self) -> Tree | None:
        """The text without an answer, from whose parse those with one go on."""
        return parse_within(self._before + self._after, self._around.language, _TIME_LIMIT_MS)

    def _errs(self, text: str, typed: int = 0) -> bool:
        """Whether there are errors with `text` at the caret; TimeoutError if that takes long.

        It takes the place of the last `typed` characters before.
        """
        if self._tree is None or time.perf_counter() > self._until:
            raise TimeoutError
        inserted = text.encode("utf-8", "replace")
        before = self._before.decode()[:-typed].encode() if typed else self._before
        rows, columns = _point(inserted)
        row, column = start = _point(before)
        end = (row + rows, columns if rows else column + columns)
        edited = self._tree.copy()
        edited.edit(len(before), len(self._before), len(before + inserted), start, self._at, end)
        source = before + inserted + self._after
        tree = parse_within(source, self._around.language, _TIME_LIMIT_MS, edited)
        if tree is None:
            raise TimeoutError
        if tree.root_node.has_error or self._around.language != "python":
            return tree.root_node.has_error
        opens_block = text.rstrip().endswith(":")  # whose body has yet to be written
        return _fails(source) and not (
            opens_block and not _fails(before + inserted + b" pass" + self._after)
        )

    @cached_property
    def _can_parse(self) -> bool:
        """Whether nothing at all, or some neutral completion, makes no errors."""
        return any(
            not self._errs(text, typed)
            for text, typed in chain([("", 0)], neutral_completions(self._around))
        )


def _region(around: Surroundings) -> tuple[str, str]:
    """Return what is parsed: in Python, whose grammar does without the rest, one definition.

    It is the innermost that goes on for as long as what is parsed behind the caret.
    """
    if around.language != "python":
        return around.before, around.after
    following = _NEXT_DEFINITION.search(around.after)
    after = around.after[: following.start(1)] if following else around.after
    start, indent = _definition(around.code, _least_indented(after.partition("\n")[2]))
    before = ("class _:\n" if indent else "") + around.before[start:]
    if following is None:
        return before, after
    return before, f"{after}{following[1] if len(following[1]) >= indent else ''}def _(): pass\n"


def _definition(code: str, least: int) -> tuple[int, int]:
    """Where the last definition starts behind which nothing is indented less, and its indent.

    What follows `code` is indented by `least` columns or more. Without one, all is taken.
    """
    for line in reversed(list(_LINE.finditer(code))):
        least = min(least, len(line[1]))
        if len(line[1]) == least and _DEFINITION.match(line[2]):
            return line.start(), least
    return 0, 0


def _least_indented(text: str) -> int:
    """Columns before the least indented line, or more than any has where there is none."""
    return min((len(line[1]) for line in _LINE.finditer(text)), default=WINDOW)


def _fails(source: bytes) -> bool:
    """Whether Python's own parser does not take a text that is neither long nor deep."""
    depth = accumulate(1 if each in b"([{" else -1 for each in source if each in b"()[]{}")
    if len(source) > _LONGEST_READ_BY_PYTHON or max(depth, default=0) > _DEEPEST:
        return False
    try:
        ast.parse(ESCAPE.sub("__", source.decode()))
    except SyntaxError:
        return True
    except (ValueError, MemoryError, RecursionError):
        return False
    return False


def _ends(text: str, language: str | None) -> Iterator[int]:
    """Yield where to cut a text, the last first: after whole lines, and in the first after tokens.

    Never in a string or comment, nor where an expression goes on: a callee alone helps nobody.
    """
    over = list(tokens(text, language))
    first = text.find("\n") % (len(text) + 1)
    found = [each.end() for each in _TOKEN.finditer(text)]
    for end in reversed(found):
        in_place = end <= first or text[end:].partition("\n")[0].strip() == ""
        if (
            in_place
            and not _GOES_ON.match(text, end)
            and end < len(text.rstrip())
            and not _is_inside(end, over)
        ):
            yield end


def _is_inside(position: int, over: list[Lexeme]) -> bool:
    return any(each.start < position < each.end for each in over)


def _point(text: bytes) -> tuple[int, int]:
    """Row and column, in bytes, of the end of `text`."""
    return text.count(b"\n"), len(text) - text.rfind(b"\n") - 1
