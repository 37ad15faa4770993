"""What the files of a workspace define, by name, in memory and within a bound."""

from collections import OrderedDict
from dataclasses import dataclass

from completer.context.definitions import Definition


@dataclass(frozen=True, slots=True)
class FileSymbols:
    """What one file defines. `path` is relative to the workspace, with slashes."""

    path: str
    language: str
    definitions: tuple[Definition, ...]

    def named(self, name: str) -> list[Definition]:
        """Return what is called `name`; a field is only shown with its type."""
        return [item for item in self.definitions if item.name == name and item.kind != "field"]

    def members(self, container: str) -> list[Definition]:
        """Return what is defined in the type `container`, in order."""
        return [item for item in self.definitions if item.container == container]

    def type_named(self, name: str) -> Definition | None:
        """Return the definition of the type `name` itself."""
        return next((d for d in self.definitions if d.name == name and not d.container), None)


class SymbolTable:
    """Finds definitions by name. Not thread-safe: `Retriever` holds the lock.

    At most `capacity` definitions are kept (about 1 KB each); the files that were updated
    longest ago are forgotten first.
    """

    def __init__(self, capacity: int = 100_000) -> None:
        self._capacity = capacity
        self._files: OrderedDict[str, FileSymbols] = OrderedDict()
        self._by_name: dict[str, tuple[FileSymbols, ...]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def put(self, symbols: FileSymbols) -> None:
        """Replace what is known about a file."""
        self.remove(symbols.path)
        self._files[symbols.path] = symbols
        self._size += len(symbols.definitions)
        for name in _names(symbols):
            self._by_name[name] = (*self._by_name.get(name, ()), symbols)
        while self._size > self._capacity and len(self._files) > 1:
            self.remove(next(iter(self._files)))

    def remove(self, path: str) -> None:
        """Forget a file, or all files of a folder that is gone."""
        for known in [path] if path in self._files else self._beneath(path):
            symbols = self._files.pop(known)
            self._size -= len(symbols.definitions)
            for name in _names(symbols):
                others = tuple(file for file in self._by_name[name] if file is not symbols)
                if others:
                    self._by_name[name] = others
                else:
                    del self._by_name[name]

    def lookup(self, name: str) -> tuple[FileSymbols, ...]:
        """Return the files that define `name`."""
        return self._by_name.get(name, ())

    def _beneath(self, folder: str) -> list[str]:
        return [path for path in self._files if path.startswith(f"{folder}/")]


def _names(symbols: FileSymbols) -> set[str]:
    return {item.name for item in symbols.definitions if item.kind != "field"}
