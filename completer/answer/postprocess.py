r"""From what the model said to what a person is shown: where it ends, and what it looks like.

Rules say where a text has to end, each of the text as the model wrote it; the first end counts.
What is left is brought into the file's shape by small steps, the last of which restores the file's
own line ends.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from completer.answer.blocks import BlockEnd
from completer.answer.indentation import (
    expected_indentation,
    indent_anew,
    indent_unit,
    level_width,
    reindent,
)
from completer.answer.parse_check import ParseCheck
from completer.answer.suffix_overlap import SuffixOverlap
from completer.answer.text_policy import repetition_end
from completer.context.brackets import unmatched
from completer.context.lexical import indentation, is_telling
from completer.context.surroundings import Surroundings
from completer.names.evidence import NameEvidence

_SHORTEST_PARTIAL_MARK = 4
_TRIVIAL = re.compile(r"[\s)\]};,]*")
_LINES_COMPARED = 3
_CONTINUES = re.compile(r"\s*(?:else|elif|except|finally|catch|rescue)\b")


@dataclass(frozen=True, kw_only=True)
class TextContext:
    """What surrounds a completion: all that rules about its text look at, worked out once.

    `marks` are the model's special marks; `multiline` says whether several lines are wanted.
    `evidence` is what is known of the names that may stand there. `indent` is what the editor
    indents a line by, if that is known.
    """

    prefix: str
    suffix: str = ""
    language: str | None = None
    multiline: bool = True
    marks: tuple[str, ...] = ()
    crlf: bool = False
    evidence: NameEvidence | None = None
    indent: str = ""

    @cached_property
    def around(self) -> Surroundings:
        """The text around the caret, as far as it is looked at."""
        return Surroundings.of(self.prefix, self.suffix, self.language)

    @cached_property
    def block(self) -> BlockEnd:
        """Where the block ends that a completion begins here."""
        return BlockEnd(self.around)

    @cached_property
    def parse_check(self) -> ParseCheck:
        """What finds errors of syntax in completions."""
        return ParseCheck(self.around)

    @cached_property
    def overlap(self) -> SuffixOverlap:
        """Where a completion runs on into the text behind the caret."""
        return SuffixOverlap(self.around)


End = Callable[[str, TextContext], int]
Step = Callable[[str, TextContext], str]


def mark_end(text: str, context: TextContext) -> int:
    """End at the first special mark, or at one that is only begun at the end."""
    end = len(text)
    for mark in filter(None, context.marks):
        found = text.find(mark)
        end = min(end, found if found >= 0 else end)
        for length in range(len(mark) - 1, _SHORTEST_PARTIAL_MARK - 1, -1):
            end = min(end, len(text.removesuffix(mark[:length])))
    return end


def first_line_end(text: str, context: TextContext) -> int:
    """Where several lines are not wanted, end with the caret's line."""
    return len(text) if context.multiline else len(text.partition("\n")[0])


def own_block_end(text: str, context: TextContext) -> int:
    """End with the block that the completion began, and close no bracket of the suffix's."""
    return context.block.find(text)


def repeated_end(text: str, context: TextContext) -> int:
    """End where the text goes round; before the start, if all of it repeats the lines above."""
    lines = text.split("\n")
    if _repeats(context.around.lines_before, [context.around.line + lines[0], *lines[1:]]):
        return 0
    end = repetition_end(text)
    return len(text) if end is None else end


def overlap_end(text: str, context: TextContext) -> int:
    """End before what stands right of the caret, and below it, as far as the text goes on so."""
    return context.overlap.end(text)


def following_line_end(text: str, context: TextContext) -> int:
    """End before lines that already follow below the caret, or stand right of it."""
    following = [line.rstrip() for line in context.around.lines_after if line.strip()]
    rest = context.around.rest.strip()
    lines = text.split("\n")
    position = 0
    for number, line in enumerate(lines):
        whole = [context.around.line + line, *lines[1:]] if number == 0 else lines[number:]
        if is_telling(whole[0]) and _say_the_same(whole, following):
            return max(0, position - 1)
        if number and is_telling(rest) and line.strip() == rest:
            return position + len(line) - len(line.lstrip())
        position += len(line) + 1
    return len(text)


ENDS: tuple[End, ...] = (
    own_block_end,
    repeated_end,
    overlap_end,
    following_line_end,
)


def drop_impossible_indentation(text: str, context: TextContext) -> str:
    """Where Python allows no deeper line, do not indent by more than the lines above imply."""
    around = context.around
    begun = indentation(text.partition("\n")[0])
    starts_line = not around.line.strip() and around.where == "code" and around.from_top_level
    if around.language != "python" or not starts_line or not begun:
        return text
    *lines, _ = around.code.split("\n")
    if unmatched(around.code)[0] or "".join(lines[-1:]).rstrip().endswith("\\"):
        return text
    most = expected_indentation(lines, indent_unit(lines) or "    ")
    if "\t" in most + around.line + begun:
        return text
    return text[min(max(0, len(around.line + begun) - len(most)), len(begun)) :]


def fit_indentation(text: str, context: TextContext) -> str:
    """Indent with tabs or with spaces, as the file does, or else as the editor does."""
    around = context.around
    unit = indent_unit([*around.lines_before, around.line, *around.lines_after])
    first, *rest = text.split("\n")
    if not (unit or context.indent) or not rest:
        return text
    width = level_width(rest)
    if unit:
        return "\n".join([first, *(reindent(line, unit, width) for line in rest)])
    return "\n".join([first, *(indent_anew(line, context.indent, width) for line in rest)])


def trim_end(text: str, context: TextContext) -> str:
    """Drop white space at the end, unless it parts the completion from the rest of the line."""
    return text if context.around.rest.strip() else text.rstrip()


def drop_trivial(text: str, context: TextContext) -> str:
    """Suggest nothing rather than closing brackets, commas and white space alone."""
    return "" if _TRIVIAL.fullmatch(text) else text


def restore_line_ends(text: str, context: TextContext) -> str:
    r"""End lines with `\r\n` where the file does."""
    crlf = context.crlf or "\r\n" in context.prefix or "\r\n" in context.suffix
    return text.replace("\n", "\r\n") if crlf else text


STEPS: tuple[Step, ...] = (
    drop_impossible_indentation,
    fit_indentation,
    trim_end,
    drop_trivial,
    restore_line_ends,
)


def postprocess(text: str, context: TextContext) -> str:
    """Return what to insert at the caret; empty when nothing is worth showing."""
    text = text.replace("\r\n", "\n")
    text = text[: mark_end(text, context)]
    text = text[: first_line_end(text, context)]
    text = text[: min(end(text, context) for end in ENDS)]
    for step in STEPS:
        text = step(text, context)
    return text


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
    return is_telling(" ".join(said)) and heard[-len(said) :] == said
