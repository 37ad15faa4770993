"""Which files import a name, and what the modules that they name are called."""

import re
import threading
from collections import defaultdict
from pathlib import Path, PurePosixPath

from completer.context.languages import language_of_name
from completer.place import name_in

_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]*(\([^)]*\)|[^\n(]*)|import[ \t]+([^\n]*))",
    re.MULTILINE,
)
_NAME = re.compile(r"[^\W\d]\w*")
_SOURCES = frozenset({"src", "lib", "python"})
_COMMENT = re.compile(r"#[^\n]*")


class ImportTable:
    """The names that files of the folder `root` import, modules by the last part of their path.

    May be used from several threads; `update` is told of files as `Retriever.update` is.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: dict[str, frozenset[str]] = {}
        self._files: defaultdict[str, set[str]] = defaultdict(set)
        self._lock = threading.Lock()

    def update(self, path: Path, text: str | None, *, edited: bool = False) -> None:
        """Take over the text of a file; `None` if it, or a folder of this name, is gone."""
        name = name_in(path, self._root)
        names = imported_names(text) if text and language_of_name(path.name) == "python" else ()
        with self._lock:
            beneath = [known for known in self._names if known.startswith(f"{name}/")]
            for known in [name, *(beneath if text is None else ())]:
                self._forget(known)
            if names:
                self._names[name] = frozenset(names)
                for each in names:
                    self._files[each].add(name)

    def importing(self, name: str) -> list[str]:
        """Return the files that import a name, as paths relative to the root, in order."""
        with self._lock:
            return sorted(self._files.get(name, ()))

    def _forget(self, file: str) -> None:
        for name in self._names.pop(file, ()):
            self._files[name].discard(file)
            if not self._files[name]:
                del self._files[name]


def imported_names(text: str) -> set[str]:
    """Return what a Python module's imports name; of paths, the last part."""
    found: set[str] = set()
    for module, names, modules in _IMPORT.findall(text):
        found.add(module.rpartition(".")[2])
        found.update(_NAME.findall(_COMMENT.sub("", names)))
        found.update(
            each.strip().partition(" ")[0].rpartition(".")[2] for each in modules.split(",")
        )
    return found - {"", "as"}


def module_path(file: str) -> tuple[str, ...]:
    """Return the path of the module that a file is, which is a package for `__init__.py`."""
    path = PurePosixPath(file)
    return path.parent.parts if path.stem == "__init__" else (*path.parent.parts, path.stem)


def is_module(written: str, importer: str, file: str) -> bool:
    """Whether `written` in an import of the file `importer` names the module that `file` is.

    A path without dots ahead begins at the root, at a folder for sources, or beside the importer.
    """
    wanted, package = module_path(file), PurePosixPath(importer).parent.parts
    name = written.lstrip(".")
    parts = tuple(name.split(".")) if name else ()
    if level := len(written) - len(name):
        up = len(package) - (level - 1)
        return up >= 0 and (*package[:up], *parts) == wanted
    ahead = wanted[: len(wanted) - len(parts)]
    begins = not ahead or ahead[-1] in _SOURCES or ahead == package
    begins = begins or (len(parts) > 1 and package[: len(ahead)] == ahead)
    return bool(parts) and begins and wanted[len(ahead) :] == parts
