"""Which open workspace a request belongs to, and which are not there for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from completer.errors import BadRequestError
from completer.interface import WorkspaceHealth
from completer.place import place_of
from completer.request import CompletionRequest
from completer.workspaces.repositories import Repositories


@dataclass
class FakeRepository:
    root: Path
    health = WorkspaceHealth(fault="its own")

    @property
    def on_disk(self) -> bool:
        """Not so for the mirrors of people on other machines."""
        return self.root.name != "mirror"


@pytest.fixture
def folders(tmp_path):
    """One workspace beside another, and one within that."""
    mine, theirs = tmp_path.resolve() / "mine", tmp_path.resolve() / "theirs"
    (theirs / "inner").mkdir(parents=True)
    mine.mkdir()
    return mine, theirs, theirs / "inner"


@pytest.fixture
def repositories(folders):
    made: Any = FakeRepository
    repositories = Repositories(made)
    for folder in folders:
        repositories.open(folder)
    return repositories


def root_for(repositories: Repositories, may_use: set[Path] | None, **where: Path) -> Path | None:
    allowed = None if may_use is None else frozenset(may_use)
    found = repositories.of(CompletionRequest(prefix="a", may_use=allowed, **where))  # type: ignore[arg-type]
    return found.root if found else None


def test_a_file_belongs_to_the_nearest_workspace_that_may_be_used(repositories, folders):
    mine, theirs, inner = folders
    file = inner / "a.py"

    assert root_for(repositories, None, path=file) == inner
    assert root_for(repositories, {mine, theirs}, path=file) == theirs
    assert root_for(repositories, {mine}, path=file) is None
    assert root_for(repositories, set(), path=file) is None


def test_a_link_into_a_workspace_that_may_not_be_used_leads_nowhere(repositories, folders):
    mine, theirs, _ = folders
    (mine / "link").symlink_to(theirs)

    file = place_of(str(mine / "link" / "a.py"))

    assert file is not None
    assert root_for(repositories, None, path=file) == theirs
    assert root_for(repositories, {mine}, path=file) is None


def test_a_request_from_nowhere_belongs_to_the_only_one_that_may_be_used(repositories, folders):
    mine, theirs, _ = folders

    assert root_for(repositories, {theirs}) == theirs
    assert root_for(repositories, {mine, theirs}) is None
    assert root_for(repositories, set()) is None


def test_one_that_may_not_be_used_is_refused_like_one_that_is_not_open(repositories, folders):
    mine, theirs, _ = folders
    refusals = []
    for folder in (theirs, theirs.with_name("nowhere")):
        with pytest.raises(BadRequestError) as refusal:
            root_for(repositories, {mine}, workspace=folder)
        refusals.append(f"{refusal.value} {refusal.value.hint}".replace(str(folder), "FOLDER"))
    assert refusals[0] == refusals[1]
    assert root_for(repositories, {theirs}, workspace=theirs) == theirs


def test_a_mirror_is_there_for_its_own_person_alone(repositories, folders):
    mirror = folders[0].parent / "mirror"
    repositories.open(mirror)

    assert root_for(repositories, {mirror}, path=mirror / "a.py") == mirror
    assert root_for(repositories, {mirror}, workspace=mirror) == mirror
    for may_use in (None, set(folders)):
        assert root_for(repositories, may_use, path=mirror / "a.py") is None
        with pytest.raises(BadRequestError) as raised:
            root_for(repositories, may_use, workspace=mirror)
        assert str(mirror) in str(raised.value)
    assert repositories.roots == folders
    assert set(repositories.health) == set(folders)
