"""What to look for in the repository at a caret: the names around it.

Read off complete lines only, and off those above the caret in steps: while a person types on one
line, and for some lines more, the query and so the prompt's start stay the same.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from completer.context.lexical import without_text
from completer.context.surroundings import Surroundings

STEP = 8
"""How many lines are typed before the query changes."""

_LINES_ABOVE = 48
_LINES_BELOW = 16
_MOST_NAMES = 200
_IMPORTED = 0.25  # what is imported may come up, near or not

_IMPORT = re.compile(
    r"^[ \t]*(?:import|from|use|using|require|require_relative|include|#[ \t]*include|extern crate"
    r"|(?:export|const|let|var)\b[^\n]*\b(?:from|require))\b[^\n({]*",
    re.MULTILINE,
)
_CLOSER = re.compile(r"[)}]")
_NAME = re.compile(r"[^\W\d]\w*")
_TYPE_HEADER = re.compile(
    r"^[ \t]*(?:[\w<>]+[ \t]+){0,3}(?:class|impl|interface|struct)\b[^\n]*", re.MULTILINE
)
_ATTRIBUTE = re.compile(r"(?:\.|->|::)\s*([^\W\d]\w*)")


@dataclass(frozen=True, slots=True)
class Query:
    """The names to look up, each with its weight in (0, 1].

    `attributes` are those that stand behind a dot, `imported` those of the import lines.
    """

    names: tuple[tuple[str, float], ...]
    attributes: frozenset[str]
    imported: frozenset[str]


def query_at(around: Surroundings) -> Query:
    """Collect the names near the caret, nearer and more frequent ones with more weight.

    The header of the type around it counts as near, and what is imported as not too far.
    In a long string, which may be documentation with examples, its words are names as well.
    """
    above = Surroundings(_text_above(around), language=around.language)
    code = above.before if above.where == "string" else above.code
    header = _TYPE_HEADER.findall(code)[-1:]
    code_above = "\n".join(code.split("\n")[-_LINES_ABOVE:] + header)
    below_the_line = "\n".join(around.lines_after[:_LINES_BELOW])
    code_below = without_text(below_the_line, around.language)
    names_above, names_below = _NAME.findall(code_above), _NAME.findall(code_below)
    weights: dict[str, float] = {}
    for distance, name in enumerate(reversed(names_above)):
        weights[name] = weights.get(name, 0.0) + 1 / (1 + distance / 32)
    for distance, name in enumerate(names_below):
        weights[name] = weights.get(name, 0.0) + 1 / (2 + distance / 16)
    imported = _imported(around.head)
    for name in imported:
        weights[name] = weights.get(name, 0.0) + _IMPORTED
    heaviest = sorted(weights.items(), key=lambda item: (-item[1], item[0]))[:_MOST_NAMES]
    top = heaviest[0][1] if heaviest else 1.0
    return Query(
        names=tuple((name, weight / top) for name, weight in heaviest),
        attributes=frozenset(_ATTRIBUTE.findall(code_above) + _ATTRIBUTE.findall(code_below)),
        imported=imported,
    )


def _text_above(around: Surroundings) -> str:
    """Return a window up to the last multiple of `STEP` lines above the caret's line."""
    lines = around.lines_before
    return "\n".join(lines[: len(lines) - around.lines % STEP])


def _imported(head: str) -> frozenset[str]:
    complete = head[: head.rfind("\n") + 1]
    return frozenset(name for each in _imports(complete) for name in _NAME.findall(each))


def _imports(head: str) -> Iterator[str]:
    """Yield the import lines of whole lines, with the further lines that a bracket opens."""
    end, closed = 0, True
    while start := _IMPORT.search(head, end):
        end = start.end()
        if closed and head[end : end + 1] in ("(", "{"):
            closer = _CLOSER.search(head, end)
            closed = closer is not None  # if not here, then nowhere below
            end = closer.end() if closer else end
        end = head.index("\n", end)
        yield head[start.start() : end]
