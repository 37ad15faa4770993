"""Raw prompts: a whole prompt that a client wrote in the marks of some family, read into its parts.

A prompt counts as one only if all of it is one layout's, from its first character to its last, and
can be read in one way: a file that has such marks in it is a file. So a mark that parts two texts
stands there once; those at the edges may stand inside again, as text, if no file stands in front.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from models.fim_layouts import LAYOUTS
from models.fim_template import (
    COMMENT,
    LANGUAGE,
    OWN,
    PATH,
    PREFIX,
    SLOTS,
    SUFFIX,
    FimLayout,
    Section,
    Text,
    marks_of,
)

BEGINNINGS = ("<s>", "<bos>", "<|begin_of_text|>", "<｜begin▁of▁sentence｜>", "[gMASK]<sop>")
"""Begin marks that clients write though the tokenizer adds them."""
EDITS = ("<|user_cursor", "<|editable_region_start|>", "<|marker_", "<<<<<<< CURRENT\n")
"""Marks of prompts that ask for an edit, in the marks of FIM: these are no prompts of ours."""

_PATH_LIKE = re.compile(r"[^\s\x00-\x1f<>:\"'|?*;={}()]{1,256}")
_PATTERNS = {PATH: r"(?P<path>[^\n]{1,1024})", COMMENT: r"\S{1,4}", LANGUAGE: r"[^\n]{1,64}"}
_TELLING = 5
"""Characters of text by which a section inside a prefix is known: a comment may be anything."""

File = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPrompt:
    """The parts of a prompt, and the layout that it was read as.

    `files` are pairs of path and text; a path that is not known is empty.
    """

    layout: str
    prefix: str
    suffix: str
    path: str = ""
    files: tuple[File, ...] = ()


def read_raw_prompt(text: str) -> RawPrompt | None:
    """Read a prompt that is one layout's as a whole; `None` for any other text."""
    for beginning in BEGINNINGS:
        text = text.removeprefix(beginning)
    found = (_read(form, text) for form in _forms())
    prompt = next((each for each in found if each is not None), None)
    return None if prompt and any(mark in text for mark in EDITS) else prompt


@dataclass(frozen=True, slots=True)
class _Form:
    """A layout with its marks as clients write them."""

    layout: FimLayout
    marks: tuple[str, ...]

    @property
    def slots(self) -> list[list[str]]:
        """The slots in front of the first mark, and behind each."""
        found: list[list[str]] = [[]]
        for part in self.layout.template:
            found[-1].append(part) if part in SLOTS else found.append([])
        return found


@cache
def _forms() -> tuple[_Form, ...]:
    """Every form, the one first by whose name what several read alike is known."""
    order = {"starcoder": 0, "completer-spm": 2}
    layouts = sorted(LAYOUTS, key=lambda layout: order.get(layout.name, 1))
    return tuple(
        _Form(layout, marks) for layout in layouts for marks in (layout.marks, *layout.spellings)
    )


def _read(form: _Form, text: str) -> RawPrompt | None:
    parts = _parted(form, text)
    if parts is None:
        return None
    slots, layout = form.slots, form.layout
    head = _head(layout, parts[0], own=OWN in slots[0])
    if head is None or any(part and not slots[at] for at, part in enumerate(parts) if at):
        return None
    files, path = head
    at = next(at for at, names in enumerate(slots) if PREFIX in names)
    prefix = parts[at]
    if OWN in slots[at]:
        inside, path, prefix = _inside(layout, prefix, behind_files=bool(files))
        files += inside
    suffix = next(part for part, names in zip(parts, slots, strict=True) if SUFFIX in names)
    return RawPrompt(
        layout=layout.name, prefix=prefix, suffix=suffix, path=path, files=tuple(files)
    )


def _parted(form: _Form, text: str) -> list[str] | None:
    """The text in front of the first mark, and behind each, if there is one way to part it."""
    marks = form.marks
    start = text.find(marks[0])
    ends_with_mark = not form.slots[-1]
    if (
        start < 0
        or (start and not form.slots[0])
        or (ends_with_mark and not text.endswith(marks[-1]))
    ):
        return None
    strict = marks if start else marks[1 : len(marks) - ends_with_mark]
    if any(text.count(mark) != 1 for mark in strict):
        return None
    places = [start, *(text.find(mark) for mark in marks[1:])]
    if ends_with_mark:
        places[-1] = len(text) - len(marks[-1])
    ends = [0, *(place + len(mark) for place, mark in zip(places, marks, strict=True))]
    if any(end > place for end, place in zip(ends, places, strict=False)):
        return None
    return [text[end:place] for end, place in zip(ends, [*places, len(text)], strict=True)]


def _head(layout: FimLayout, head: str, *, own: bool) -> tuple[list[File], str] | None:
    """The other files in front of all marks, and the path behind them; `None` if it is not that."""
    if not head:
        return [], ""
    mark = next(iter(marks_of(layout.file)), None)
    if mark is None:
        return None
    repo = next(iter(marks_of(layout.repo)), None)
    if repo is not None and head.startswith(repo):
        head = head[max(0, head.find(mark)) :]
    before, *pieces = head.split(mark)
    if before or not pieces or (layout.behind_files and pieces.pop()) or not all(pieces):
        return None
    path = pieces.pop().strip() if own and pieces and _is_path(pieces[-1]) else ""
    return [_file(piece) for piece in pieces], path


def _is_path(piece: str) -> bool:
    """Whether a section has nothing but a path, with or without a line break."""
    return "\n" not in piece.removesuffix("\n") and piece.strip().isprintable()


def _file(piece: str) -> File:
    first, line_end, rest = piece.partition("\n")
    return (
        (first.strip(), rest) if line_end and _PATH_LIKE.fullmatch(first.strip()) else ("", piece)
    )


def _inside(layout: FimLayout, prefix: str, *, behind_files: bool) -> tuple[list[File], str, str]:
    """Other files and the path that a prefix begins with, and what is left of it."""
    headers = list(_headers(layout.own, prefix))
    if headers:
        ends = [header.start() for header in headers[1:]]
        texts = [prefix[one.end() : end] for one, end in zip(headers, ends, strict=False)]
        paths = [header["path"].strip() for header in headers]
        return list(zip(paths, texts, strict=False)), paths[-1], prefix[headers[-1].end() :]
    first, line_end, rest = prefix.partition("\n")
    bare = layout.own[:1] == (PATH,) and behind_files and line_end and re.search(r"[./]", first)
    return ([], first, rest) if bare and _PATH_LIKE.fullmatch(first) else ([], "", prefix)


def _headers(section: Section, prefix: str) -> Iterator[re.Match[str]]:
    """Where sections with a path begin in a prefix, if one does at its start."""
    pattern = _header_pattern(section)
    if pattern is not None and pattern.match(prefix):
        yield from pattern.finditer(prefix)


@cache
def _header_pattern(section: Section) -> re.Pattern[str] | None:
    texts: Sequence[str] = [part for part in section if isinstance(part, Text)]
    if max(map(len, texts), default=0) < _TELLING:
        return None
    return re.compile("^" + "".join(_PATTERNS.get(p) or re.escape(p) for p in section), re.M)
