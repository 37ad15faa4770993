"""A training process stands still while something is measured, and goes on afterwards."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from completer.bench.quiet import suspended_training

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are listed in /proc")


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


@pytest.fixture
def training(tmp_path):
    """A process that looks like `completer train`."""
    script = tmp_path / "completer"
    script.write_text("import time\nprint('up', flush=True)\ntime.sleep(60)\n")
    process = subprocess.Popen([sys.executable, script, "train", "x"], stdout=subprocess.PIPE)
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_training_is_suspended_and_resumed(training):
    with suspended_training() as stopped:
        assert training.pid in stopped  # a real one may be running as well
        deadline = time.monotonic() + 2
        while state_of(training.pid) != "T" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert state_of(training.pid) == "T"
    while state_of(training.pid) == "T" and time.monotonic() < deadline + 2:
        time.sleep(0.01)
    assert state_of(training.pid) == "S"


def test_it_is_resumed_after_an_error_as_well(training):
    with pytest.raises(KeyError), suspended_training():
        raise KeyError
    time.sleep(0.05)

    assert state_of(training.pid) == "S"
