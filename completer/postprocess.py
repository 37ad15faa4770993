r"""From what the model said to what a person is shown: a list of small `str -> str` steps.

Steps see text whose lines end with `\n`; the last one restores the file's own line ends.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from completer.context.blocks import block_end
from completer.context.indentation import (
    expected_indentation,
    indent_unit,
    level_width,
    reindent,
)
from completer.context.lexical import Where, tokens, where, window_after, window_before

_WINDOW = 8_192
_SHORTEST_PARTIAL_MARK = 4
_LONGEST_PERIOD = 4
_TRIVIAL = re.compile(r"[\s)\]};,]*")
_LINES_COMPARED = 3
_CONTINUES = re.compile(r"\s*(?:else|elif|except|finally|catch|rescue)\b")
_PAIRED = re.compile(r"[()\[\]{}'\"\s]+")
_TELLING = re.compile(r"\w\W*\w\W*\w")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextContext:
    """What surrounds the completion. `marks` are the model's special marks, `multiline` a wish."""

    prefix: str
    suffix: str = ""
    language: str | None = None
    multiline: bool = True
    marks: tuple[str, ...] = ()
    crlf: bool = False

    @property
    def before(self) -> str:
        """The caret's line, left of the caret."""
        return self.prefix[self.prefix.rfind("\n") + 1 :]

    @property
    def after(self) -> str:
        """The caret's line, right of the caret."""
        return self.suffix.split("\n", 1)[0]

    @property
    def lines_before(self) -> list[str]:
        """Whole lines above the caret's, the nearest last; not all of a large file's."""
        return window_before(self.prefix, _WINDOW).split("\n")[:-1]

    @property
    def lines_after(self) -> list[str]:
        """Whole lines below the caret's, the nearest first; not all of a large file's."""
        return window_after(self.suffix, _WINDOW).split("\n")[1:]


Step = Callable[[str, TextContext], str]


def strip_marks(text: str, context: TextContext) -> str:
    """Cut at the first special mark, and drop one that is only begun at the end."""
    for mark in filter(None, context.marks):
        text = text.split(mark, 1)[0]
        for length in range(len(mark) - 1, _SHORTEST_PARTIAL_MARK - 1, -1):
            text = text.removesuffix(mark[:length])
    return text


def keep_first_line(text: str, context: TextContext) -> str:
    """Where several lines are not wanted, cut at the end of the caret's line."""
    return text if context.multiline else text.split("\n", 1)[0]


def drop_doubled_space(text: str, context: TextContext) -> str:
    """Do not begin with the space, or the indentation, that the caret already stands behind."""
    before = context.before
    if not before[-1:].isspace() or _where(context) != "code":
        return text
    if before.strip():
        return text[1:] if re.match(r" [^\s#/]", text) else text
    unit = indent_unit(context.lines_before) or "    "
    enough = len(before) >= len(expected_indentation(context.lines_before, unit))
    return text.lstrip(" \t") if enough else text


def fit_indentation(text: str, context: TextContext) -> str:
    """Indent with tabs or with spaces, as the file does."""
    unit = indent_unit([*context.lines_before, context.before, *context.lines_after])
    first, *rest = text.split("\n")
    if not unit or not rest:
        return text
    width = level_width(rest)
    return "\n".join([first, *(reindent(line, unit, width) for line in rest)])


def keep_block(text: str, context: TextContext) -> str:
    """Cut where the block that the completion began ends, or closes what the suffix closes."""
    return text[: block_end(context.prefix, text, context.suffix, context.language)]


def cut_repetition(text: str, context: TextContext) -> str:
    """Cut where lines go round in circles; drop what repeats the lines before the caret."""
    lines = text.split("\n")
    if _repeats(context.lines_before, [context.before + lines[0], *lines[1:]]):
        return ""
    for start in range(len(lines)):
        for period in range(1, _LONGEST_PERIOD + 1):
            if _goes_round(lines[start : start + 3 * period], period):
                return "\n".join(lines[: start + period])
    return text


