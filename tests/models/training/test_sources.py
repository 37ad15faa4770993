from pathlib import Path

import pytest

from models.training.config import HELD_OUT_PACKAGES
from models.training.sources import Package, find_packages, normalised


@pytest.fixture(scope="module")
def installed() -> tuple[list[Package], list[Package]]:
    return find_packages((), (), HELD_OUT_PACKAGES)


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
    packages, _ = find_packages((tmp_path / "project",), (), ())
    assert [(p.name, len(p.files)) for p in packages] == [("project", 1)]


def test_a_missing_folder_is_named(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="absent is not a folder"):
        find_packages((tmp_path / "absent",), (), ())


def test_names_are_compared_in_one_spelling():
    assert normalised("Typing_Extensions") == "typing-extensions"
