"""Which folder a file's workspace is, when nobody says so."""

from pathlib import Path

from completer.place import Place, is_inside, local_place

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


def find_root(path: Place) -> Place | None:
    """Return the nearest folder around `path` that looks like a project, `None` without one.

    `path` may be a file, a folder or not exist yet. Neither the home folder nor what contains it
    is ever a project, whatever lies in it.
    """
    home = local_place(Path.home())
    for folder in (path, *path.parents):
        if is_inside(home, folder):
            return None
        if folder.is_dir() and any((folder / marker).exists() for marker in _MARKERS):
            return local_place(folder)
    return None
