import logging
import time
from pathlib import Path

import pytest

from completer.context.feed import WorkspaceFeed
from completer.context.retrieval import Retriever
from completer.context.surroundings import Surroundings
from completer.context.workspace import Workspace

PATIENCE_S = 10


class Index:
    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.calls: list[tuple[str, bool]] = []

    def __call__(self, path: Path, text: str | None, *, edited: bool) -> None:
        self.calls.append((path.name, edited))
        if text is None:
            self.texts.pop(path.name, None)
        else:
            self.texts[path.name] = text

    def wait_for(self, name: str, text: str | None) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while self.texts.get(name) != text:
            assert time.monotonic() < deadline, self.texts
            time.sleep(0.01)


@pytest.fixture
def index():
    return Index()


@pytest.fixture
def root(tmp_path, index):
    (tmp_path / "a.py").write_text("a = 1\n")
    (tmp_path / "b.py").write_text("b = 1\n")
    (tmp_path / ".env").write_text("SECRET=1\n")
    feed = WorkspaceFeed(Workspace(tmp_path), [index], quiet_s=0.05)
    feed.start()
    assert feed.wait(PATIENCE_S)
    tmp_path.joinpath("ready.py").write_text("r = 1\n")
    _wait_until_watched(tmp_path, index)
    yield tmp_path, feed
    feed.stop()


def _wait_until_watched(root: Path, index: Index) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while "ready.py" not in index.texts:
        assert time.monotonic() < deadline
        (root / "ready.py").write_text("r = 1\n" + "\n" * (time.monotonic_ns() % 7))
        time.sleep(0.05)


def test_all_files_are_read_once(root, index):
    assert index.texts["a.py"] == "a = 1\n"
    assert index.texts["b.py"] == "b = 1\n"
    assert ".env" not in index.texts
    assert index.calls.count(("a.py", False)) == 1


def test_changes_on_disk_are_followed(root, index):
    folder, _ = root
    (folder / "a.py").write_text("a = 2\n")
    (folder / "b.py").unlink()
    index.wait_for("a.py", "a = 2\n")
    index.wait_for("b.py", None)


def test_an_open_document_counts_before_the_disk(root, index):
    folder, feed = root
    feed.document_changed(folder / "a.py", "a = 'typed'\n")
    index.wait_for("a.py", "a = 'typed'\n")
    (folder / "a.py").write_text("a = 'on disk'\n")
    (folder / "b.py").write_text("b = 2\n")
    index.wait_for("b.py", "b = 2\n")
    assert index.texts["a.py"] == "a = 'typed'\n"
    feed.document_changed(folder / "a.py", None)
    index.wait_for("a.py", "a = 'on disk'\n")
    assert ("a.py", True) in index.calls


def test_fast_typing_is_handed_on_once(root, index):
    folder, feed = root
    for length in range(50):
        feed.document_changed(folder / "new.py", "x" * length)
    index.wait_for("new.py", "x" * 49)
    assert index.calls.count(("new.py", True)) <= 3


def test_a_document_closed_without_being_saved_is_forgotten(root, index):
    folder, feed = root
    feed.document_changed(folder / "new.py", "x = 1\n")
    index.wait_for("new.py", "x = 1\n")
    feed.document_changed(folder / "new.py", None)
    index.wait_for("new.py", None)


def test_a_secret_document_is_not_handed_on(root, index):
    folder, feed = root
    feed.document_changed(folder / ".env", "SECRET=2\n")
    feed.document_changed(folder / "c.py", "c = 1\n")
    index.wait_for("c.py", "c = 1\n")
    assert ".env" not in index.texts


def test_what_is_ignored_from_now_on_is_forgotten(root, index):
    folder, _ = root
    (folder / ".gitignore").write_text("b.py\n")
    index.wait_for("b.py", None)
    assert index.texts["a.py"] == "a = 1\n"
    (folder / ".gitignore").write_text("a.py\n")
    index.wait_for("a.py", None)
    index.wait_for("b.py", "b = 1\n")


def test_a_sink_that_fails_does_not_keep_others_from_it(tmp_path, index, caplog):
    def fail(path: Path, text: str | None, *, edited: bool) -> None:
        raise RuntimeError("on purpose")

    (tmp_path / "a.py").write_text("a = 1\n")
    feed = WorkspaceFeed(Workspace(tmp_path), [fail, index])
    with caplog.at_level(logging.ERROR):
        feed.start()
        assert feed.wait(PATIENCE_S)
    feed.stop()
    assert index.texts == {"a.py": "a = 1\n"}
    assert "on purpose" in caplog.text


def test_a_retriever_is_a_sink(tmp_path):
    (tmp_path / "a.py").write_text("def greet(name): ...\n")
    retriever = Retriever(tmp_path)
    feed = WorkspaceFeed(Workspace(tmp_path), [retriever.update])
    feed.start()
    assert feed.wait(PATIENCE_S)
    feed.stop()
    snippets = retriever.retrieve(
        Surroundings.of("greet()\n" * 9, "", "python"), tmp_path / "b.py", 500
    )
    assert [snippet.text for snippet in snippets] == ["def greet(name): ..."]


def test_a_folder_that_goes_takes_its_files_with_it(root, index):
    folder, _ = root
    for name in ("pkg/one.py", "pkg/deep/two.py"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x = 1\n")
    index.wait_for("one.py", "x = 1\n")
    index.wait_for("two.py", "x = 1\n")
    (folder / "pkg").rename(folder.parent / "elsewhere")
    index.wait_for("one.py", None)
    index.wait_for("two.py", None)


def test_what_nobody_knew_is_not_handed_on_when_it_goes(root, index):
    folder, _ = root
    (folder / "x.unknown").write_text("x")
    (folder / "x.unknown").unlink()
    (folder / "last.py").write_text("z = 1\n")
    index.wait_for("last.py", "z = 1\n")
    assert "x.unknown" not in dict(index.calls)


def test_thousands_of_files_that_go_cost_as_much_each_as_few(tmp_path):
    calls = []
    feed = WorkspaceFeed(Workspace(tmp_path), [lambda path, text, edited: calls.append(path)])
    feed._ready.set()
    paths = [tmp_path / "pkg" / f"{number}.py" for number in range(10_000)]
    for path in paths:
        feed._remember(path, (1, 1))
    began = time.process_time()
    feed._take_files(set(), {*paths, *(path.with_suffix(".o") for path in paths)})
    assert time.process_time() - began < 2
    assert calls == sorted(paths)
    assert not feed._folders


def test_an_error_while_reading_is_known_and_reading_goes_on(tmp_path, index, monkeypatch):
    workspace = Workspace(tmp_path)
    list_files = workspace.iter_files
    failures = [OSError("on purpose")]

    def fail_once():
        if failures:
            raise failures.pop()
        return list_files()

    monkeypatch.setattr(workspace, "iter_files", fail_once)
    feed = WorkspaceFeed(workspace, [index], quiet_s=0.05)
    feed.start()
    assert feed.wait(PATIENCE_S)
    assert feed.fault == "OSError"
    (tmp_path / "a.py").write_text("a = 1\n")
    _wait_until_watched(tmp_path, index)
    (tmp_path / "b.py").write_text("b = 1\n")
    index.wait_for("b.py", "b = 1\n")
    feed.stop()
