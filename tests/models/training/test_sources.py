from pathlib import Path

import pytest

from models.training.config import HELD_OUT_PACKAGES
from models.training.sources import Package, Search, find_packages, normalised, read_names


@pytest.fixture(scope="module")
def installed() -> tuple[list[Package], list[Package]]:
    return find_packages(Search(), HELD_OUT_PACKAGES)


def test_permissive_packages_are_found_and_the_held_out_are_kept_back(installed):
    packages, held_out = installed
    names = {package.name for package in packages}
    assert {"python-standard-library", "numpy", "pydantic"} <= names
    assert names.isdisjoint(HELD_OUT_PACKAGES)
    assert {"starlette", "anyio"} <= {package.name for package in held_out}


def test_packages_under_other_licences_are_left_out(installed):
    assert "hypothesis" not in {package.name for package in installed[0]}  # MPL-2.0


def test_files_belong_to_their_own_package(installed):
    numpy = next(package for package in installed[0] if package.name == "numpy")
    assert {path.relative_to(numpy.root).parts[0] for path in numpy.files} == {"numpy"}


def test_given_folders_replace_the_installed_packages(tmp_path: Path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "a.py").write_text("x = 1\n")
    packages, _ = find_packages(Search((tmp_path / "project",)), ())
    assert [(p.name, len(p.files)) for p in packages] == [("project", 1)]


def test_given_folders_stand_beside_packages_that_are_named(tmp_path: Path):
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "a.py").write_text("x = 1\n")
    (tmp_path / "project" / ".licence").write_text("mit or apache-2.0\n")
    search = Search((tmp_path / "project",), names=frozenset({"numpy"}))
    packages, _ = find_packages(search, ())
    assert [package.name for package in packages] == ["project", "numpy"]
    assert packages[0].licence == "mit or apache-2.0"


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="absent is not a folder"):
        find_packages(Search((tmp_path / "absent",)), ())


def test_names_are_compared_in_one_spelling():
    assert normalised("Typing_Extensions") == "typing-extensions"


def test_a_list_chooses_among_what_is_installed():
    search = Search(names=frozenset({"NumPy", "python-standard-library", "hypothesis"}))
    packages, held_out = find_packages(search, ["starlette"])
    assert {package.name for package in packages} == {"numpy", "python-standard-library"}
    assert [package.name for package in held_out] == ["starlette"]


def test_lists_are_lines_or_the_keys_of_a_manifest(tmp_path: Path):
    file = tmp_path / "names"
    file.write_text("numpy  # arrays\n\n# nothing\nattrs\n")
    assert read_names(file) == {"numpy", "attrs"}
    file.write_text('{"numpy": {"tokens": 1}, "attrs": {}}')
    assert read_names(file) == {"numpy", "attrs"}


def test_files_of_other_languages_are_taken_if_asked_for(tmp_path: Path):
    for name in ("a.py", "b.js", "c.txt", "d.GO"):
        (tmp_path / name).write_text("x = 1\n")
    search = Search((tmp_path,), suffixes=frozenset({".js", ".go"}))
    (package,), _ = find_packages(search, ())
    assert [file.name for file in package.files] == ["b.js", "d.GO"]
