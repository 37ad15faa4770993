"""Files of packages in two releases: what people edited in between, fetched with pip."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

CI = Path(__file__).parent.parent / ".ci"
OLD, NEW = CI / "old-releases.txt", CI / "calibration-packages.txt"
FITTED = CI / "fitted-releases.txt"
_LONGEST = 60_000  # characters of a file


@dataclass(frozen=True, slots=True)
class Revised:
    """A file of a package, as it was in the older release and as it is in the newer one."""

    package: str
    name: str
    old: str
    new: str


def fetch_releases(folder: Path, *, fitted: bool = False) -> list[str]:
    """Fetch and unpack the releases that are listed; return the packages.

    They come into `old/PACKAGE` and `new/PACKAGE`; what is there is not fetched again. `fitted`:
    those that are fitted to, instead of those that judge. Raises `CalledProcessError` if one cannot
    be fetched.
    """
    listed = (
        _pairs()
        if fitted
        else {name: (old, _listed(NEW)[name]) for name, old in _listed(OLD).items()}
    )
    for package, releases in listed.items():
        for release, requirement in zip(("old", "new"), releases, strict=True):
            unpacked = folder / release / package
            if not unpacked.exists():
                _fetch(requirement, folder / "wheels" / release / package, unpacked)
    return list(listed)


def revised_files(folder: Path, packages: list[str]) -> Iterator[Revised]:
    """Yield the files that both releases have, and that are not the same."""
    for package in packages:
        old, new = folder / "old" / package, folder / "new" / package
        for file in sorted(old.rglob("*.py")):
            name = file.relative_to(old)
            texts = [_read(root / name) for root in (old, new)]
            if texts[0] != texts[1] and all(0 < len(text) < _LONGEST for text in texts):
                yield Revised(package, name.as_posix(), *texts)


def _listed(file: Path) -> dict[str, str]:
    return {line.partition("==")[0]: line for line in _lines(file)}


def _pairs() -> dict[str, tuple[str, str]]:
    told = (line.split() for line in _lines(FITTED))
    return {name: (f"{name}=={old}", f"{name}=={new}") for name, old, new in told}


def _lines(file: Path) -> list[str]:
    lines = [line.strip() for line in file.read_text("utf-8").splitlines()]
    return [line for line in lines if line and line[0] != "#"]


def _fetch(requirement: str, wheels: Path, unpacked: Path) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    subprocess.run([*pip, "--dest", str(wheels), requirement], check=True)  # noqa: S603
    for wheel in wheels.glob("*.whl"):
        with ZipFile(wheel) as packed:
            packed.extractall(unpacked)


def _read(file: Path) -> str:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return text if text.isascii() else ""
