"""Definitions that another process reads: the same ones, and hostile files end nothing else."""

import os
import signal
import threading
import time

import pytest

from completer.context import worker_process
from completer.context.definition_reader import DefinitionReader
from completer.context.definitions import LONGEST_SOURCE, definitions
from completer.context.grammars import parse

SAMPLE = 'class A:\n    """\ud800 é"""\n\n    def f(self, x): ...\n\n\nlimit = 3\n'


@pytest.fixture
def reader():
    reader = DefinitionReader(most_cpu_s=1, idle_s=5)
    yield reader
    reader.close()


def test_the_same_definitions(reader):
    assert reader(SAMPLE, "python") == definitions(SAMPLE, "python") != []
    assert reader("text", None) == reader("x" * (LONGEST_SOURCE + 1), "c") == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("python", "\\\n" * 100_000),
        ("java", "a<" * 100_000),
        ("rust", '"\n' * 100_000),
        ("cpp", "@a\n" * 60_000),
    ],
)
def test_a_file_made_for_the_parser_costs_its_definitions_only(reader, language, text):
    assert reader(text, language) == []
    assert reader(SAMPLE, "python") == definitions(SAMPLE, "python")


def test_a_process_that_crashes_is_replaced(reader):
    reader(SAMPLE, "python")
    os.kill(reader._process.pid, signal.SIGSEGV)
    reader._process.wait()
    reader(SAMPLE, "python")
    assert reader(SAMPLE, "python") == definitions(SAMPLE, "python")


def test_without_work_the_process_ends_and_comes_back():
    reader = DefinitionReader(most_cpu_s=1, idle_s=0.1)
    reader(SAMPLE, "python")
    reader._process.wait(10)
    assert reader(SAMPLE, "python") == definitions(SAMPLE, "python")
    assert reader._failures == 0
    reader.close()


def test_after_many_failures_nothing_is_read(reader, monkeypatch, caplog):
    monkeypatch.setattr(worker_process, "_MOST_FAILURES", 2)
    for _ in range(2):
        reader(SAMPLE, "python")
        os.kill(reader._process.pid, signal.SIGKILL)
        reader._process.wait()
        reader(SAMPLE, "python")
    assert reader(SAMPLE, "python") == []
    assert "cannot be parsed" in caplog.text


def test_closing_does_not_wait_for_a_file():
    reader = DefinitionReader(most_cpu_s=60)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(reader("a<" * 100_000, "java")))
    asking.start()
    deadline = time.monotonic() + 10
    while reader._process is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process = reader._process
    started = time.monotonic()
    reader.close()
    asking.join(10)
    assert time.monotonic() - started < 2
    assert process.returncode is not None
    assert answers == [[]]
    assert reader(SAMPLE, "python") == []


def test_nothing_is_imported_from_the_current_folder(reader, tmp_path, monkeypatch):
    for name in ("json", "tree_sitter", "completer"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit\n")
    monkeypatch.chdir(tmp_path)
    assert reader(SAMPLE, "python") == definitions(SAMPLE, "python")


def test_a_deep_tree_is_read():
    """Only what recurses over a tree could fail here: the parser itself keeps its own stack."""
    depth = 20_000
    source = "(" * depth + ")" * depth
    assert parse(source.encode(), "python") is not None
    assert definitions(f"def f():\n    return {source}\n", "python")[0].name == "f"
