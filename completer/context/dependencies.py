"""The installed packages that a workspace imports: a second source of code, bounded in bytes."""

import os
import re
import sysconfig
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from completer.context.workspace import SourceFile, Workspace, WorkspaceOptions
from completer.place import is_inside, local_place

_SCANNED_FILES = 2_000
_SCANNED_HEAD = 16_384
_LARGEST_SHARE = 4  # no package gets more than this part of the whole
_OPTIONS = WorkspaceOptions(
    gitignore=False,
    exclude=("test/", "tests/", "testing/", "docs/", "examples/", "_vendor/", "*.md", "*.json"),
)
_ECMASCRIPT = frozenset({"javascript", "javascriptreact", "typescript", "typescriptreact"})
_PYTHON_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_ECMASCRIPT_IMPORT = re.compile(
    r"""(?:\bfrom|\brequire\s*\(|\bimport(?:\s*\()?)\s*['"]((?:@[\w.-]+/)?[A-Za-z][\w.-]*)"""
)


def dependency_roots(workspace: Workspace) -> list[Path]:
    """Return the folders whose entries are installed packages, the workspace's own first.

    A `site-packages` of a virtual environment in the workspace, else of the active environment,
    and the workspace's `node_modules`.
    """
    roots = _python_roots(workspace.root)
    modules = workspace.root / "node_modules"
    if modules.is_dir() and _is_inside(modules, workspace.root):
        roots.append(modules)
    return [local_place(root) for root in roots]


def imported_packages(workspace: Workspace) -> Counter[str]:
    """Count in how many files of the workspace each package is imported."""
    counts: Counter[str] = Counter()
    for file in islice(workspace.iter_files(), _SCANNED_FILES):
        text = workspace.read(file.path) if _pattern(file.language) else None
        if text:
            counts.update(packages_in(text[:_SCANNED_HEAD], file.language))
    return counts


def packages_in(text: str, language: str) -> set[str]:
    """Return the names of the packages that `text` imports, the file's own modules included."""
    pattern = _pattern(language)
    return set(pattern.findall(text)) if pattern else set()


def iter_dependencies(
    workspace: Workspace, imported: Mapping[str, int], *, max_bytes: int = 64 << 20
) -> Iterator[SourceFile]:
    """Yield the code of installed packages that are `imported`, the most imported first.

    Their tests and documents are left out. Ends before more than `max_bytes` are yielded.
    """
    roots = dependency_roots(workspace)
    left = max_bytes
    for name in sorted(imported, key=lambda name: (-imported[name], name)):
        share = min(left, max_bytes // _LARGEST_SHARE)
        for root in roots:
            for file in _package_files(root, name):
                if file.size > share:
                    break
                share -= file.size
                left -= file.size
                yield file


def _package_files(root: Path, name: str) -> Iterator[SourceFile]:
    module = Workspace(root, options=_OPTIONS).source_file(f"{name}.py")
    if module is not None:
        yield module
    package = root / name
    # A link must not make a package of a folder from elsewhere.
    if package.is_dir() and _is_inside(package, root):
        for file in Workspace(package, options=_OPTIONS).iter_files():
            if _pattern(file.language):
                yield file


def _python_roots(root: Path) -> list[Path]:
    own = [child for child in root.iterdir() if (child / "pyvenv.cfg").is_file()]
    environments = [child for child in own if _is_inside(child, root)]
    if not environments:
        active = (os.environ.get(name) for name in ("VIRTUAL_ENV", "CONDA_PREFIX"))
        environments = [Path(path) for path in active if path]
    found = [
        site
        for environment in sorted(environments)
        for pattern in ("lib/python3*/site-packages", "Lib/site-packages")
        for site in sorted(environment.glob(pattern))
    ]
    return found[:1] or [Path(sysconfig.get_path("purelib"))]


def _pattern(language: str) -> re.Pattern[str] | None:
    if language == "python":
        return _PYTHON_IMPORT
    return _ECMASCRIPT_IMPORT if language in _ECMASCRIPT else None


def _is_inside(path: Path, root: Path) -> bool:
    return is_inside(local_place(path), local_place(root))
