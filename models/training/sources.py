"""Find the source files to train on: standard library, installed packages, given folders."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from models.training.licences import is_permissive, licence_of

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


def find_packages(
    folders: Iterable[Path], package_paths: Iterable[Path], held_out: Iterable[str]
) -> tuple[list[Package], list[Package]]:
    """Packages to train on, and the held-out ones.

    `folders` are taken as they are, one package each, in the belief that whoever names a folder may
    use it; without any, the standard library and every installed distribution with a permissive
    licence. Raises FileNotFoundError for a folder that is not there.
    """
    given = [_folder(path) for path in folders]
    found = given or [_standard_library(), *_installed(package_paths)]
    names = {normalised(name) for name in held_out}
    kept_back = [package for package in found if normalised(package.name) in names]
    return [package for package in found if package not in kept_back], kept_back


def normalised(name: str) -> str:
    """A distribution's name in the one spelling of PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _folder(path: Path) -> Package:
    _require_folder(path)
    return Package(path.resolve().name, "as given", path, tuple(sorted(path.rglob("*.py"))))


def _require_folder(path: Path) -> Path:
    if not path.is_dir():
        raise FileNotFoundError(f"{path} is not a folder: name folders with source code in them")
    return path


def _standard_library() -> Package:
    root = Path(sysconfig.get_paths()["stdlib"])
    files = (path for path in sorted(root.rglob("*.py")) if not _skipped(path, root))
    return Package("python-standard-library", "psf-2.0", root, tuple(files))


def _skipped(path: Path, root: Path) -> bool:
    parts = path.relative_to(root).parts
    return not STDLIB_SKIPPED.isdisjoint(parts) or parts[0] == "test"


def _installed(package_paths: Iterable[Path]) -> Iterator[Package]:
    seen: set[str] = set()
    paths = [str(_require_folder(path)) for path in package_paths]
    for distribution in [*distributions(), *(distributions(path=paths) if paths else ())]:
        name = normalised(distribution.metadata["Name"])
        licence = licence_of(distribution)
        if name not in seen and is_permissive(licence):
            seen.add(name)
            yield _distribution(name, licence, distribution)


def _distribution(name: str, licence: str, distribution: Distribution) -> Package:
    root = Path(str(distribution.locate_file(""))).resolve()
    entries = (Path(entry) for entry in distribution.files or () if entry.suffix == ".py")
    files = {root / entry for entry in entries if ".." not in entry.parts}
    return Package(name, licence, root, tuple(sorted(path for path in files if path.is_file())))
