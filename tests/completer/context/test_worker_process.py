"""A process that answers lines: what becomes of a line over which it ends, and who pays for it."""

import json
import sys
import threading
import time

import pytest

from completer.context import worker_process
from completer.context.worker_process import WorkerProcess

WORKER = """
import os, sys, time
from completer.context.worker_process import answer, questions
for line in questions(float(sys.argv[1]), float(sys.argv[2]), 1 << 30):
    word = line.decode().strip()
    if word == "die":
        os._exit(1)
    if word == "sleep":
        time.sleep(60)
    while word == "spin":
        pass
    if word == "grow":
        bytearray(2 << 30)
    answer(b"[}" if word == "babble" else b'"%s"' % word.encode())
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="the system sets no limits there")


@pytest.fixture
def start(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    started = []

    def start(cpu_s="5", idle_s="60", **options):
        process = WorkerProcess(script, (cpu_s, idle_s), json.loads, complaint="Enough", **options)
        started.append(process)
        return process

    yield start
    for process in started:
        process.close()


@pytest.mark.parametrize("word", ["die", "babble", pytest.param("grow", marks=posix)])
def test_a_line_without_an_answer_costs_only_itself(start, word):
    process = start()

    assert [process.send(each) for each in (b"a", word.encode(), b"b")] == ["a", None, "b"]


@posix
def test_a_line_gets_so_much_processor_time(start):
    process = start(cpu_s="0.2")

    assert (process.send(b"spin"), process.send(b"a")) == (None, "a")


def test_a_line_gets_so_much_time_on_the_clock(start, monkeypatch):
    monkeypatch.setattr(worker_process, "_MOST_S", 0.5)
    process = start()

    assert process.send(b"sleep") is None


@posix
def test_without_work_it_ends_and_that_is_no_failure(start):
    process = start(idle_s="0.1")
    process.send(b"a")
    deadline = time.monotonic() + 20
    while process._process.returncode is None:  # it is waited for, so that it is no zombie
        assert time.monotonic() < deadline
        time.sleep(0.01)

    assert process.send(b"b") == "b"
    assert process._failures == 0


@pytest.mark.parametrize("forgives", [True, False])
def test_after_many_failures_nothing_is_asked(start, forgives, monkeypatch, caplog):
    monkeypatch.setattr(worker_process, "_MOST_FAILURES", 2)
    process = start(forgives=forgives)
    for line in (b"die", b"a", b"die"):
        process.send(line)

    assert process.send(b"a") == ("a" if forgives else None)
    assert ("Enough" in caplog.text) is not forgives


def test_closing_does_not_wait_for_an_answer(start):
    process = start()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(process.send(b"sleep")))
    asking.start()
    deadline = time.monotonic() + 10
    while process._process is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    began = time.monotonic()
    process.close()
    asking.join(10)

    assert time.monotonic() - began < 2
    assert answers == [None]
    assert process.send(b"a") is None
