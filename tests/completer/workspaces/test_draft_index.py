"""A workspace's draft index: built, saved, brought up to date, changed, bounded."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from completer.context.workspace import Workspace, WorkspaceOptions
from completer.place import local_place
from completer.private_files import private_folder
from completer.remote.mirror import TEXTS, Mirror, write_list, write_team
from completer.remote.names import mirrored
from completer.settings import Settings
from completer.workspaces.draft_index import DraftIndex, IndexOptions, index_options
from tests.canaries import canaries
from tests.completer.drafting.reference import best_path
from tests.completer.evaluation.reachable import holders
from tests.tiny import byte_tokenizer

COSTS = np.full(17, 1.0)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "repo"
    root.mkdir()
    (root / "a.py").write_text("zebra_quotient = frobnicate(level, 17)\n")
    (root / "b.py").write_text("nothing = 'of the kind'\n" * 20)
    return root


def index_of(root, cache=None, **options) -> DraftIndex:
    return DraftIndex(
        Workspace(root),
        byte_tokenizer().backend_tokenizer,
        IndexOptions(cache_folder=cache, **options),
    )


def drafted_after(index: DraftIndex, text: str) -> str:
    """The most likely draft after `text`, where every token pays."""
    with index.drafter.start(index.encode("\n" + text)) as session:
        path = best_path(session.propose(16, COSTS))
    drafted: str = byte_tokenizer().backend_tokenizer.decode(path.tolist())
    return drafted


def test_what_is_in_the_files_is_drafted(root):
    index = index_of(root)
    report = index.build()

    assert (report.files, report.read) == (2, 2)
    assert drafted_after(index, "zebra_quo").startswith("tient = ")


def test_a_restart_reads_only_what_has_changed(root, tmp_path):
    index_of(root, tmp_path / "cache").build()
    (root / "b.py").write_text("changed = 'entirely different text'\n")
    again = index_of(root, tmp_path / "cache")
    report = again.build()

    assert (report.unchanged, report.read) == (1, 1)
    assert drafted_after(again, "zebra_quo").startswith("tient")
    assert drafted_after(again, "changed = 'ent").startswith("irely")


def test_a_build_that_is_stopped_leaves_the_saved_index_as_it_was(root, tmp_path):
    for n in range(20):
        (root / f"f{n}.py").write_text(f"value_{n} = {n}\n")
    index_of(root, tmp_path / "cache").build()
    (root / "b.py").write_text("changed = 1\n")
    stopped = index_of(root, tmp_path / "cache")
    read = stopped._workspace.read
    stopped._workspace.read = lambda path: (stopped.stop(), read(path))[1]
    assert stopped.build().removed == 0
    report = index_of(root, tmp_path / "cache").build()
    assert (report.unchanged, report.read) == (21, 1)


def test_an_index_is_saved_whoever_read_the_files_first(root, tmp_path):
    """The watcher's thread reads a small folder as soon as there are kernels for it."""
    index = index_of(root, tmp_path / "cache")
    index._take_edited()
    for file in root.iterdir():
        index.update(file, file.read_text(), edited=False)
    assert index.build().unchanged == 2

    again = index_of(root, tmp_path / "cache")
    assert again.build().unchanged == 2
    assert drafted_after(again, "zebra_quo").startswith("tient = ")


def test_new_times_of_files_that_read_the_same_are_saved(root, tmp_path):
    index_of(root, tmp_path / "cache").build()
    os.utime(root / "a.py", (5, 5))
    index_of(root, tmp_path / "cache").build()
    read: list[Path] = []
    again = index_of(root, tmp_path / "cache")
    again._workspace.read = read.append
    again.build()

    assert not read


def test_what_is_closed_while_it_is_being_built_leaves_the_saved_index_whole(root, tmp_path):
    index_of(root, tmp_path / "cache").build()
    closed = index_of(root, tmp_path / "cache")
    closed.stop()
    closed.build()

    assert index_of(root, tmp_path / "cache").build().unchanged == 2


def test_an_index_that_was_read_by_other_rules_is_built_anew(root, tmp_path):
    index_of(root, tmp_path / "cache").build()
    keeping = Workspace(root, options=WorkspaceOptions(keep_secrets=True))
    tokenizer = byte_tokenizer().backend_tokenizer
    kept = DraftIndex(keeping, tokenizer, IndexOptions(cache_folder=tmp_path / "cache"))

    assert kept.build().read == 2
    assert index_of(root, tmp_path / "cache").build().read == 2
    assert index_of(root, tmp_path / "cache").build().unchanged == 2


