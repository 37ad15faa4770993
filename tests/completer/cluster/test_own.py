"""What runs here is found by others, and ends when it is asked to."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from completer.cluster.own import OwnCluster, noted, own_cluster


@pytest.fixture(autouse=True)
def runtime(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "completer"


def test_it_is_found_as_long_as_it_runs(runtime):
    assert own_cluster() is None
    with noted("127.0.0.1:6379"):
        assert own_cluster() == OwnCluster(os.getpid(), "127.0.0.1:6379")
        assert (runtime / "cluster.json").stat().st_mode & 0o077 == 0
    assert own_cluster() is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"pid": 1}', '{"pid": 4194305, "address": "a"}'])
def test_what_is_no_note_or_of_a_process_that_has_ended_is_none(runtime, text):
    with noted("a"):
        (runtime / "cluster.json").write_text(text)
        assert own_cluster() is None


def test_it_is_asked_to_end_and_awaited(monkeypatch):
    sent, asked = [], threading.Event()

    def run() -> None:
        with noted("a"):
            there.set()
            asked.wait()

    def kill(pid: int, number: int) -> None:
        if number:
            sent.append((pid, number))
            asked.set()

    there, thread = threading.Event(), threading.Thread(target=run)
    monkeypatch.setattr(os, "kill", kill)
    thread.start()
    there.wait()
    own = own_cluster()
    assert own is not None
    own.end()
    thread.join()
    assert sent == [(os.getpid(), signal.SIGTERM)]
    assert own_cluster() is None
