"""Modules of a mirror lie where imports look for them, and nothing else lies anywhere."""

import os

import pytest

from completer.names.finder import NameFinder
from completer.names.process import NameProcess
from completer.place import local_place
from completer.remote.mirror import Mirror
from completer.remote.mirrors import Mirrors
from completer.remote.modules import MODULES
from completer.remote.names import mirrored


@pytest.fixture
def mine(tmp_path):
    return Mirrors(tmp_path / "mirrors").of("ada")


def commit(mine, texts: dict[str, str], workspace: str = "shop"):
    folder = mine.open(workspace)
    files = [mirrored(name, text, whole=True) for name, text in texts.items()]
    for text in texts.values():
        mine.put(text.encode())
    mine.commit(folder, files)
    return folder


def modules_in(folder) -> dict[str, str]:
    found = (path for path in (folder / MODULES).rglob("*") if path.is_file())
    return {path.relative_to(folder / MODULES).as_posix(): path.read_text() for path in found}


def test_modules_follow_the_list(mine):
    first = {"app.py": "a = 1\n", "shop/store.py": "s = 1\n", "shop/types.pyi": "t: int\n"}
    folder = commit(mine, first)
    assert modules_in(folder) == first
    second = {"app.py": "a = 2\n", "shop.py": "s = 1\n"}
    assert modules_in(commit(mine, second)) == second
    assert not (folder / MODULES / "shop").exists()


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "conf.pth",
        "lib.so",
        ".hidden/a.py",
        "../a.py",
        "a/../b.py",
        "a//b.py",
        "/a.py",
        "a b.py",
        "ü.py",
        "a.py\n",
        "a/.py",
        "a" * 200 + ".py",
    ],
)
def test_what_is_not_spelled_as_a_module_is_no_path(mine, name):
    assert modules_in(commit(mine, {name: "x = 1\n", "my-app/a_1.py": ""})) == {"my-app/a_1.py": ""}


def test_a_file_in_the_way_of_a_folder_is_left_out(mine):
    assert len(modules_in(commit(mine, {"a.py": "", "a.py/b.py": "x\n"}))) == 1


def test_an_older_text_counts_as_a_change(mine):
    """What parses files remembers by their times."""
    folder = commit(mine, {"a.py": "old = 1\n", "b.py": "x\n"})
    os.utime(folder / MODULES / "a.py", (5, 5))
    commit(mine, {"a.py": "new = 1\n", "b.py": "old = 1\n"})
    commit(mine, {"a.py": "old = 1\n"})
    assert (folder / MODULES / "a.py").stat().st_mtime > 5


def test_no_text_is_there_twice(mine):
    folder = commit(mine, {"a.py": "x = 1\n"})
    (text,) = mine.texts.iterdir()
    assert text.samefile(folder / MODULES / "a.py")


@pytest.mark.slow
def test_imports_lead_to_the_files_of_a_mirror_and_to_nobody_elses(tmp_path, mine):
    theirs = commit(Mirrors(tmp_path / "mirrors").of("bob"), {"theirs.py": "their_secret = 1\n"})
    store = "class Store:\n    def sell(self):\n        pass\n"
    folder = commit(mine, {"shop/__init__.py": "", "shop/store.py": store})
    cache = folder / "cache"
    cache.mkdir(mode=0o700)
    process = NameProcess()
    try:
        found = ask_in(process, folder, cache, "from shop.store import Store\nStore().")
        assert "sell" in found.at_caret.names
        lead = f"import sys\nsys.path.insert(0, {str(theirs / MODULES)!r})\nimport theirs\ntheirs."
        found = ask_in(process, folder, cache, lead)
        assert found.at_caret is None or "their_secret" not in found.at_caret.names
        here = Mirror(theirs)
        assert here.read(here.root / "theirs.py") == "their_secret = 1\n"
        assert list(cache.rglob("*.pkl"))
    finally:
        process.close()
    others = [path for path in tmp_path.rglob("*.pkl") if not path.is_relative_to(cache)]
    assert not others


def ask_in(process, folder, cache, text):
    root = local_place(folder / MODULES)
    finder = NameFinder(process=process)
    return finder.evidence(
        text, "\n", "python", root / "app.py", root, wait_s=None, cache=str(cache)
    )