def test_two_threads_may_save_at_once(root, tmp_path, caplog):
    index = index_of(root, tmp_path / "cache")
    index.build()
    saving = [threading.Thread(target=index._save) for _ in range(8)]
    for thread in saving:
        thread.start()
    for thread in saving:
        thread.join()

    assert not caplog.records
    assert index_of(root, tmp_path / "cache").build().unchanged == 2


def test_a_damaged_index_is_built_anew(root, tmp_path):
    index_of(root, tmp_path / "cache").build()
    for file in (tmp_path / "cache").rglob("*"):
        if file.is_file():
            file.write_bytes(b"damaged")

    assert index_of(root, tmp_path / "cache").build().read == 2


def test_a_saved_file_counts_at_once_and_a_deleted_one_no_longer(root):
    index = index_of(root)
    index.build()
    new = root / "c.py"
    new.write_text("walrus_operator_of_doom = 5\n")
    index.update(new, new.read_text(), edited=False)
    assert drafted_after(index, "walrus_op").startswith("erator_of")

    index.update(new, None, edited=False)
    assert not drafted_after(index, "walrus_op").startswith("erator_of")


def test_an_open_document_counts_as_its_editor_has_it(root):
    index = index_of(root)
    index.build()
    index.update(root / "a.py", "zebra_quarrel = 1\n", edited=True)

    assert drafted_after(index, "zebra_qua").startswith("rrel")
    index.update(root / "a.py", (root / "a.py").read_text(), edited=False)
    assert drafted_after(index, "zebra_quo").startswith("tient")


