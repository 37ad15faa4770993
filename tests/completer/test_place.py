"""One name for a file, however it is called; and no comparison of paths anywhere else."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from completer.errors import WorkspaceError
from completer.place import (
    climbs,
    innermost,
    is_inside,
    local_place,
    name_in,
    name_only,
    path_as_named,
    place_of,
    place_of_uri,
)

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def real(tmp_path) -> Path:
    """A folder `real/lib` with links to it, beside it and out of it."""
    (tmp_path / "real/lib").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "deep").symlink_to("link/lib")
    (tmp_path / "real/out").symlink_to("../other")
    (tmp_path / "loop").symlink_to("loop")
    return Path(tmp_path / "real")


@pytest.mark.parametrize(
    "name",
    [
        "{top}/real/lib/new.py",
        "{top}/link/lib/new.py",
        "{top}/deep/new.py",
        "{top}/link/out/../real/lib/new.py",
        "{top}//real/./lib//new.py/",
        "{top}/real/lib/missing/../new.py",
        "file://{top}/link/lib/new.py",
        "FILE://localhost{top}/l%69nk/lib/new%2Epy#L3",
        "file:{top}/deep/new.py",
        "lib/new.py",
        "../link/lib/new.py",
    ],
)
def test_a_file_has_one_place_however_it_is_named(real, name):
    base = local_place(real)
    assert place_of(name.format(top=real.parent), base) == base / "lib/new.py"


def test_dots_after_a_link_lead_where_the_system_goes(real):
    assert place_of(f"{real.parent}/deep/../x.py") == real / "x.py"
    assert place_of("out/x.py", local_place(real)) == real.parent / "other/x.py"


PARTS = ["real", "link", "deep", "lib", "out", "other", "..", ".", "", "new.py", "é %41"]


@given(st.lists(st.sampled_from(PARTS), max_size=8).map("/".join))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_place_is_where_the_system_goes_and_stays_there(real, name):
    top = real.parent
    place = place_of(f"{top}/{name}")
    assert place == Path(f"{top}/{name}").resolve()
    assert place_of(str(place)) == place_of_uri(place.as_uri()) == local_place(place) == place
    assert is_inside(place, place.parent)
    if name and not name.startswith("/"):
        assert place_of(name, local_place(top)) == place


def test_a_link_to_itself_is_some_place(real):
    assert is_inside(local_place(real.parent / "loop/x.py"), local_place(real.parent))


@pytest.mark.parametrize(
    "name",
    [
        "untitled:Untitled-1",
        "git:/repo/a.py?HEAD",
        "vscode-remote://ssh-remote%2Bhost/home/me/a.py",
        "vscode-vfs://github/me/repo/a.py",
        "http://example.com/a.py",
        "file://server/share/a.py",
        "file://[bad/a.py",
        "file:relative.py",
        "file:///a%00b",
        "/a\0b",
        "/half\ud800.py",
        "C:\\Users\\me\\a.py",
        "\\\\server\\share\\a.py",
        "",
    ],
)
def test_what_is_not_on_this_machine_has_no_place(real, name):
    assert place_of(name, local_place(real)) is None


def test_a_relative_path_without_a_base_may_be_anywhere():
    assert place_of("src/a.py") is None


@pytest.mark.parametrize("uri", ["/repo/a.py", "repo/a.py", "", "untitled:a"])
def test_a_path_is_no_uri(uri):
    assert place_of_uri(uri) is None
    assert path_as_named(uri) is None


def test_a_path_may_be_wanted_as_it_was_named(real):
    uri = f"{(real.parent / 'link').as_uri()}/./lib%20x/"
    assert path_as_named(uri) == real.parent / "link/lib x"
    assert place_of_uri(uri) == real / "lib x"


def test_a_local_path_begins_here_or_at_home(real, monkeypatch):
    monkeypatch.chdir(real)
    monkeypatch.setenv("HOME", str(real.parent / "link"))
    assert local_place(Path("lib")) == local_place(Path("~/lib")) == real / "lib"
    for impossible in ("a\0b", "~nobody-of-this-name/x"):
        with pytest.raises(WorkspaceError, match="cannot be a path"):
            local_place(Path(impossible))


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("src/./a.py", "src/a.py"),
        ("/half\ud800/a.py", "a.py"),
        ("C:\\Users\\me\\a.py", "a.py"),
        ("vscode-remote://host/home/me/a%20b.py?x/y#z", "a b.py"),
        ("untitled:Untitled-1", "Untitled-1"),
        ("file://[bad/a.py", "a.py"),
    ],
)
def test_what_may_be_anywhere_has_a_name_that_is_in_no_folder(name, called):
    assert name_only(name) == Path(called)
    assert innermost(name_only(name), [local_place(Path("/"))]) is None


@pytest.mark.parametrize(
    ("name", "out"),
    [("a/../b.py", False), ("../b.py", True), ("a/../../b.py", True), ("..b.py", False)],
)
def test_a_path_that_leads_out_of_where_it_begins(name, out):
    assert climbs(name) is out


def test_the_innermost_folder_and_the_name_in_it():
    repo, lib, other = map(local_place, map(Path, ("/repo", "/repo/lib", "/other")))
    assert innermost(lib / "a.py", [lib, repo]) == innermost(lib, [repo, lib]) == lib
    assert innermost(repo / "library/a.py", [repo, lib]) == repo
    assert innermost(other / "a.py", [repo, lib]) is None
    assert innermost(Path("a.py"), [repo]) is innermost(None, [repo]) is None
    assert name_in(lib / "a.py", repo) == "lib/a.py"
    assert name_in(other / "a.py", repo) == "/other/a.py"
    assert name_in(Path("a.py"), None) == "a.py"


@pytest.fixture
def any_case(monkeypatch):
    """Let the system find entries in any case, as those of macOS and Windows do."""
    lstat = os.lstat

    def find(path, **options):
        try:
            return lstat(path, **options)
        except FileNotFoundError:
            path = Path(path)
            for each in path.parent.iterdir():
                if each.name.lower() == path.name.lower():
                    return lstat(each, **options)
            raise

    monkeypatch.setattr(os, "lstat", find)
    monkeypatch.setattr(Path, "lstat", lambda path: find(path))


def test_case_is_that_of_the_file_where_the_system_does_not_tell_cases_apart(tmp_path, any_case):
    (tmp_path / "Repo").mkdir()
    (tmp_path / "Repo" / "App.py").touch()
    app = tmp_path / "Repo" / "App.py"
    assert place_of(f"{tmp_path}/rEPO/app.PY") == place_of(f"{tmp_path}/Repo/App.py") == app
    assert place_of(f"{tmp_path}/REPO/New.py") == tmp_path / "Repo" / "New.py"


def test_case_matters_where_the_system_says_so(tmp_path):
    (tmp_path / "a.py").touch()
    (tmp_path / "A.PY").hardlink_to(tmp_path / "a.py")
    assert place_of(f"{tmp_path}/A.PY") == tmp_path / "A.PY"
    assert place_of(f"{tmp_path}/A.py") == tmp_path / "A.py"


COMPARISON = re.compile(r"\.(resolve|realpath|normpath|abspath|is_relative_to|samefile)\b")
MAY_COMPARE = {
    "completer/place.py",
    "completer/context/reading_rules.py",  # what a folder's entries really are, before it opens one
    "completer/context/changes.py",  # what the system tells of folders within one workspace
    "completer/context/watch.py",
    "completer/context/gitignore.py",  # which of git's own files hold for one workspace
    "completer/context/git_folders.py",
    "completer/context/git_settings.py",
    "completer/names/guard.py",  # what its own process may run and write
    "completer/user_settings.py",  # what a link to the user's own file leads to
    "telemetry/disk.py",  # the one file that it opens; it imports nothing of ours
    "telemetry/files.py",  # databases
    "telemetry/merging.py",  # whether databases are already where they are to go
    "telemetry/retention.py",
}


def test_paths_are_resolved_and_compared_in_one_place():
    sources = [
        file
        for package in ("completer", "lsp", "telemetry")
        for file in (REPOSITORY / package).rglob("*.py")
    ]
    comparing = [file for file in sources if COMPARISON.search(file.read_text(encoding="utf-8"))]
    assert len(sources) > 100
    assert {file.relative_to(REPOSITORY).as_posix() for file in comparing} == MAY_COMPARE
