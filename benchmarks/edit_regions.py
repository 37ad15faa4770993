"""Regions of real files before and after an edit, and made-up models that write what comes after.

Renames, added arguments and changed literals are made wherever the text says so, in strings too:
what is measured with them are drafts, not whether an edit is right.
"""

import difflib
import keyword
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.releases import Revised
from completer.next_edit.expected import Replacement, expected

LINES = 21
_WORD = re.compile(r"[^\W\d]\w{2,}")
_CALL = re.compile(r"\b([^\W\d]\w+)\(([^()\n]+)\)")
_LITERAL = re.compile(r"\"(\w{3,})\"|(?<![\w.])(\d+)(?![\w.])")


@dataclass(frozen=True, slots=True)
class Region:
    """Lines of a file before and after an edit; `replaced`: what the edit before replaced."""

    kind: str
    file: str
    before: str
    """What stands above it in the file."""
    old: str
    new: str
    replaced: tuple[Replacement, ...] = ()


def edited_regions(texts: dict[str, str], count: int, drawn: random.Random) -> Iterator[Region]:
    """Draw `count` regions, and make edits of three kinds in them, in turn."""
    makers, made, names = (_renamed, _argument_added, _literal_changed), 0, sorted(texts)
    while made < count:
        name = drawn.choice(names)
        lines = texts[name].splitlines(keepends=True)
        start = drawn.randrange(max(1, len(lines) - LINES))
        before, old = "".join(lines[:start]), "".join(lines[start : start + LINES])
        edit = makers[made % len(makers)](Region("", name, before, old, old), drawn)
        if edit is not None and len(lines) > LINES:
            made += 1
            yield edit


def revised_regions(files: list[Revised], count: int, drawn: random.Random) -> Iterator[Region]:
    """Draw changed lines out of the differences between releases, with what is around them."""
    for file in drawn.sample(files, min(count, len(files))):
        old, new = (text.splitlines(keepends=True) for text in (file.old, file.new))
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        changes = [each for each in matcher.get_opcodes() if each[0] == "replace"]
        changes = [each for each in changes if max(each[2] - each[1], each[4] - each[3]) <= LINES]
        if changes:
            _, begin, end, new_begin, new_end = drawn.choice(changes)
            ahead = min(begin, new_begin, max(0, (LINES - (end - begin)) // 2))
            behind = max(0, LINES - ahead - (end - begin))
            yield Region(
                "two releases",
                file.name,
                "".join(old[: begin - ahead]),
                "".join(old[begin - ahead : end + behind]),
                "".join([*old[begin - ahead : begin], *new[new_begin:new_end]])
                + "".join(old[end : end + behind]),
            )


def diverging(text: str, share: float, others: list[str], drawn: random.Random) -> str:
    """Return a text in which so many lines are left out, replaced, put in, or have another word."""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        if drawn.random() >= share:
            lines.append(line)
            continue
        other = drawn.choice(others)
        word = (_WORD.findall(other) or ["other"])[0]
        changed = _WORD.sub(word, line, count=1)
        lines += drawn.choice(([], [other], [other, line], [changed]))
    return "".join(lines)


def _renamed(region: Region, drawn: random.Random) -> Region | None:
    found = _WORD.findall(region.old)
    names = sorted({name for name in found if found.count(name) > 1} - set(keyword.kwlist))
    if not names:
        return None
    name = drawn.choice(names)
    replaced = ((name, f"{drawn.choice(found)}_{name}"),)
    return replace(region, kind="rename", new=expected(region.old, replaced), replaced=replaced)


def _argument_added(region: Region, drawn: random.Random) -> Region | None:
    calls = sorted({name for name, _ in _CALL.findall(region.old)})
    if not calls:
        return None
    called, name = drawn.choice(calls), drawn.choice(_WORD.findall(region.old))
    pattern = rf"\b{called}\(([^()\n]+)\)"
    new = re.sub(pattern, rf"{called}(\1, {name}={name})", region.old)
    return replace(region, kind="argument", new=new)


def _literal_changed(region: Region, drawn: random.Random) -> Region | None:
    found = list(_LITERAL.finditer(region.old))
    if not found:
        return None
    one = drawn.choice(found)
    other = f'"{drawn.choice(_WORD.findall(region.old))}"' if one[1] else str(int(one[2]) + 1)
    new = region.old[: one.start()] + other + region.old[one.end() :]
    return replace(region, kind="literal", new=new)