def test_two_workspaces_never_see_each_others_text(root, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.py").write_text("unrelated = 1\n" * 10)
    index_of(root, tmp_path / "cache").build()
    index = index_of(other, tmp_path / "cache")
    report = index.build()

    assert report.read == 1
    assert not drafted_after(index, "zebra_quo").startswith("tient")


def test_secrets_of_installed_packages_are_cut_out_too(root):
    packages = root / ".venv" / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    (root / ".venv" / "pyvenv.cfg").touch()
    token = next(each for each in canaries() if each.kind == "npm token").secrets[0]
    (packages / "module.py").write_text(f"zebra_token = '{token}'\nzebra_end = 1\n")
    (root / "a.py").write_text("import module\n")
    index = index_of(root, dependencies=True)
    index.build()

    assert holders(index, {"zebra_end"}, index._tokenizer)
    assert not holders(index, {token[:12]}, index._tokenizer)


def test_an_index_keeps_to_its_bound(root, caplog):
    for n in range(200):
        (root / f"f{n}.py").write_text(f"value_{n} = {n}\n" * 400)
    index = index_of(root, max_bytes=4 << 20)
    index.build()

    assert index.drafter.nbytes < 24 << 20
    assert "is full" in caplog.text


def test_a_cache_that_cannot_be_written_is_no_error(root, tmp_path):
    (tmp_path / "cache").write_text("a file")

    assert index_of(root, tmp_path / "cache").build().read == 2


def test_special_tokens_are_no_text_to_heal(root):
    index = index_of(root)
    tokenizer = byte_tokenizer()
    end = tokenizer.convert_tokens_to_ids("<|endoftext|>")

    assert index.healer.unfinished(np.array([*index.encode("= zeb")[-3:], end], np.int32)) == (
        0,
        "",
    )
    assert index.healer.unfinished(np.array([end, *index.encode("zeb")], np.int32)) == (3, "zeb")


def test_a_folder_whose_name_is_not_utf8_has_an_index(tmp_path):
    root = tmp_path / os.fsdecode(b"w\xff")
    root.mkdir()
    (root / os.fsdecode(b"\xfe.py")).write_text("zebra_quotient = frobnicate(level, 17)\n")
    index_of(root, tmp_path / "cache").build()
    again = index_of(root, tmp_path / "cache")
    assert again.build().unchanged == 1
    assert drafted_after(again, "zebra_quo").startswith("tient = ")


def test_what_is_told_before_the_kernels_are_there_counts_afterwards(root, monkeypatch):
    """Nothing is compiled for it: whoever tells must not wait."""

    def compiled(*_):
        raise AssertionError("a kernel was called")

    index = index_of(root)
    with monkeypatch.context() as early:
        early.setattr(index.drafter, "open_document", compiled)
        early.setattr(index.drafter, "close_document", compiled)
        early.setattr(index.drafter, "add_completion", compiled)
        early.setattr(index.drafter, "update_file", compiled)
        index.update(root / "a.py", "quokka_level = 3\n", edited=True)
        index.update(root / "a.py", "quokka_level = marsupial(17)\n", edited=True)
        index.update(root / "b.py", "closed_again = 4\n", edited=True)
        index.update(root / "b.py", (root / "b.py").read_text(), edited=False)
        index.update(root / "c.py", None, edited=False)
        index.accepted("x")
    index.build()

    assert str(root / "a.py") in index.drafter.live
    assert str(root / "b.py") not in index.drafter.live
    assert drafted_after(index, "quokka_level = mar").startswith("supial(17)")


BEFORE_THE_KERNELS = """
import sys
from pathlib import Path
from completer.context.workspace import Workspace
from completer.workspaces.draft_index import DraftIndex, IndexOptions
from completer.drafting import evidence, growing, matching, suffix_array, suffix_tree
from tests.tiny import byte_tokenizer

root = Path(sys.argv[1])
index = DraftIndex(Workspace(root), byte_tokenizer().backend_tokenizer, IndexOptions())
index.update(root / "a.py", "x = 1", edited=True)
index.update(root / "b.py", "x = 1", edited=False)
index.accepted("x = 2")
index.drafter.nbytes
index.close()
modules = (evidence, growing, matching, suffix_array, suffix_tree)
print(sum(len(getattr(each, "signatures", ())) for m in modules for each in vars(m).values()))
"""


def test_opening_and_closing_an_index_compiles_nothing(root):
    run = [sys.executable, "-c", BEFORE_THE_KERNELS, str(root)]
    done = subprocess.run(run, capture_output=True, text=True, check=True)

    assert int(done.stdout) == 0


@pytest.fixture
def clone(root, tmp_path) -> Mirror:
    """A mirror of a clone of the repository in `root`: one file is changed, one gone, one new."""
    (root / "gone.py").write_text("gone_meanwhile = vanished(1)\n")
    index_of(root, tmp_path / "cache").build()
    texts = {"a.py": (root / "a.py").read_text(), "b.py": "mine = 'alone'\n", "c.py": "new = 1\n"}
    folder = tmp_path / "mirrors/ada/clone"
    private_folder(folder)
    private_folder(folder.parent / TEXTS)
    files = [mirrored(name, text, whole=True) for name, text in texts.items()]
    for file, text in zip(files, texts.values(), strict=True):
        (folder.parent / TEXTS / file.digest).write_text(text)
    write_list(folder, files)
    write_team(folder, local_place(root))
    return Mirror(folder)


def index_of_clone(clone: Mirror, cache: Path) -> DraftIndex:
    options = index_options(Settings(cache_folder=cache), clone)
    return DraftIndex(clone, byte_tokenizer().backend_tokenizer, options)


def test_a_clone_of_a_teams_repository_begins_with_its_index(clone, root, tmp_path):
    index = index_of_clone(clone, tmp_path / "cache")
    report = index.build()

    assert (report.read, report.removed) == (2, 1)
    assert report.tokenised < 40
    assert drafted_after(index, "zebra_quo").startswith("tient = ")
    assert drafted_after(index, "mine = 'al").startswith("one'")
    assert "shed" not in drafted_after(index, "gone_meanwhile = vani")
    assert not list(clone.root.rglob("index.json"))


def test_clones_share_the_memory_of_what_they_have_not_changed(clone, tmp_path):
    one, other = (index_of_clone(clone, tmp_path / "cache") for _ in range(2))
    one.build()
    other.build()
    maps = [index.drafter.array.parts.ranks.base for index in (one, other)]
    assert all(isinstance(each, np.memmap) for each in maps)
    assert maps[0].filename == maps[1].filename


def test_a_change_of_one_clone_is_no_others(clone, root, tmp_path):
    one, other = (index_of_clone(clone, tmp_path / "cache") for _ in range(2))
    one.build()
    other.build()
    one.update(clone.root / "a.py", None, edited=False)
    team = index_of(root, tmp_path / "cache")
    team.build()

    assert "tient" not in drafted_after(one, "zebra_quo")
    assert drafted_after(other, "zebra_quo").startswith("tient = ")
    assert drafted_after(team, "zebra_quo").startswith("tient = ")
    assert "one" not in drafted_after(team, "mine = 'al")
    assert drafted_after(team, "gone_meanwhile = vani").startswith("shed(1)")


def test_a_clone_begins_by_itself_where_the_team_has_no_index(clone, tmp_path):
    index = index_of_clone(clone, tmp_path / "another")
    assert index.build().read == 3
    assert list(clone.root.rglob("index.json"))
