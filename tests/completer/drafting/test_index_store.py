import hashlib
import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from completer.drafting.corpus import Corpus, Stamp
from completer.drafting.index_store import index_folder, load_index, retire_indexes, save_index

STAMP = Stamp(10, 20, "digest")
PRIVATE = {("", 0o700), (".array", 0o600), (".json", 0o600), (".lock", 0o600)}


def small_corpus():
    corpus = Corpus(9)
    for name in ("a", "b"):
        corpus.add(name, np.array([1, 2, 3, 1, 2], np.int32), STAMP)
    corpus.merge()
    return corpus


@pytest.fixture
def folder(tmp_path):
    save_index(small_corpus(), tmp_path / "index")
    return tmp_path / "index"


def test_a_saved_index_comes_back_whole(folder):
    saved, loaded = small_corpus(), Corpus(9)
    assert load_index(loaded, folder)
    assert all(map(np.array_equal, loaded.array.parts, saved.array.parts))
    assert loaded.stamp("b") == STAMP
    assert loaded.tokens == saved.tokens


def test_changes_of_a_session_do_not_reach_the_disk(folder):
    loaded, again = Corpus(9), Corpus(9)
    load_index(loaded, folder)
    loaded.remove("a")
    assert load_index(again, folder)
    assert "a" in again
    assert (again.array.text >= 0).all()


def test_a_hidden_file_is_saved_alive(tmp_path):
    corpus, loaded = small_corpus(), Corpus(9)
    corpus.hide("a")
    save_index(corpus, tmp_path)
    assert load_index(loaded, tmp_path)
    assert (loaded.array.text >= 0).all()


def test_what_was_struck_out_is_not_saved_alive(tmp_path):
    corpus, loaded = small_corpus(), Corpus(9)
    corpus.write("a", np.array([7, 8], np.int32), STAMP)
    save_index(corpus, tmp_path)
    assert load_index(loaded, tmp_path)
    assert loaded.names() == ["b"]
    assert (loaded.array.text > 0).sum() == 5


def test_a_file_without_a_stamp_is_read_again(tmp_path):
    corpus, loaded = Corpus(9), Corpus(9)
    corpus.add("a", np.array([7, 8], np.int32))
    corpus.merge()
    save_index(corpus, tmp_path)
    assert load_index(loaded, tmp_path)
    assert loaded.stamp("a") == Stamp(-1, -1, "")


def test_nothing_is_loaded_where_nothing_is(tmp_path):
    assert not load_index(Corpus(9), tmp_path / "nothing")


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("damage", ["flip", "cut", "empty"])
def test_a_damaged_index_is_not_trusted(folder, part, damage):
    path = sorted(folder.iterdir())[part]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes({"flip": data, "cut": data[:-4], "empty": b""}[damage])
    corpus = Corpus(9)
    assert not load_index(corpus, folder)
    assert len(corpus) == 0


def test_another_vocabulary_or_version_is_not_trusted(folder, monkeypatch):
    assert not load_index(Corpus(8), folder)
    monkeypatch.setattr("completer.drafting.index_store.VERSION", 99)
    assert not load_index(Corpus(9), folder)


@pytest.fixture
def open_mask():
    """What an administrator sets who lets everybody read everything."""
    mask = os.umask(0)
    yield
    os.umask(mask)


def modes(folder: Path) -> set[tuple[str, int]]:
    return {(path.suffix, path.stat().st_mode & 0o777) for path in [folder, *folder.rglob("*")]}


@pytest.mark.usefixtures("open_mask")
def test_only_its_owner_may_read_an_index_from_the_start(tmp_path, monkeypatch):
    seen = set()
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (seen.add(os.fstat(file).st_mode), fsync(file)))
    cache = tmp_path / "cache"
    save_index(small_corpus(), index_folder(cache, tmp_path, ""))

    assert modes(cache) == PRIVATE
    assert {mode & 0o777 for mode in seen} == {0o600}


