"""A training process stands still while something is measured, and goes on afterwards."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from completer.bench.quiet import suspended_training

pytestmark = pytest.mark.skipif(not Path("/proc").is_dir(), reason="processes are listed in /proc")


def is_stopped(pid: int) -> bool:
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state == "T"


def becomes(pid: int, *, stopped: bool) -> bool:
    """Signals take effect when the machine has time for it."""
    deadline = time.monotonic() + 10
    while is_stopped(pid) != stopped and time.monotonic() < deadline:
        time.sleep(0.01)
    return is_stopped(pid) == stopped


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
        assert becomes(training.pid, stopped=True)
    assert becomes(training.pid, stopped=False)


def test_it_is_resumed_after_an_error_as_well(training):
    with pytest.raises(KeyError), suspended_training():
        raise KeyError

    assert becomes(training.pid, stopped=False)
