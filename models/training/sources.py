"""Find the source files to train on: standard library, installed packages, given folders."""

from __future__ import annotations

import json
import re
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from models.training.licences import is_permissive, licence_of

LICENCE_FILE = ".licence"  # in a folder that is named: its licence in one line
STDLIB_SKIPPED = {
    "site-packages",
    "dist-packages",
    "ensurepip",
    "idlelib",
    "turtledemo",
    "__pycache__",
}


@dataclass(frozen=True)
class Package:
    """A named set of source files under one licence."""

    name: str
    licence: str
    root: Path
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Search:
    """Where to look for packages, and what of them to take."""

    folders: tuple[Path, ...] = ()
    """Taken as they are, one package each, in the belief that who names a folder may use it.

    A file `.licence` in a folder says its licence, for the manifest.
    """
    package_paths: tuple[Path, ...] = ()
    """Folders with installed packages beside those that Python itself would import."""
    names: frozenset[str] = frozenset()
    """Installed packages to take; none: all with a permissive licence."""
    suffixes: frozenset[str] = frozenset({".py"})
    """How the names of files end that are taken."""


def find_packages(search: Search, held_out: Iterable[str]) -> tuple[list[Package], list[Package]]:
    """Packages to train on, and the held-out ones.

    Folders take the place of the standard library and of the installed distributions whose licence
    is permissive, unless names or paths of distributions are given as well. Raises
    FileNotFoundError for a folder that is not there.
    """
    kept_back = {normalised(name) for name in held_out}
    wanted = {normalised(name) for name in search.names}
    found = [_folder(path, search.suffixes) for path in search.folders]
    if not found or search.names or search.package_paths:
        installed = [*_standard_library(search.suffixes), *_installed(search)]
        known = wanted | kept_back
        found += [each for each in installed if not wanted or normalised(each.name) in known]
    held = [package for package in found if normalised(package.name) in kept_back]
    return [package for package in found if package not in held], held


def read_names(path: Path) -> frozenset[str]:
    """Names of packages: the keys of a JSON object, such as a manifest, or one a line."""
    text = path.read_text(encoding="utf-8")
    if text.lstrip().startswith("{"):
        return frozenset(json.loads(text))
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return frozenset(filter(None, lines))


def normalised(name: str) -> str:
    """A distribution's name in the one spelling of PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _folder(path: Path, suffixes: frozenset[str]) -> Package:
    files = (file for file in sorted(_require_folder(path).rglob("*")) if file.is_file())
    chosen = tuple(file for file in files if file.suffix.lower() in suffixes)
    stated = path / LICENCE_FILE
    licence = stated.read_text().strip() if stated.is_file() else "as given"
    return Package(path.resolve().name, licence, path, chosen)


def _require_folder(path: Path) -> Path:
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is not a folder: name folders with source code in them")
    return path


def _standard_library(suffixes: frozenset[str]) -> Iterator[Package]:
    root = Path(sysconfig.get_paths()["stdlib"])
    if ".py" in suffixes:
        files = (path for path in sorted(root.rglob("*.py")) if not _skipped(path, root))
        yield Package("python-standard-library", "psf-2.0", root, tuple(files))


def _skipped(path: Path, root: Path) -> bool:
    parts = path.relative_to(root).parts
    return not STDLIB_SKIPPED.isdisjoint(parts) or parts[0] == "test"


def _installed(search: Search) -> Iterator[Package]:
    seen: set[str] = set()
    paths = [str(_require_folder(path)) for path in search.package_paths]
    for distribution in [*distributions(), *(distributions(path=paths) if paths else ())]:
        name = normalised(distribution.metadata["Name"])
        licence = licence_of(distribution)
        if name not in seen and is_permissive(licence):
            seen.add(name)
            yield _distribution(name, licence, distribution, search.suffixes)


def _distribution(
    name: str, licence: str, distribution: Distribution, suffixes: frozenset[str]
) -> Package:
    root = Path(str(distribution.locate_file(""))).resolve()
    entries = (Path(entry) for entry in distribution.files or () if entry.suffix in suffixes)
    files = {root / entry for entry in entries if ".." not in entry.parts}
    return Package(name, licence, root, tuple(sorted(path for path in files if path.is_file())))