def cut_at_suffix(text: str, context: TextContext) -> str:
    """Cut before lines that already follow, below the caret or right of it."""
    following = [line.rstrip() for line in context.lines_after if line.strip()]
    rest = context.after.strip()
    lines = text.split("\n")
    position = 0
    for number, line in enumerate(lines):
        whole = [context.before + line, *lines[1:]] if number == 0 else lines[number:]
        if _is_telling(whole[0]) and _say_the_same(whole, following):
            return text[: max(0, position - 1)]
        if number and _is_telling(rest) and line.strip() == rest:
            return text[: position + len(line) - len(line.lstrip())]
        position += len(line) + 1
    return _without_end(text, rest)


def cut_closing_quote(text: str, context: TextContext) -> str:
    """Where the string around the caret is closed right of it, cut before it is closed twice."""
    window = window_before(context.prefix, _WINDOW)
    caret = len(window)
    for token in tokens(window + text, context.language):
        if token.kind == "string" and token.start < caret < token.end and token.closing:
            rest = context.suffix if len(token.closing) > 1 else context.after
            closed_again = rest.lstrip().startswith(token.closing)
            return text[: token.end - len(token.closing) - caret] if closed_again else text
    return text


def trim_end(text: str, context: TextContext) -> str:
    """Drop white space at the end, unless it parts the completion from the rest of the line."""
    return text if context.after.strip() else text.rstrip()


def drop_trivial(text: str, context: TextContext) -> str:
    """Suggest nothing rather than closing brackets, commas and white space alone."""
    return "" if _TRIVIAL.fullmatch(text) else text


def restore_line_ends(text: str, context: TextContext) -> str:
    r"""End lines with `\r\n` where the file does."""
    return text.replace("\n", "\r\n") if context.crlf else text


STEPS: tuple[Step, ...] = (
    strip_marks,
    keep_first_line,
    drop_doubled_space,
    fit_indentation,
    cut_closing_quote,
    keep_block,
    cut_repetition,
    cut_at_suffix,
    trim_end,
    drop_trivial,
    restore_line_ends,
)


def postprocess(text: str, context: TextContext) -> str:
    """Return what to insert at the caret; empty when nothing is worth showing."""
    context = replace(
        context,
        prefix=context.prefix.replace("\r\n", "\n"),
        suffix=context.suffix.replace("\r\n", "\n"),
        crlf=context.crlf or "\r\n" in context.prefix or "\r\n" in context.suffix,
    )
    text = text.replace("\r\n", "\n")
    for step in STEPS:
        text = step(text, context)
    return text


def _is_telling(line: str) -> bool:
    """Whether a line says enough that it seldom stands twice in one place."""
    return _TELLING.search(line) is not None


def _where(context: TextContext) -> Where:
    return where(window_before(context.prefix, _WINDOW), context.language)


def _say_the_same(lines: list[str], following: list[str]) -> bool:
    """Whether `lines` begin as what follows does; one line is enough if it goes on with a block."""
    said = [line.rstrip() for line in lines if line.strip()][:_LINES_COMPARED]
    if not following or said[0] != following[0]:
        return False
    if _CONTINUES.match(said[0]):
        return True
    return all(one == two for one, two in zip(said[:-1], following, strict=False)) and (
        len(following) < len(said) or following[len(said) - 1].startswith(said[-1])
    )


def _repeats(before: list[str], lines: list[str]) -> bool:
    """Whether `lines` are the last ones of `before` once more."""
    said = [line.rstrip() for line in lines if line.strip()]
    heard = [line.rstrip() for line in before if line.strip()]
    return _is_telling(" ".join(said)) and heard[-len(said) :] == said


def _goes_round(lines: list[str], period: int) -> bool:
    """Whether `lines` are the same `period` lines three times."""
    if len(lines) < 3 * period or not _is_telling(" ".join(lines[:period])):
        return False
    return all(line == lines[number % period] for number, line in enumerate(lines))


def _without_end(text: str, rest: str) -> str:
    """Cut what `text` ends with, if the caret's line goes on with just that."""
    trimmed = text.rstrip()
    if "\n" in text or not rest or not trimmed.endswith(rest):
        return text
    kept = trimmed.removesuffix(rest)
    inside_a_word = rest[0].isalnum() and kept[-1:].isalnum()
    return text if inside_a_word or _PAIRED.fullmatch(rest) else kept
