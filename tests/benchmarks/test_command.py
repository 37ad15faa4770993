"""The command line that benchmarks share, and the processes that stand still meanwhile."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.__main__ import NAMES, benchmarks
from benchmarks.command import suspended
from completer.errors import BadRequestError

needs_proc = pytest.mark.skipif(not Path("/proc").is_dir(), reason="there is no /proc to look in")


@pytest.mark.parametrize("name", NAMES)
def test_every_benchmark_says_what_it_does_and_prints_json(name):
    said = CliRunner().invoke(benchmarks, [name, "--help"], catch_exceptions=False).stdout
    assert "--json" in said
    assert "--suspend" in said
    listed = CliRunner().invoke(benchmarks, ["--help"]).stdout
    assert f" {name} " in listed


def test_a_made_up_database_is_described(tmp_path):
    command = ["simulate", "--suggestions", "20", "--db", str(tmp_path / "a.sqlite3"), "--json"]
    truth = json.loads(CliRunner().invoke(benchmarks, command).stdout)
    assert "acceptance" in truth["overall"]
    assert isinstance(CliRunner().invoke(benchmarks, command).exception, BadRequestError)


@pytest.fixture
def busy():
    """A process like any other."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process.pid
        process.kill()


def becomes(pid: int, *, stopped: bool) -> bool:
    """Signals take effect when the machine has time for it."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        if (state == "T") == stopped:
            return True
        time.sleep(0.01)
    return False


@needs_proc
def test_a_process_is_suspended_and_resumed(busy):
    with suspended([busy]):
        assert becomes(busy, stopped=True)
    assert becomes(busy, stopped=False)


@needs_proc
def test_it_is_resumed_after_an_error_as_well(busy):
    with pytest.raises(KeyError), suspended([busy]):
        raise KeyError

    assert becomes(busy, stopped=False)


@needs_proc
def test_what_was_stopped_goes_on_if_another_cannot_be(busy):
    with pytest.raises(BadRequestError, match="cannot be stopped"), suspended([busy, 2**22 + 1]):
        pass

    assert becomes(busy, stopped=False)
