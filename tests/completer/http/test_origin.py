"""User, file and workspace of a request."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.requests import Request

from completer.errors import BadRequestError
from completer.http.access import ANYBODY, NOBODY, Access
from completer.http.origin import origin_of

ONE = (Path("/repo"),)
TWO = (Path("/repo"), Path("/repo/lib"))


def request(access: Access = ANYBODY, **headers: str) -> Request:
    raw = [
        (name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()
    ]
    return Request({"type": "http", "headers": raw, "access": access})


@pytest.mark.parametrize(
    ("workspaces", "name", "path", "workspace"),
    [
        (ONE, "/repo/src/a.py", "/repo/src/a.py", "/repo"),
        (ONE, "src/a.py", "/repo/src/a.py", "/repo"),
        (ONE, "/elsewhere/a.py", "/elsewhere/a.py", None),
        (ONE, "/repo/../etc/passwd", "/etc/passwd", None),
        (TWO, "/repo/lib/a.py", "/repo/lib/a.py", "/repo/lib"),
        (TWO, "a.py", "a.py", None),
        ((), "/repo/a.py", "/repo/a.py", None),
        (ONE, "/repo/é.py", "/repo/é.py", "/repo"),
        (ONE, "", None, None),
    ],
)
def test_the_workspace_follows_from_the_path(workspaces, name, path, workspace):
    for origin in (
        origin_of(request(X_Completer_Path=name), workspaces),
        origin_of(request(), workspaces, path=name),
    ):
        assert origin.path == (Path(path) if path else None)
        assert origin.workspace == (Path(workspace) if workspace else None)


def test_the_header_chooses_before_the_path():
    headers = {"X_Completer_Workspace": "/repo/lib/", "X_Completer_Path": "a.py"}
    origin = origin_of(request(**headers), TWO)
    assert (origin.workspace, origin.path) == (Path("/repo/lib"), Path("/repo/lib/a.py"))


def test_a_workspace_may_be_named_through_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    real = (tmp_path / "real").resolve()
    origin = origin_of(request(X_Completer_Workspace=str(tmp_path / "link")), [real])
    assert origin.workspace == real


@pytest.mark.parametrize(
    ("workspace", "path"),
    [
        ("/other", None),
        ("/repo/..", None),
        ("/repo/src", None),
        ("repo", None),
        ("/repo", "../a.py"),
        ("/repo", "/elsewhere/a.py"),
        (None, "../a.py"),
        (None, "a\0b"),
        (None, "x" * 5000),
    ],
)
def test_what_leaves_or_is_not_served_is_refused(workspace, path):
    headers = {"X_Completer_Workspace": workspace} if workspace else {}
    with pytest.raises(BadRequestError):
        origin_of(request(**headers), ONE, path=path)


def test_users_and_programs():
    ada = Access("ada", by_token=True)
    origin = origin_of(request(ada, User_Agent="vim/9 (linux)"), (), user="eve")
    assert (origin.user, origin.client) == ("ada", "vim/9")
    assert origin_of(request(), (), user="eve").user == "eve"
    assert origin_of(request(Access(by_token=True)), (), user="eve").user == ""


ONLY_LIB = Access("ada", frozenset({Path("/repo/lib")}), by_token=True)
ONLY_REPO = Access("bob", frozenset({Path("/repo"), Path("/gone")}), by_token=True)


@pytest.mark.parametrize(
    ("access", "name", "path", "workspace"),
    [
        (ONLY_LIB, "/repo/lib/a.py", "/repo/lib/a.py", "/repo/lib"),
        (ONLY_LIB, "/repo/a.py", "/repo/a.py", None),
        (ONLY_LIB, "a.py", "/repo/lib/a.py", "/repo/lib"),
        (ONLY_REPO, "/repo/lib/a.py", "/repo/lib/a.py", "/repo"),
        (NOBODY, "/repo/lib/a.py", "/repo/lib/a.py", None),
        (NOBODY, "a.py", "a.py", None),
    ],
)
def test_workspaces_that_a_token_may_not_use_are_not_there(access, name, path, workspace):
    origin = origin_of(request(access, X_Completer_Path=name), TWO)
    assert origin.path == Path(path)
    assert origin.workspace == (Path(workspace) if workspace else None)


@pytest.mark.parametrize("may_use", [{Path("/mine")}, set()])
def test_one_that_may_not_be_used_is_refused_like_one_that_is_not_served(may_use):
    access = Access("ada", frozenset(may_use), by_token=True)
    served = (Path("/mine"), Path("/theirs"))
    refusals = []
    for folder in ("/theirs", "/nowhere"):
        with pytest.raises(BadRequestError) as refusal:
            origin_of(request(access, X_Completer_Workspace=folder), served)
        refusals.append(f"{refusal.value} {refusal.value.hint}".replace(folder, "FOLDER"))
    assert refusals[0] == refusals[1]


@pytest.mark.parametrize("name", ["", ".", "./", "lib", "..", "~"])
def test_a_workspace_is_not_looked_for_in_the_servers_own_folder(name, tmp_path, monkeypatch):
    (tmp_path / "lib").mkdir()
    monkeypatch.chdir(tmp_path)
    served = [tmp_path, tmp_path / "lib", tmp_path.parent]
    with pytest.raises(BadRequestError, match="absolute"):
        origin_of(request(X_Completer_Workspace=name), served)
