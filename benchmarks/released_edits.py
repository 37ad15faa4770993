"""Edits that people made between two releases of packages, cut out by who knows no rule.

Words of two versions are compared. Where the same words gave way to the same others at two places
of a file or more, the first ones are what a person edits in the old version. A next edit is right
if it is one that people made as well, in any file of the package.
"""

import difflib
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.releases import Revised
from completer.next_edit.edits import Hunk

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_ALIKE = 0.6
"""Lines that have less in common were written anew."""
_LONGEST = 80  # characters of a replacement
_NEAR = 200  # characters around an edit in which it may have been made otherwise
_LONGEST_RUN = 6  # edits that make up one

Replaced = tuple[str, str]
Change = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Repeated:
    """An edit that was made at several places: by file, where in the old text, in order."""

    package: str
    file: str
    replaced: Replaced
    starts: tuple[int, ...]
    """Where people made it."""
    is_whole: bool
    """Whether the old words gave way wherever they stood in the file."""
    made: dict[str, list[Change]] = field(repr=False)
    """All that was changed in each file of the package."""

    @property
    def kind(self) -> str:
        """What it replaces, as far as its text says."""
        old, new = self.replaced
        if not old or not new:
            return "removal" if old else "insertion"
        if not (old.isidentifier() and new.isidentifier()):
            return "other text"
        return "name, everywhere" if self.is_whole else "name, in places"


def repeated_edits(files: list[Revised], more_than: int = 1) -> Iterator[Repeated]:
    """Yield each edit that a file of a package has more than so often, for the first such file."""
    packages: defaultdict[str, list[Revised]] = defaultdict(list)
    for file in files:
        packages[file.package].append(file)
    for package, of_package in packages.items():
        made = {file.name: list(changes(file.old, file.new, 0.0)) for file in of_package}
        known: set[Replaced] = set()
        for file in of_package:
            places: defaultdict[Replaced, list[int]] = defaultdict(list)
            for start, old, new in changes(file.old, file.new):
                places[old, new].append(start)
            for each, starts in places.items():
                if len(starts) > more_than and each not in known:
                    known.add(each)
                    is_whole = _WORD.findall(file.old).count(each[0]) == len(starts)
                    yield Repeated(package, file.name, each, tuple(starts), is_whole, made)


def changes(old: str, new: str, alike: float = _ALIKE) -> Iterator[Change]:
    """Yield what differs, word by word: where in the old text, the old words, the new words.

    Lines that are less `alike` are left out.
    """
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    starts = [0]
    for line in before:
        starts.append(starts[-1] + len(line))
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "replace" and max(i_end - i, j_end - j) <= _LONGEST:
            pair = "".join(before[i:i_end]), "".join(after[j:j_end])
            for at, was, is_now in _words(*pair, alike):
                yield starts[i] + at, was, is_now


def _words(old: str, new: str, alike: float) -> Iterator[Change]:
    before, after = _WORD.findall(old), _WORD.findall(new)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    if matcher.ratio() < alike:
        return
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        was, is_now = "".join(before[i:i_end]), "".join(after[j:j_end])
        if kind != "equal" and was.split() != is_now.split() and len(was + is_now) < _LONGEST:
            yield len("".join(before[:i])), was, is_now


def was_made(text: str, offered: Hunk, made: Sequence[Hunk]) -> bool:
    """Whether an edit of a text is what some of those that people `made` come to, one or a run.

    All positions are those of `text`; `made` is in order.
    """
    near = [each for each in made if abs(each.start - offered.start) < _NEAR]
    return any(
        _same(text, offered, near[first:end])
        for first in range(len(near))
        for end in range(first + 1, min(len(near), first + _LONGEST_RUN) + 1)
    )


def _same(text: str, offered: Hunk, run: Sequence[Hunk]) -> bool:
    begin = min(offered.start, run[0].start)
    end = max(offered.end, run[-1].end)
    done, at = [], begin
    for each in run:
        done += [text[at : each.start], each.new]
        at = each.end
    done.append(text[at:end])
    return "".join(done) == text[begin : offered.start] + offered.new + text[offered.end : end]


def old_release(folder: Path, package: str) -> Path:
    """Return where the older release of a package was unpacked."""
    return folder / "old" / package
