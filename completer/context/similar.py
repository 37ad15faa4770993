"""Pieces of recently edited files that look like the code at the caret: what goes on there."""

from collections import OrderedDict
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from completer.context.lexical import identifiers

_LINES = 16
_STRIDE = 8
_FOLLOWING = 8  # what came next there may come next here
_LEAST_SIMILARITY = 0.2
_LEAST_IN_COMMON = 4
_LONGEST_TEXT = 200_000


@dataclass(frozen=True, slots=True)
class _Window:
    line: int
    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class _File:
    language: str
    lines: list[str]
    windows: list[_Window]


@dataclass(frozen=True, slots=True)
class Similar:
    """A piece of the file `path`, and the Jaccard similarity of its names to those asked for."""

    path: str
    text: str
    similarity: float


class SimilarCode:
    """Holds the last `capacity` files that were edited. Not thread-safe."""

    def __init__(self, capacity: int = 20) -> None:
        self._capacity = capacity
        self._files: OrderedDict[str, _File] = OrderedDict()

    def put(self, path: str, text: str, language: str) -> None:
        """Take over the text of a file that was just edited."""
        if len(text) > _LONGEST_TEXT:
            self.remove(path)
            return
        lines = text.split("\n")
        starts = range(0, max(1, len(lines) - _STRIDE), _STRIDE)
        windows = (_window(lines, start, language) for start in starts)
        telling = [window for window in windows if len(window.names) >= _LEAST_IN_COMMON]
        self._files[path] = _File(language, lines, telling)
        self._files.move_to_end(path)
        while len(self._files) > self._capacity:
            self._files.popitem(last=False)

    def remove(self, path: str) -> None:
        """Forget a file, or all files of a folder that is gone."""
        for known in [name for name in self._files if name == path or name.startswith(f"{path}/")]:
            del self._files[known]

    def __contains__(self, path: str) -> bool:
        return path in self._files

    def best(self, names: AbstractSet[str], own: str, language: str | None) -> Similar | None:
        """Return the piece with names most like `names`, `None` when none is like them."""
        best, most = None, _LEAST_SIMILARITY
        for path, file in sorted(self._files.items()):
            if path == own or file.language != language:
                continue
            for window in file.windows:
                similarity = _jaccard(names, window.names)
                if similarity > most:
                    best, most = (path, file, window), similarity
        if best is None:
            return None
        path, file, window = best
        piece = file.lines[window.line : window.line + _LINES + _FOLLOWING]
        return Similar(path, "\n".join(piece).strip("\n"), most)


def _window(lines: list[str], start: int, language: str) -> _Window:
    text = "\n".join(lines[start : start + _LINES])
    return _Window(start, frozenset(identifiers(text, language)))


def _jaccard(one: AbstractSet[str], other: AbstractSet[str]) -> float:
    """Return the share of common names; a few in common mean nothing."""
    common = len(one & other)
    if common < _LEAST_IN_COMMON:
        return 0.0
    return common / (len(one) + len(other) - common)
