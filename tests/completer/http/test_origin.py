"""User, file and workspace of a request."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.requests import Request

from completer.errors import BadRequestError
from completer.http.access import ANYBODY, NOBODY, Access
from completer.http.origin import origin_of
from completer.place import Place

ONE = (Path("/repo"),)
TWO = (Path("/repo"), Path("/repo/lib"))


def request(access: Access = ANYBODY, client: str = "127.0.0.1", **headers: str) -> Request:
    raw = [
        (name.replace("_", "-").lower().encode(), value.encode()) for name, value in headers.items()
    ]
    scope = {"type": "http", "headers": raw, "access": access, "client": (client, 1)}
    return Request(scope)


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
        (ONE, "", None, "/repo"),
        (TWO, "", None, None),
        ((), "", None, None),
    ],
)
def test_the_workspace_follows_from_the_path(workspaces, name, path, workspace):
    for origin in (
        origin_of(request(X_Completer_Path=name), workspaces),
        origin_of(request(), workspaces, path=name),
    ):
        assert origin.path == (Path(path) if path else None)
        assert origin.workspace == (Path(workspace) if workspace else None)


ADA = Access("ada", by_token=True)


@pytest.mark.parametrize(
    ("access", "client", "workspace"),
    [
        (ANYBODY, "127.0.0.1", "/repo"),
        (ANYBODY, "::1", "/repo"),
        (ANYBODY, "::ffff:127.0.0.1", "/repo"),
        (ANYBODY, "10.0.0.9", None),
        (Access(by_token=True), "10.0.0.9", None),
        (ADA, "10.0.0.9", "/repo"),
        (NOBODY, "127.0.0.1", None),
    ],
)
def test_without_a_path_one_persons_request_belongs_to_the_only_workspace(
    access, client, workspace
):
    origin = origin_of(request(access, client), ONE)
    assert origin.workspace == (Path(workspace) if workspace else None)
    assert origin.path is None


@pytest.mark.parametrize(
    "name",
    [
        "file:///home/me/other/x.py",
        "vscode-remote://ssh-remote%2Bhost/home/me/x.py",
        "file://server/share/x.py",
        "C:\\Users\\me\\x.py",
    ],
)
def test_a_file_elsewhere_is_not_in_the_only_workspace(name):
    for origin in (
        origin_of(request(X_Completer_Path=name), ONE),
        origin_of(request(), ONE, path=name),
    ):
        assert origin.workspace is None
        assert origin.path.name == "x.py"
        assert not origin.path.is_relative_to("/repo")


@pytest.mark.parametrize("workspaces", [ONE, TWO])
def test_a_uri_and_a_path_are_the_same_file(workspaces):
    for uri in ("file:///repo/a%20b.py", "file://localhost/repo/./a b.py#L1"):
        origin = origin_of(request(), workspaces, path=uri)
        assert origin == origin_of(request(), workspaces, path="/repo/a b.py")
        assert origin.workspace == Path("/repo")


@pytest.fixture
def linked(tmp_path):
    """A workspace, a link to it, and in it a link that leads out."""
    (tmp_path / "real/lib").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "real/out").symlink_to("../other")
    return tmp_path


def test_a_file_is_found_through_a_link_to_its_workspace(linked):
    real = linked / "real"
    link = str(linked / "link")
    for path in ("{}/lib/new.py", "file://{}/lib/new.py", "lib/new.py"):
        for headers in ({"X_Completer_Workspace": link}, {}):
            origin = origin_of(request(**headers), [real], path=path.format(link))
            assert (origin.workspace, origin.path) == (real, real / "lib/new.py")


def test_a_file_behind_a_link_out_of_the_workspace_is_outside(linked):
    for path in ("out/x.py", f"{linked}/link/out/x.py"):
        origin = origin_of(request(), [linked / "real"], path=path)
        assert (origin.workspace, origin.path) == (None, linked / "other/x.py")
        chosen = request(X_Completer_Workspace=str(linked / "real"))
        with pytest.raises(BadRequestError, match="is not in the workspace"):
            origin_of(chosen, [linked / "real"], path=path)


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
        ("", None),
        ("file://host/repo", None),
        ("/repo", "file:///elsewhere/a.py"),
        (None, "src/../../a.py"),
        ("/repo", "../a.py"),
        ("/repo", "/elsewhere/a.py"),
        (None, "../a.py"),
        (None, "a\0b"),
        (None, "x" * 5000),
    ],
)
def test_what_leaves_or_is_not_served_is_refused(workspace, path):
    headers = {} if workspace is None else {"X_Completer_Workspace": workspace}
    with pytest.raises(BadRequestError):
        origin_of(request(**headers), ONE, path=path)


def test_users_and_programs():
    origin = origin_of(request(ADA, User_Agent="vim/9 (linux)"), (), user="eve")
    assert (origin.user, origin.client) == ("ada", "vim/9")
    assert origin_of(request(), (), user="eve").user == "eve"
    assert origin_of(request(Access(by_token=True)), (), user="eve").user == ""


ONLY_LIB = Access("ada", frozenset({Place(Path("/repo/lib"))}), by_token=True)
ONLY_REPO = Access("bob", frozenset({Place(Path("/repo")), Place(Path("/gone"))}), by_token=True)


@pytest.mark.parametrize(
    ("access", "name", "path", "workspace"),
    [
        (ONLY_LIB, "/repo/lib/a.py", "/repo/lib/a.py", "/repo/lib"),
        (ONLY_LIB, "/repo/a.py", "/repo/a.py", None),
        (ONLY_LIB, "a.py", "/repo/lib/a.py", "/repo/lib"),
        (ONLY_LIB, "", None, "/repo/lib"),
        (ONLY_REPO, "/repo/lib/a.py", "/repo/lib/a.py", "/repo"),
        (NOBODY, "/repo/lib/a.py", "/repo/lib/a.py", None),
        (NOBODY, "a.py", "a.py", None),
    ],
)
def test_workspaces_that_a_token_may_not_use_are_not_there(access, name, path, workspace):
    origin = origin_of(request(access, X_Completer_Path=name), TWO)
    assert origin.path == (Path(path) if path else None)
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


@pytest.mark.parametrize("path", ["/infill", "/v1/completions"])
@pytest.mark.parametrize(
    ("headers", "trigger"),
    [
        ({}, "automatic"),
        ({"X-Completer-Trigger": "manual"}, "manual"),
        ({"X-Completer-Trigger": "x"}, "automatic"),
    ],
)
async def test_a_client_may_say_that_a_person_asks(path, headers, trigger, service, post):
    await post(
        path, {"prompt": "a", "suffix": "", "input_prefix": "", "input_suffix": ""}, **headers
    )

    assert service.requests[-1].trigger == trigger
