"""What is measured of a repository on another machine."""

import pytest

from benchmarks.remote import _copy, run, table
from completer.context.workspace import Workspace
from tests.completer.remote.machines import write


def test_so_much_is_copied_as_is_wanted(tmp_path):
    files = {f"p/m{number}.py": "x = 1\n" * 100 for number in range(9)} | {"README.md": "no\n"}
    workspace = Workspace(write(tmp_path / "all", files))
    copied = _copy(workspace, tmp_path / "some", most_bytes=1500)
    assert sorted(file.name for file in copied.rglob("*.*")) == ["m0.py", "m1.py", "m2.py"]


@pytest.mark.slow
def test_a_small_repository_is_soon_there(tmp_path):
    root = write(tmp_path / "all", {f"m{n}.py": f"value_{n} = {n}\n" * 50 for n in range(4)})
    result = run(corpus=root, tokens=10_000)
    assert result["files"] == 4
    assert 0 < result["seconds"]["mirrored"] <= result["seconds"]["ready"] < 60
    assert table(result).row_count == 3
