"""A mirror is read as a folder is: the same files, in the same order, with the same texts."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from completer.context.verdict import Reason
from completer.context.workspace import Workspace
from completer.errors import WorkspaceError
from completer.remote.mirror import FILES, TEXTS, Mirror, read_list, write_list
from completer.remote.mirrors import MOST_WORKSPACES, Mirrors
from completer.remote.names import in_order, is_name, mirrored
from tests.completer.remote.machines import write

NAMES = ["b.py", "a.py", "a/z.py", "a/b/c.py", "a/b.py", "b/a.py", "a-b/c.py", "Z.py", "é/ü.py"]


def mirror_of(workspace: Workspace, folder) -> Mirror:
    """A mirror with the files of a workspace, whose list is in another order."""
    (folder / TEXTS).mkdir(parents=True)
    (folder / "w").mkdir()
    files = []
    for file in workspace.iter_files():
        text = workspace.read(file.path) or ""
        entry = mirrored(workspace.relative(file.path), text, whole=True)
        (folder / TEXTS / entry.digest).write_bytes(text.encode())
        files.append(entry)
    write_list(folder / "w", reversed(files))
    return Mirror(folder / "w")


@pytest.fixture
def workspace(tmp_path):
    return Workspace(write(tmp_path / "repo", {name: f"# {name}\r\nx = 1\n" for name in NAMES}))


def test_files_come_in_the_order_of_a_folder_with_its_texts(workspace, tmp_path):
    mirror = mirror_of(workspace, tmp_path / "m")
    here, there = list(workspace.iter_files()), list(mirror.iter_files())
    assert len(here) == len(NAMES)
    assert [workspace.relative(f.path) for f in here] == [mirror.relative(f.path) for f in there]
    assert [f.language for f in here] == [f.language for f in there]
    assert [workspace.read(f.path) for f in here] == [mirror.read(f.path) for f in there]


def test_another_text_is_another_stamp_and_a_spoiled_one_is_missing(workspace, tmp_path):
    mirror = mirror_of(workspace, tmp_path / "m")
    path = mirror.root / "a.py"
    before = mirror.source_file(path)
    files = [file for file in read_list(mirror.root) if file.name != "a.py"]
    write_list(mirror.root, [*files, mirrored("a.py", "# a.py\ny = 2\n", whole=False)])
    mirror.reload()
    after = mirror.source_file(path)
    assert before.size == after.size
    assert before.mtime_ns != after.mtime_ns
    assert mirror.read(path) is None  # its text is not there
    (mirror.root.parent / TEXTS / read_list(mirror.root)[-1].digest).write_text("another")
    assert mirror.read(path) is None


def test_what_was_cut_is_read_for_nobody_who_needs_places(workspace, tmp_path):
    mirror = mirror_of(workspace, tmp_path / "m")
    text = mirror.read("a.py")
    write_list(mirror.root, [mirrored("a.py", text, whole=False)])
    mirror.reload()
    assert mirror.read("a.py") == text
    assert mirror.read("a.py", whole=True) is None


def test_nothing_is_read_but_what_is_listed(workspace, tmp_path):
    mirror = mirror_of(workspace, tmp_path / "m")
    for path in (FILES, "../texts", workspace.root / "a.py", mirror.root / "../../repo/a.py"):
        assert mirror.read(path) is None
        assert not mirror.may_read(path).ok
    assert mirror.check_name(mirror.root / "new.py").ok
    assert mirror.check_name(mirror.root / "../x.py").reason is Reason.OUTSIDE
    assert mirror.is_rule(mirror.root / FILES)
    assert list(mirror.iter_folders()) == [mirror.root]


@given(st.text(alphabet="ab./\\\0\n:~", max_size=12))
def test_a_name_leads_nowhere_else(name):
    if is_name(name):
        assert not name.startswith("/")
        assert ".." not in name.split("/")
        assert "\0" not in name


@given(st.lists(st.sampled_from(NAMES), unique=True))
def test_files_of_a_folder_come_before_those_below(names):
    ordered = sorted(names, key=in_order)
    for first, second in itertools.pairwise(ordered):
        if "/" not in second:
            assert "/" not in first


def test_a_person_has_so_many_mirrors(tmp_path):
    mine = Mirrors(tmp_path / "mirrors").of("ada")
    for number in range(MOST_WORKSPACES):
        mine.open(str(number))
    with pytest.raises(WorkspaceError, match="More than"):
        mine.open("another")
    assert mine.open("0").is_dir()


def test_people_share_no_folder_whatever_they_are_called(tmp_path):
    mirrors = Mirrors(tmp_path / "mirrors")
    names = ["ada", "Ada", "../ada", "ada/x", "", "a\0b"]
    folders = {mirrors.of(name).open("/repo") for name in names}
    assert len(folders) == len(names)
    assert {folder.parent.parent for folder in folders} == {mirrors.folder}
