"""Which names of an answer surely do not exist, by what static analysis knows of its place."""

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice, product
from typing import NamedTuple

from completer.answer.parse_check import ESCAPE
from completer.context.lexical import indentation, tokens
from completer.context.surroundings import Surroundings
from completer.names.evidence import NameEvidence, NameKind
from completer.names.place import binds, name_place

_DOTTED = re.compile(r"\b[^\W\d]\w*+(?:\.[^\W\d]\w*+)++")
_ASSIGNED = re.compile(r"\s*=[^=]")
_FROM_IMPORT = re.compile(
    r"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^()#]*|[^()#\n]*)", re.MULTILINE
)
_IMPORTED_NAME = re.compile(r"(?:^|[,(])\s*([^\W\d]\w*)")
_MOST_NAMED = 8
_RIGHT_BEFORE = re.compile(r"(?:[\w)\]}\"']\s*\.\s*|\bimport\b[^#\n]*[\s,(])\Z")
_LINE = 200  # characters of a line that are read for what stands before a name


@dataclass(frozen=True, slots=True)
class Unresolved:
    """A name that does not exist: the characters `start:end` of an answer."""

    start: int
    end: int
    name: str


class Named(NamedTuple):
    """Dotted names whose members an answer names, and modules that it imports from."""

    owners: tuple[str, ...]
    modules: tuple[str, ...]


def not_known(text: str, around: Surroundings, evidence: NameEvidence) -> Named | None:
    """Return what an answer at the caret names of which the evidence says nothing, if anything."""
    if around.where != "code" or around.language != "python":
        return None
    chains = (found for _, found in _chains(text, around))
    dots = (chain[0][: dot.start()] for chain in chains for dot in re.finditer(r"\.", chain[0]))
    owners = dict.fromkeys(owner for owner in dots if owner not in evidence.members)
    modules = dict.fromkeys(module for module, _, _ in _imports(text, around))
    named = Named(tuple(islice(owners, _MOST_NAMED)), tuple(islice(modules, _MOST_NAMED)))
    return named if any(named) else None


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
        found += [*_imported(text, around, evidence), *_unbound(text, around, evidence)]
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
    for whole, found in _chains(text, around):
        yield from _in_chain(found, whole + around.rest, len(around.line), evidence)


def _chains(text: str, around: Surroundings) -> Iterator[tuple[str, re.Match[str]]]:
    """Yield the dotted names that end in an answer and that it does not bind, in line and answer.

    A name that it binds stands for something that nobody was asked about.
    """
    line = around.line
    whole = line + text
    over = list(tokens(whole, around.language))
    for found in _DOTTED.finditer(whole):
        before = whole[: found.start()].rstrip()
        is_in_text = any(each.covers(found.start() + 1) for each in over)
        begins_elsewhere = before.endswith((".", "import", "from"))
        is_bound = binds(whole[: found.start()], found[0].partition(".")[0])
        if found.end() > len(line) and not (is_in_text or begins_elsewhere or is_bound):
            yield whole, found


def _imported(text: str, around: Surroundings, evidence: NameEvidence) -> Iterator[Unresolved]:
    """Look at what an answer imports from modules of which all is known."""
    for module, name, start in _imports(text, around):
        known = evidence.modules.get(module)
        if known is not None and known.kind is NameKind.IMPORTABLE and name not in known.names:
            yield Unresolved(max(0, start), start + len(name), name)


def _imports(text: str, around: Surroundings) -> Iterator[tuple[str, str, int]]:
    """Yield module, name, and where in an answer the name stands, of all that it imports."""
    line = around.line
    for found in _FROM_IMPORT.finditer(line + text):
        for name in _IMPORTED_NAME.finditer(found[2]):
            start = found.start(2) + name.start(1) - len(line)
            goes_on = start + len(name[1]) == len(text) and re.match(r"\w", around.rest)
            if start + len(name[1]) > 0 and not goes_on:
                yield found[1], name[1], start


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
