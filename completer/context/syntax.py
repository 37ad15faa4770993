"""The code around a caret: where it stands, which names are near, what is complete."""

import re
import textwrap
from dataclasses import dataclass

from completer.context.brackets import open_brackets
from completer.context.definitions import definitions
from completer.context.grammars import has_grammar, parse, wrappers
from completer.context.lexical import (
    Where,
    identifiers,
    indentation,
    where,
    window_after,
    window_before,
    without_text,
)

_WINDOW = 16_384
_PYTHON_HEADER = re.compile(r"([ \t]*)(?:async\s+def|def|class)\s+(\w+)")


@dataclass(frozen=True, slots=True)
class CaretScope:
    """Where a caret stands.

    `names` are the functions and types around it, the outermost first, `indentation` the white
    space that its line begins with; `at_line_end` says that nothing but white space follows it.
    """

    where: Where
    names: tuple[str, ...]
    indentation: str
    at_line_end: bool


def caret_scope(source: str, offset: int, language: str | None) -> CaretScope:
    """Describe the caret before character `offset`, from a window around it, so in bounded time."""
    before = window_before(source[:offset], _WINDOW)
    after = window_after(source[offset:], _WINDOW)
    names = _python_scopes(before) if language == "python" else _scopes(before, after, language)
    return CaretScope(
        where=where(before, language),
        names=names,
        indentation=indentation(before[before.rfind("\n") + 1 :]),
        at_line_end=not after.split("\n", 1)[0].strip(),
    )


def identifiers_near(
    source: str, offset: int, count: int, language: str | None = None
) -> list[str]:
    """Return up to `count` different names of the code around `offset`, the nearest first."""
    left = reversed(identifiers(window_before(source[:offset], _WINDOW), language))
    right = identifiers(window_after(source[offset:], _WINDOW // 4), language)
    nearest: dict[str, None] = {}
    for number, name in enumerate(left):
        nearest.setdefault(name)
        if number % 2 and number // 2 < len(right):
            nearest.setdefault(right[number // 2])
        if len(nearest) >= count:
            break
    return list(nearest)[:count]


def is_complete_block(text: str, language: str | None) -> bool:
    """Whether `text` is whole: statements, members or definitions with nothing left open.

    Without a grammar, closed brackets and strings are all that is asked for.
    """
    if not text.strip() or open_brackets(text, language):
        return False
    if where(text, language) == "string":
        return False
    if language == "python" and without_text(text, language).rstrip().endswith(":"):
        return False  # the grammar takes a header without a body
    if not has_grammar(language):
        return True
    code = textwrap.dedent(text)
    return any(
        not _has_error(f"{head}{code}\n{tail}", language) for head, tail in wrappers(language)
    )


def _has_error(source: str, language: str | None) -> bool:
    tree = parse(source.encode("utf-8", "surrogatepass"), language)
    return tree is None or tree.root_node.has_error


def _scopes(before: str, after: str, language: str | None) -> tuple[str, ...]:
    found = definitions(before + after, language)
    return tuple(d.name for d in found if d.start < len(before) <= d.end and d.kind != "field")


def _python_scopes(before: str) -> tuple[str, ...]:
    """Read the headers above the caret by their indentation: a body being typed does not parse."""
    lines = before.split("\n")
    column = len(indentation(lines[-1]).expandtabs())
    names: list[str] = []
    for line in reversed(lines[:-1]):
        if not line.strip() or len(indentation(line).expandtabs()) >= column:
            continue
        column = len(indentation(line).expandtabs())
        if header := _PYTHON_HEADER.match(line):
            names.append(header[2])
    return tuple(reversed(names))
