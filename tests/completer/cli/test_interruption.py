"""An interrupted command: one line, whatever the interruption becomes on its way."""

import signal
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow
PRELUDE = """
import ctypes, logging, sys, threading, time
from completer.cli.interruption import interruptible

def hang():
    print("ready", flush=True)
    for _ in range(300):  # a signal just before a sleep is noticed after it
        time.sleep(0.1)

with interruptible():
    BODY
print("went on", flush=True)
"""
BODIES = {
    "plain": "hang()",
    "another exception": "try: hang()\n    except KeyboardInterrupt: raise SystemError('inside C')",
    "an exit": "try: hang()\n    except KeyboardInterrupt: sys.exit(3)",
    "swallowed": "try: hang()\n    except BaseException: pass",
    "in a callback that drops it": "ctypes.CFUNCTYPE(None)(hang)()",
    "with complaints": (
        "try: hang()\n    finally: logging.error('task was never retrieved'); "
        "t = threading.Thread(target=lambda: 1/0); t.start(); t.join()"
    ),
    "beside a thread": "threading.Thread(target=time.sleep, args=(30,)).start(); hang()",
}


def run(body, number=None):
    process = subprocess.Popen(
        [sys.executable, "-c", PRELUDE.replace("BODY", body)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout is not None
        if number is not None:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(number)
        output, errors = process.communicate(timeout=20)
    return process.returncode, output, errors


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_is_told_in_one_line(body, number):
    assert run(body, number) == (128 + number, "", "Interrupted.\n")


def test_what_is_not_interrupted_is_as_it_would_be():
    assert run("pass") == (0, "went on\n", "")
    code, _, errors = run("raise ZeroDivisionError")
    assert code == 1
    assert "ZeroDivisionError" in errors
    assert run("sys.exit(3)")[0] == 3
