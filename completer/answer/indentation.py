"""A file's way to indent, and text brought to it."""

import math
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

from completer.context.lexical import indentation

_OPENS_BLOCK = re.compile(r".*(?:[:{(\[]|\b(?:do|then))$")


def indent_unit(lines: Iterable[str]) -> str:
    """Return one level of the indentation of `lines`, empty if they show none."""
    indents = [indentation(line) for line in lines if line.strip()]
    tabs = sum(indent.startswith("\t") for indent in indents)
    spaces = sum(indent.startswith("  ") for indent in indents)
    if tabs > spaces:
        return "\t"
    steps = Counter(len(b) - len(a) for a, b in pairwise(indents) if len(b) - len(a) > 1)
    return " " * steps.most_common(1)[0][0] if spaces and steps else ""


def reindent(line: str, unit: str, width: int) -> str:
    """Indent `line` with `unit`, where a level is a tab or `width` spaces now."""
    old = indentation(line)
    levels, rest = divmod(old.count(" "), width)
    if unit == "\t" and " " in old:
        new = "\t" * (old.count("\t") + levels) + " " * rest
    elif unit != "\t" and "\t" in old:
        new = unit * old.count("\t") + " " * old.count(" ")
    else:
        return line
    return new + line[len(old) :]


def indent_anew(line: str, unit: str, width: int) -> str:
    """Indent `line` with `unit`, whatever a level of `width` columns is made of now."""
    old = indentation(line)
    levels, rest = divmod(len(old.expandtabs(width)), width)
    return unit * levels + " " * rest + line[len(old) :]


def level_width(lines: Iterable[str]) -> int:
    """Return how many spaces a level seems to have in `lines`: 2, 3 or 4."""
    widths = [len(indentation(line).lstrip("\t")) for line in lines if line.strip()]
    common = math.gcd(*widths)
    return next((width for width in (4, 2, 3) if common and common % width == 0), 4)


def expected_indentation(lines_before: list[str], unit: str) -> str:
    """Return how a new line behind `lines_before` would be indented at most."""
    code = (line for line in reversed(lines_before) if line.strip() and line[0] != "#")
    last = next(code, "")
    return indentation(last) + (unit if _OPENS_BLOCK.match(last.rstrip()) else "")
