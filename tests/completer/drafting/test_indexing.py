import os
from pathlib import Path

import pytest

from completer.context.workspace import SourceFile, Workspace
from completer.drafting.corpus import Corpus
from completer.drafting.indexing import refresh


def encode(texts):
    return [list(text.encode()) for text in texts]


@pytest.fixture
def workspace(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.py").write_text(f"def {name}():\n    return 1\n")
    return Workspace(tmp_path)


def index(corpus, workspace):
    return refresh(corpus, workspace.iter_files(), workspace.read, encode)


def test_all_files_are_read_once(workspace):
    corpus = Corpus(256)
    report = index(corpus, workspace)
    assert (report.files, report.read) == (2, 2)
    assert report.tokens == corpus.tokens > 40
    assert index(corpus, workspace).unchanged == 2


def test_only_what_changed_is_read_again(workspace):
    corpus = Corpus(256)
    index(corpus, workspace)
    (workspace.root / "a.py").write_text("x = 1  # changed\n")
    (workspace.root / "b.py").unlink()
    report = index(corpus, workspace)
    assert (report.read, report.removed, report.files) == (1, 1, 1)


def test_a_file_that_was_only_touched_is_not_tokenised(workspace):
    corpus = Corpus(256)
    index(corpus, workspace)
    os.utime(workspace.root / "a.py", ns=(1, 1))
    report = index(corpus, workspace)
    assert (report.read, report.unchanged) == (0, 2)
    assert corpus.stamp(str((workspace.root / "a.py").resolve())).mtime_ns == 1


class CountedText(str):
    """A text that counts how often its length is asked for."""

    asked = 0

    def __len__(self):
        CountedText.asked += 1
        return super().__len__()


def test_many_small_files_cost_as_much_each_as_few():
    files = [SourceFile(Path(f"/{n}.py"), 1, 1, "python") for n in range(4_000)]
    report = refresh(Corpus(256), files, lambda path: CountedText("x"), encode)
    assert report.read == 4_000
    assert CountedText.asked < 10 * 4_000
