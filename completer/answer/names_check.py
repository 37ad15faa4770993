"""Which names of an answer surely do not exist, by what static analysis knows of its place."""

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import product

from completer.answer.parse_check import ESCAPE
from completer.context.lexical import indentation, tokens
from completer.context.surroundings import Surroundings
from completer.names.evidence import NameEvidence, NameKind
from completer.names.place import name_place

_DOTTED = re.compile(r"\b[^\W\d]\w*+(?:\.[^\W\d]\w*+)++")
_ASSIGNED = re.compile(r"\s*=[^=]")
_RIGHT_BEFORE = re.compile(r"(?:[\w)\]}\"']\s*\.\s*|\bimport\b[^#\n]*[\s,(])\Z")
_LINE = 200  # characters of a line that are read for what stands before a name


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A name that does not exist: the characters `start:end` of an answer."""

    start: int
    end: int
    name: str


def unresolved(text: str, around: Surroundings, evidence: NameEvidence) -> list[Unresolved]:
    """Return the names in `text`, an answer at the caret, that surely do not resolve, in order.

    Members behind dotted names and behind the caret's own dot or `import`, where all there are are
    known, and in Python the names that it reads and nothing binds. Names in strings and comments
    and those that are assigned to are none of them.
    """
    if around.where != "code":
        return []
    found = [*_first(text, around, evidence), *_members(text, around, evidence)]
    if around.language == "python":
        found += _unbound(text, around, evidence)
    return sorted(set(found), key=lambda each: each.start)


def _first(text: str, around: Surroundings, evidence: NameEvidence) -> Iterator[Unresolved]:
    """Look at the name that the caret is in or behind, where that is behind a dot or `import`."""
    names, place = evidence.at_caret, name_place(around.line)
    typed = place.typed if place else ""
    lead = around.line.removesuffix(typed)
    word = re.match(r"\w*", text)
    name = typed + (word[0] if word else "")
    if names is None or names.kind is NameKind.OPEN or _RIGHT_BEFORE.search(lead[-_LINE:]) is None:
        return
    length = len(name) - len(typed)
    goes_on = length == len(text) and re.match(r"\w", around.rest)
    is_target = _ASSIGNED.match(text[length:] + around.rest)
    if name and not goes_on and not is_target and name not in names.names:
        yield Unresolved(0, length, name)


def _members(text: str, around: Surroundings, evidence: NameEvidence) -> Iterator[Unresolved]:
    """Look at the members of dotted names whose members are all known."""
    line = around.line
    over = list(tokens(line + text, around.language))
    for found in _DOTTED.finditer(line + text):
        before = (line + text)[: found.start()].rstrip()
        is_in_text = any(each.covers(found.start() + 1) for each in over)
        if is_in_text or before.endswith((".", "import", "from")):
            continue
        yield from _in_chain(found, line + text + around.rest, len(line), evidence)


def _in_chain(
    found: re.Match[str], line: str, caret: int, evidence: NameEvidence
) -> Iterator[Unresolved]:
    start = found.start()
    for dot in re.finditer(r"\.", found[0]):
        member = re.match(r"\w+", line[start + dot.end() :])
        known = evidence.members.get(found[0][: dot.start()])
        if member is None or known is None or known.kind is NameKind.OPEN:
            continue
        at, end = start + dot.end(), start + dot.end() + len(member[0])
        is_target = _ASSIGNED.match(line[end:]) and end == found.end()
        if end > caret and not is_target and member[0] not in known.names:
            yield Unresolved(max(0, at - caret), max(0, min(end, found.end()) - caret), member[0])
            return


def _unbound(text: str, around: Surroundings, evidence: NameEvidence) -> Iterator[Unresolved]:
    """Look at the names that an answer reads, where it parses with its own line."""
    if evidence.scope is None or evidence.scope.kind is NameKind.OPEN:
        return
    parsed = _parsed(around.line, text.rstrip(), around.rest)
    if parsed is None:
        return
    tree, source, caret = parsed
    bound = evidence.scope.names | set(_bound(tree))
    starts = [0, *(found.end() for found in re.finditer("\n", source))]
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id not in bound:
            line = source[starts[node.lineno - 1] :].encode()
            at = starts[node.lineno - 1] + len(line[: node.col_offset].decode()) - caret
            if -len(node.id) < at < len(text) and source.startswith(node.id, at + caret):
                yield Unresolved(max(0, at), at + len(node.id), node.id)


def _parsed(line: str, text: str, rest: str) -> tuple[ast.Module, str, int] | None:
    """Parse the caret's line with an answer in it, and with what it may lack around it.

    Returns tree, text, and where the caret stands in it.
    """
    indent = indentation(line + text)
    block = "if 1:\n" if indent else ""
    befores = (block, f"{block}{indent}if 1: pass\n", f"{block}{indent}try: pass\n")
    for before, after in product(befores, (rest, rest + " pass")):
        source = before + line + text + after
        with suppress(SyntaxError, ValueError, MemoryError, RecursionError):
            return ast.parse(ESCAPE.sub("__", source)), source, len(before + line)
    return None


def _bound(tree: ast.Module) -> Iterator[str]:
    """Yield every name that code binds anywhere, however."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(ctx=ast.Store() | ast.Del()):
                yield node.id
            case ast.arg():
                yield node.arg
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.alias():
                yield (node.asname or node.name).partition(".")[0]
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                yield name
            case ast.MatchStar(name=str(name)) | ast.MatchMapping(rest=str(name)):
                yield name
            case ast.Global() | ast.Nonlocal():
                yield from node.names
