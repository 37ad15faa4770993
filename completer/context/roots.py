"""Which folder a file's workspace is, when nobody says so."""

from pathlib import Path

_MARKERS = (
    ".git",
    ".hg",
    ".jj",
    "pyproject.toml",
    "setup.py",
    "package.json",
    "deno.json",
    "go.mod",
    "go.work",
    "Cargo.toml",
    "pom.xml",
    "build.gradle",
    "build.gradle.kts",
    "CMakeLists.txt",
    "meson.build",
    "composer.json",
    "Gemfile",
    "mix.exs",
)


def find_root(path: Path) -> Path | None:
    """Return the nearest folder around `path` that looks like a project, `None` without one.

    `path` may be a file, a folder or not exist yet. Neither the home folder nor what contains it
    is ever a project, whatever lies in it.
    """
    path = path.resolve()
    home = Path.home().resolve()
    for folder in (path, *path.parents):
        if home.is_relative_to(folder):
            return None
        if folder.is_dir() and any((folder / marker).exists() for marker in _MARKERS):
            return folder
    return None
