"""Compiled kernels of different sources never meet."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from completer.drafting.compiled import (
    SOURCES,
    VARIABLE,
    is_first_start,
    keep_versions_apart,
    note_complete,
    version_of,
)


def test_every_change_of_a_source_is_another_version(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    first = version_of(tmp_path)
    (tmp_path / "b.py").write_text("y = 1\n")
    second = version_of(tmp_path)
    (tmp_path / "b.py").write_text("y = 2\n")

    assert len({first, second, version_of(tmp_path)}) == 3
    (tmp_path / "b.py").unlink()
    assert version_of(tmp_path) == first


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "kernels/{version}"),
        ("kernels/an-older-version", "kernels/{version}"),
        ("of-the-users-own", "of-the-users-own"),
    ],
)
def test_only_what_the_user_chose_stays(tmp_path, monkeypatch, before, after):
    if before is None:
        monkeypatch.delenv(VARIABLE, raising=False)
    else:
        monkeypatch.setenv(VARIABLE, str(tmp_path / before))
    keep_versions_apart(tmp_path / "kernels")

    assert os.environ[VARIABLE] == str(tmp_path / after.format(version=version_of(SOURCES)))


def test_numba_takes_it(tmp_path):
    """A kernel in a package that begins as ours does is kept where it was said."""
    package = tmp_path / "package"
    package.mkdir()
    shutil.copy(SOURCES / "compiled.py", package)
    (package / "__init__.py").write_text(
        "import pathlib\nfrom package.compiled import keep_versions_apart\n"
        f"keep_versions_apart(pathlib.Path({str(tmp_path / 'kernels')!r}))\n"
    )
    (package / "kernel.py").write_text(
        "from numba import njit\n\n@njit(cache=True)\ndef add(a, b):\n    return a + b\n"
    )
    code = "from package.kernel import add; assert add(1, 2) == 3"
    clean = {name: value for name, value in os.environ.items() if name != VARIABLE}
    subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=clean | {"PYTHONPATH": "."}, check=True
    )

    assert list((tmp_path / "kernels" / version_of(package)).rglob("*.nbi"))
    assert not list(Path(package).rglob("*.nbi"))


def test_a_machine_starts_for_the_first_time_until_all_is_compiled(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "kernels"))
    assert is_first_start()
    (tmp_path / "kernels").mkdir()
    (tmp_path / "kernels" / "growing.propose-1.py311.nbi").touch()  # interrupted behind the first
    assert is_first_start()
    note_complete()
    assert not is_first_start()
