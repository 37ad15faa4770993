"""What the files of a workspace define, by name, in memory and within a bound."""

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from operator import itemgetter

from completer.context.definitions import Definition


@dataclass(frozen=True)
class FileSymbols:
    """What one file defines. `path` is relative to the workspace, with slashes."""

    path: str
    language: str
    definitions: tuple[Definition, ...]

    def named(self, name: str) -> Sequence[Definition]:
        """Return what is called `name`; a field is only shown with its type."""
        return [item for item in self._by_name.get(name, ()) if item.kind != "field"]

    def members(self, container: str) -> Sequence[Definition]:
        """Return what is defined in the type `container`, in order."""
        return self._by_container.get(container, ())

    def type_named(self, name: str) -> Definition | None:
        """Return the definition of the type `name` itself."""
        return next((item for item in self._by_name.get(name, ()) if not item.container), None)

    @cached_property
    def _by_name(self) -> dict[str, list[Definition]]:
        found: defaultdict[str, list[Definition]] = defaultdict(list)
        for item in self.definitions:
            found[item.name].append(item)
        return dict(found)

    @cached_property
    def _by_container(self) -> dict[str, list[Definition]]:
        found: defaultdict[str, list[Definition]] = defaultdict(list)
        for item in self.definitions:
            found[item.container].append(item)
        return dict(found)


class SymbolTable:
    """Finds definitions by name. Not thread-safe: `Retriever` holds the lock.

    At most `capacity` definitions are kept (about 1 KB each); the files that were updated
    longest ago are forgotten first.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._files: OrderedDict[str, FileSymbols] = OrderedDict()
        self._by_name: defaultdict[str, dict[str, FileSymbols]] = defaultdict(dict)
        self._languages: Counter[str] = Counter()
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, symbols: FileSymbols) -> None:
        """Replace what is known about a file."""
        self._remove(symbols.path)
        self._files[symbols.path] = symbols
        self._languages[symbols.language] += 1
        self._size += len(symbols.definitions)
        for name in _names(symbols):
            self._by_name[name][symbols.path] = symbols
        while self._size > self._capacity and len(self._files) > 1:
            self._remove(next(iter(self._files)))

    def remove(self, path: str) -> None:
        """Forget a file, or all files of a folder that is gone."""
        for known in [path] if path in self._files else self._beneath(path):
            self._remove(known)

    def _remove(self, path: str) -> None:
        symbols = self._files.pop(path, None)
        if symbols is None:
            return
        self._languages[symbols.language] -= 1
        self._size -= len(symbols.definitions)
        for name in _names(symbols):
            del self._by_name[name][path]
            if not self._by_name[name]:
                del self._by_name[name]

    @property
    def language(self) -> str | None:
        """The language of more than half of the files, if there is one."""
        language, count = max(self._languages.items(), key=itemgetter(1), default=("", 0))
        return language if language and count > len(self._files) / 2 else None

    def lookup(self, name: str, most: int | None = None) -> list[FileSymbols]:
        """Return files that define `name`: all of them, or `most`."""
        return list(islice(self._by_name.get(name, {}).values(), most))

    def _beneath(self, folder: str) -> list[str]:
        return [path for path in self._files if path.startswith(f"{folder}/")]


def _names(symbols: FileSymbols) -> set[str]:
    return {item.name for item in symbols.definitions if item.kind != "field"}