def written_by_version_3(folder: Path) -> None:
    """Write an index as the version before wrote it, for all to read."""
    save_index(small_corpus(), folder)
    header = json.loads((folder / "index.json").read_text())
    body = json.dumps({**json.loads(header["body"]), "version": 3})
    digest = hashlib.sha256(body.encode()).hexdigest()
    (folder / "index.json").write_text(json.dumps({"digest": digest, "body": body}))
    (folder / "index.lock").unlink()
    for path in [folder, *folder.iterdir()]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_indexes_of_earlier_versions_are_removed_and_nothing_else_is(tmp_path):
    outdated, shared, current = (index_folder(tmp_path, Path("/" + name), "") for name in "abc")
    for folder in (outdated, shared):
        written_by_version_3(folder)
    save_index(small_corpus(), current)
    (shared / "notes.txt").write_text("not ours")
    stranger = tmp_path / "index" / ("0" * 32)
    stranger.mkdir()
    (stranger / "index.json").write_text('{"digest": "", "body": "{}"}')
    (tmp_path / "index").chmod(0o755)
    retire_indexes(tmp_path)

    assert not outdated.exists()
    assert [path.name for path in shared.iterdir()] == ["notes.txt"]
    assert (stranger / "index.json").exists()
    assert load_index(Corpus(9), current)
    assert (tmp_path / "index").stat().st_mode & 0o777 == 0o700


def test_a_folder_with_other_things_in_it_stays_as_it_is(tmp_path):
    (tmp_path / "index" / "photos").mkdir(parents=True)
    (tmp_path / "index").chmod(0o755)
    retire_indexes(tmp_path)
    retire_indexes(tmp_path / "missing")

    assert (tmp_path / "index" / "photos").stat().st_mode & 0o700 == 0o700
    assert (tmp_path / "index").stat().st_mode & 0o777 == 0o755


def test_a_folder_that_all_could_read_is_closed_when_an_index_is_saved(tmp_path):
    folder = tmp_path / "index" / ("a" * 32)
    written_by_version_3(folder)
    save_index(small_corpus(), folder)

    assert modes(folder) == PRIVATE


def test_texts_that_were_cleaned_by_other_rules_are_not_trusted(folder):
    assert not load_index(Corpus(9), folder, "other rules")


def test_arrays_no_longer_named_are_removed(folder):
    corpus = small_corpus()
    corpus.write("c", np.array([4], np.int32), STAMP)
    corpus.merge()
    save_index(corpus, folder)
    named = json.loads(json.loads((folder / "index.json").read_text())["body"])["arrays"]
    assert {path.name for path in folder.iterdir()} == {
        "index.json", "index.lock", *(entry["file"] for entry in named.values()),
    }  # fmt: skip


def test_workspaces_and_tokenizers_have_folders_of_their_own(tmp_path):
    folders = {index_folder(tmp_path, Path(root), tokenizer) for root in "ab" for tokenizer in "xy"}
    assert len(folders) == 4


def test_saving_again_removes_what_it_saved_before_and_nothing_else(folder):
    strangers = [folder / name for name in ("notes.txt", "data.array", "customers.sqlite3")]
    for path in strangers:
        path.write_text("not an index")
    (folder / "subfolder").mkdir()
    before = set(folder.glob("*.array"))
    corpus = small_corpus()
    corpus.add("c", np.array([4, 5, 6, 7], np.int32), STAMP)
    corpus.merge()
    save_index(corpus, folder)

    assert all(path.read_text() == "not an index" for path in strangers)
    assert (folder / "subfolder").is_dir()
    gone = before - set(folder.glob("*.array"))
    assert gone
    assert not any(path in gone for path in strangers)


def _save_often(folder: Path, token: int) -> None:
    for length in range(1, 41):
        corpus = Corpus(9)
        corpus.add("a", np.full(length, token, np.int32), STAMP)
        corpus.merge()
        save_index(corpus, folder)


@pytest.mark.slow
def test_processes_that_save_the_same_workspace_leave_a_whole_index(folder):
    spawn = multiprocessing.get_context("spawn")
    savers = [spawn.Process(target=_save_often, args=(folder, token)) for token in (4, 5)]
    for saver in savers:
        saver.start()
    loads = 0
    while any(saver.is_alive() for saver in savers):
        loads += 1
        assert load_index(Corpus(9), folder)
    for saver in savers:
        saver.join()

    assert [saver.exitcode for saver in savers] == [0, 0]
    assert loads > 10
    assert load_index(Corpus(9), folder)
