"""What of the repository helps at a caret: the signatures of what the nearby code names."""

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath

from completer.context.definitions import Definition, definitions
from completer.context.languages import language_of_name
from completer.context.outline import outline
from completer.context.query import Query, query_at
from completer.context.similar import Similar, SimilarCode
from completer.context.surroundings import Surroundings
from completer.context.symbols import FileSymbols, SymbolTable
from completer.place import name_in
from completer.request import Snippet

_AMBIGUOUS = 8  # a name defined in more files than this says nothing, unless it is imported
_MOST_FILES = 2_000  # that are asked whether they are the one which is imported
_MOST_ALIKE = 8  # definitions of one name in one file
_MOST_TRIED = 200  # candidates, the best ones
_NAMES_COMPARED = 40
_FAMILIES = (
    frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact"}),
    frozenset({"c", "cpp"}),
)
_SMALLEST = 40  # characters that a definition needs
_KIND_WEIGHT = {"constant": 0.4, "macro": 0.6, "method": 0.7, "container": 0.2}

ReadDefinitions = Callable[[str, str | None], Sequence[Definition]]
"""Returns what a text in a language defines."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    score: float
    file: FileSymbols
    definition: Definition


class Retriever:
    """Knows what the files of the folder `root` define. May be used from several threads.

    `update` reads a file with `read`, off the lock and off the request's path; `retrieve` only
    looks names up, and at a bounded number of them.
    """

    def __init__(self, root: Path, *, read: ReadDefinitions = definitions) -> None:
        self._read = read
        self._root = root
        self._table = SymbolTable()
        self._edited = SimilarCode()
        self.language: str | None = None
        """That most of the code is in, if there is one; read without waiting for the lock."""
        self._lock = threading.Lock()

    def update(self, path: Path, text: str | None, *, edited: bool = False) -> None:
        """Take over the text of a file, `None` if it (or a folder of this name) is gone.

        `edited` says that a person works on it now: its definitions then count for more.
        """
        name = self._name(path)
        if text is None:
            with self._lock:
                self._table.remove(name)
                self.language = self._table.language
                self._edited.remove(name)
            return
        language = language_of_name(path.name) or ""
        symbols = FileSymbols(name, language, tuple(self._read(text, language)))
        with self._lock:
            self._table.put(symbols)
            self.language = self._table.language
            if edited:
                self._edited.put(name, text, language)

    def defining(self, name: str) -> list[str]:
        """Return the files that define `name`, as paths relative to the root."""
        with self._lock:
            return [file.path for file in self._table.lookup(name)]

    def retrieve(self, around: Surroundings, path: Path | None, budget_chars: int) -> list[Snippet]:
        """Return definitions of other files that the code at the caret names, the best last.

        Behind them comes a piece of a file edited before that looks like this code, if there is
        one and room for it. Together, paths included, they have at most `budget_chars` characters.
        """
        query, language = query_at(around), around.language
        own = self._name(path) if path is not None else ""
        with self._lock:
            candidates = sorted(self._candidates(query, own, language), key=_by_score)
            similar = self._edited.best(_nearest(query), own, language)
        piece = _as_snippets(similar, budget_chars // 2)
        return _within(candidates, budget_chars - _length(piece)) + piece

    def _candidates(self, query: Query, own: str, language: str | None) -> Iterator[_Candidate]:
        folder = str(PurePosixPath(own).parent)
        for name, weight in query.names:
            files = self._files_defining(name, query, own)
            for file in files:
                if not _same_family(file.language, language):
                    continue
                place = self._nearness(file.path, folder, query, imported=name in query.imported)
                for item in file.named(name)[:_MOST_ALIKE]:
                    if item.kind != "method" or name in query.attributes:
                        score = weight * place * _KIND_WEIGHT.get(item.kind, 1.0) / len(files)
                        yield _Candidate(score, file, item)

    def _files_defining(self, name: str, query: Query, own: str) -> Sequence[FileSymbols]:
        """Return the files that `name` may come from: what is imported leaves little doubt."""
        files = self._table.lookup(name, _MOST_FILES)
        if name in query.imported:
            others = [file for file in files if file.path != own]
            return [file for file in others if _is_imported(file.path, query)] or others
        if len(files) > _AMBIGUOUS or any(file.path == own for file in files):
            return ()
        return files

    def _nearness(self, path: str, folder: str, query: Query, *, imported: bool) -> float:
        """Weigh where a definition stands: in what is imported, next door, in what is edited."""
        beside = str(PurePosixPath(path).parent) == folder
        named = _is_imported(path, query)
        return 1.0 + 3.0 * imported + 2.0 * named + 1.0 * beside + 1.0 * (path in self._edited)

    def _name(self, path: Path) -> str:
        return name_in(path, self._root)


def _by_score(candidate: _Candidate) -> tuple[float, str, int]:
    return -candidate.score, candidate.file.path, candidate.definition.start


def _nearest(query: Query) -> frozenset[str]:
    return frozenset(name for name, _ in query.names[:_NAMES_COMPARED])


def _as_snippets(similar: Similar | None, budget: int) -> list[Snippet]:
    if similar is None or len(similar.text) + len(similar.path) > budget:
        return []
    return [Snippet(path=similar.path, text=similar.text)]


def _length(snippets: Iterable[Snippet]) -> int:
    return sum(len(snippet.path) + len(snippet.text) for snippet in snippets)


def _is_imported(path: str, query: Query) -> bool:
    posix = PurePosixPath(path)
    return posix.stem in query.imported or posix.parent.name in query.imported


def _same_family(one: str, other: str | None) -> bool:
    return one == other or any(one in family and other in family for family in _FAMILIES)


def _within(candidates: Iterable[_Candidate], budget: int) -> list[Snippet]:
    """Choose the best candidates that fit, one snippet a file, the file with the best one last."""
    chosen: dict[str, list[_Candidate]] = {}
    texts: dict[str, str] = {}
    for candidate in islice(candidates, _MOST_TRIED):
        path = candidate.file.path
        tried = [*chosen.get(path, []), candidate]
        text = outline(candidate.file, (item.definition for item in tried))
        cost = len(text) + len(path) - len(texts.get(path, "")) - len(path) * (path in texts)
        if cost <= budget:
            budget -= cost
            chosen[path], texts[path] = tried, text
        elif budget < _SMALLEST:
            break
    return [Snippet(path=path, text=text) for path, text in reversed(texts.items())]
