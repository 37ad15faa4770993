"""Edits that were made, in words, with the words around them: examples of one to make again."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from completer.next_edit.edits import Hunk
from completer.next_edit.history import difference
from completer.next_edit.snapshot import Files
from completer.place import Place

Words = tuple[str, ...]

_WORD = re.compile(r"\w+|\n|[^\S\n]+|[^\w\s]")
_MOST_AROUND = 12  # words
_AROUND, _LONGEST = 200, 400  # characters
_LAST = 16  # hunks
_PAIRS = ("()", "[]", "{}")


@dataclass(frozen=True, slots=True)
class Example:
    """What one edit did: its `changes` (old words, new words), with the words `kept` between them.

    `left` and `right` are the words around it, the nearest first. In the file as it is now it is
    from `start` to `end`; it was at `start_before` in the text `before` it.
    """

    path: Place
    start: int
    end: int
    changes: tuple[tuple[str, str], ...]
    kept: Words
    left: Words
    right: Words
    before: str
    start_before: int

    @property
    def old(self) -> str:
        """What stood there before."""
        kept = (*self.kept, "")
        return "".join(old + then for (old, _), then in zip(self.changes, kept, strict=True))

    @property
    def is_half(self) -> bool:
        """Whether brackets or quotes are left over, which another edit will see to."""
        old, new = ("".join(words) for words in zip(*self.changes, strict=True))
        return any(_open(old, pair) != _open(new, pair) for pair in _PAIRS) or any(
            (old.count(quote) + new.count(quote)) % 2 for quote in "\"'"
        )


def examples(history: Sequence[Hunk], files: Files, *, of_lines: bool) -> list[Example]:
    """Return the last edits of a history as examples, the latest first.

    `of_lines`: what was edited in one line, one edit after the other, is one example.
    """
    found: list[Example] = []
    later: list[Hunk] = []
    for hunks, before, after in _groups(history[-_LAST:], files, of_lines=of_lines):
        example = _example(before, after, hunks[0].path, later)
        if example is not None and not example.is_half:
            found.append(example)
        later = [*hunks, *later]
    return found


def around(text: str, start: int, end: int) -> tuple[Words, Words]:
    """Return the words on both sides of some characters, the nearest first."""
    left = _WORD.findall(text[max(0, start - _AROUND) : start])[-_MOST_AROUND:]
    right = _WORD.findall(text[end : end + _AROUND])[:_MOST_AROUND]
    return tuple(reversed(left)), tuple(right)


def _groups(
    history: Sequence[Hunk], files: Files, *, of_lines: bool
) -> Iterator[tuple[list[Hunk], str, str]]:
    """Yield edits that belong together, the latest first, and the texts before and after them.

    For as long as they can be undone.
    """
    texts: dict[Place, str] = {}
    group: list[Hunk] = []
    before = end = ""
    for hunk in reversed(history):
        after = texts.get(hunk.path) or files.text(hunk.path)
        undone = None if after is None else hunk.undone(after)
        if undone is None or after is None:
            break
        if group and not (of_lines and _in_one_line(after, hunk, group)):
            yield group, before, end
            group = []
        end = end if group else after
        group, before = [hunk, *group], undone
        texts[hunk.path] = undone
    if group:
        yield group, before, end


def _in_one_line(between: str, hunk: Hunk, group: list[Hunk]) -> bool:
    """Whether an edit was made in the line of those after it; `between` is the text after it."""
    if hunk.path != group[0].path or any("\n" in each.old + each.new for each in (hunk, *group)):
        return False
    begin, end = sorted((hunk.start, group[0].start))
    return "\n" not in between[begin:end]


def _example(before: str, after: str, path: Place, later: Sequence[Hunk]) -> Example | None:
    hunk = difference(before, after, path)
    if hunk is None or max(len(hunk.old), len(hunk.new)) > _LONGEST:
        return None
    start, end = _whole_words(before, hunk)
    new_end = end + len(after) - len(before)
    old, new = _WORD.findall(before[start:end]), _WORD.findall(after[start:new_end])
    pieces = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    if pieces[0][0] == "equal":
        start += len("".join(old[: pieces.pop(0)[2]]))
    if pieces[-1][0] == "equal":
        end -= len("".join(old[pieces.pop()[1] :]))
    told = [(kind, "".join(old[i:e]), "".join(new[j:f])) for kind, i, e, j, f in pieces]
    changes = tuple((was, is_now) for kind, was, is_now in told if kind != "equal")
    kept = tuple(was for kind, was, _ in told if kind == "equal")
    now = _now(start, start + sum(len(is_now) for _, _, is_now in told), path, later)
    return Example(path, *now, changes, kept, *around(before, start, end), before, start)


def _whole_words(text: str, hunk: Hunk) -> tuple[int, int]:
    """Return what an edit changed, in whole words."""
    start, end = hunk.start, hunk.end
    if re.match(r"\w", hunk.old) or re.match(r"\w", hunk.new):
        start -= len(re.findall(r"\w*\Z", text[max(0, start - _AROUND) : start])[0])
    if re.search(r"\w\Z", hunk.old) or re.search(r"\w\Z", hunk.new):
        end += len(re.findall(r"\A\w*", text[end : end + _AROUND])[0])
    return start, end


def _now(start: int, end: int, path: Place, later: Sequence[Hunk]) -> tuple[int, int]:
    """Return where characters are after some edits."""
    for hunk in later:
        by = len(hunk.new) - len(hunk.old)
        if hunk.path == path and hunk.end <= start:
            start, end = start + by, end + by
        elif hunk.path == path and hunk.start < end:
            end = max(start, end + by)
    return start, end


def _open(text: str, pair: str) -> int:
    return text.count(pair[0]) - text.count(pair[1])
