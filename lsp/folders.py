"""The workspace folders that a client has open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from completer.place import Place, innermost, is_inside, path_as_named
from completer.unicode import well_formed
from lsp.convert import path_of, same_document


@dataclass(frozen=True, slots=True)
class _Folder:
    place: Place
    named: Path


class Folders:
    """Local folders by the URIs that they were opened with: links make several of one place.

    May be read by other threads while it changes.
    """

    def __init__(self) -> None:
        self._open: dict[str, _Folder] = {}

    @property
    def places(self) -> list[Place]:
        """Where they are, each once."""
        return list(dict.fromkeys(folder.place for folder in self._open.values()))

    def change(self, *, added: Iterable[str], removed: Iterable[str]) -> None:
        """Close and open folders; those that are not local are left out."""
        gone = set(map(self._key, removed))
        new = {same_document(uri): _folder(uri) for uri in added}
        kept = {uri: folder for uri, folder in self._open.items() if uri not in gone}
        self._open = kept | {uri: folder for uri, folder in new.items() if folder is not None}

    def holding(self, path: Place | None) -> Place | None:
        """The innermost folder that holds a file."""
        return innermost(path, self.places)

    def names_around(self, path: Place | None) -> list[Path]:
        """The folders that hold a file, or all if none does: where they are and as they are named.

        An opt-out may have been noted under the name, before that became a link.
        """
        folders = self._open.values()
        holding = [each for each in folders if path is not None and is_inside(path, each.place)]
        return [name for each in holding or folders for name in (each.place, each.named)]

    def _key(self, uri: str) -> str:
        """Under which URI a folder is open, should the client spell that differently now."""
        if (key := same_document(uri)) in self._open:
            return key
        place = path_of(uri)
        return next((open_ for open_, each in self._open.items() if each.place == place), key)


def _folder(uri: str) -> _Folder | None:
    place, named = path_of(uri), path_as_named(well_formed(uri))
    return None if place is None or named is None else _Folder(place, named)
