"""The workspace folders that a client has open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from completer.place import Place, innermost, is_inside, path_as_named
from lsp.convert import path_of, same_document, well_formed


@dataclass(frozen=True, slots=True)
class _Folder:
    place: Place
    named: Path


class Folders:
    """Local folders by the URIs that they were opened with: links make several of one place."""

    def __init__(self) -> None:
        self._open: dict[str, _Folder] = {}

    @property
    def places(self) -> list[Place]:
        """Where they are, each once."""
        return list(dict.fromkeys(folder.place for folder in self._open.values()))

    def change(self, *, added: Iterable[str], removed: Iterable[str]) -> None:
        """Close and open folders; those that are not local are left out."""
        for uri in removed:
            self._open.pop(self._key(uri), None)
        for uri in added:
            place, named = path_of(uri), path_as_named(well_formed(uri))
            if place is not None and named is not None:
                self._open[same_document(uri)] = _Folder(place, named)

    def holding(self, path: Place | None) -> Place | None:
        """The innermost folder that holds a file."""
        return innermost(path, self.places)

    def names_around(self, path: Place | None) -> list[Path]:
        """Under which names the folders are open that hold a file, or all if none does."""
        folders = self._open.values()
        holding = [each for each in folders if path is not None and is_inside(path, each.place)]
        return [name for each in holding or folders for name in (each.place, each.named)]

    def _key(self, uri: str) -> str:
        """Under which URI a folder is open, should the client spell that differently now."""
        if (key := same_document(uri)) in self._open:
            return key
        place = path_of(uri)
        return next((open_ for open_, each in self._open.items() if each.place == place), key)
