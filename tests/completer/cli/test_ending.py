"""How a server's process ends, whatever its threads are at."""

import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.slow
PRELUDE = """
import signal, sys, threading, time
from completer.cli.ending import ending
from telemetry.recorder import NullRecorder

class Recorder(NullRecorder):
    def close(self, timeout_s=5.0):
        print("stored", flush=True)

class Service:
    def close(self):
        SERVICE

asked = threading.Event()
with ending(1.0) as end:
    end.of(Recorder(), Service())
    BODY
print("not reached", flush=True)
"""


def start(body, service="pass"):
    script = PRELUDE.replace("BODY", body.replace("\n", "\n    ")).replace("SERVICE", service)
    return subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)


def ended(process, number=None):
    """Exit code, what was printed, and seconds it took."""
    with process:
        assert process.stdout is not None
        if number is not None:
            assert process.stdout.readline() == "ready\n"
            process.send_signal(number)
        began = time.monotonic()
        printed = process.stdout.read()
        return process.wait(10), printed, time.monotonic() - began


WAITS = "end.asks(asked.set)\nprint('ready', flush=True)\nasked.wait(30)"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_asks_the_server_to_stop(number):
    code, printed, _ = ended(start(WAITS), number)
    assert (code, printed) == (0, "stored\n")


def test_before_there_is_a_server_a_signal_unwinds_what_starts_it():
    code, printed, _ = ended(start("print('ready', flush=True)\ntime.sleep(30)"), signal.SIGTERM)
    assert (code, printed) == (0, "stored\n")


def test_a_service_that_does_not_close_is_not_waited_for():
    code, printed, seconds = ended(start(WAITS, service="time.sleep(30)"), signal.SIGTERM)
    assert (code, printed) == (0, "stored\n")
    assert seconds < 5


def test_a_server_that_does_not_stop_is_ended_with_what_it_recorded():
    body = "end.asks(asked.set)\nprint('ready', flush=True)\nwhile True: pass"
    code, printed, seconds = ended(start(body), signal.SIGTERM)
    assert (code, printed) == (0, "stored\n")
    assert seconds < 5


def test_a_main_thread_that_is_stuck_in_the_system_is_not_needed():
    body = (
        "end.asks(lambda: print('asked', flush=True))\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"  # for this thread alone
        "print('ready', flush=True)\nimport ctypes; ctypes.CDLL(None).sleep(30)"
    )
    code, printed, seconds = ended(start(body), signal.SIGTERM)
    assert (code, printed) == (0, "asked\nstored\n")
    assert seconds < 5


def test_other_signals_ask_for_nothing():
    body = (
        "end.asks(lambda: print('asked', flush=True))\n"
        "signal.signal(signal.SIGUSR1, lambda *_: None)\nprint('ready', flush=True)\ntime.sleep(2)"
    )
    code, printed, seconds = ended(start(body), signal.SIGUSR1)
    assert (code, printed) == (0, "stored\n")
    assert seconds > 1.5


def test_threads_that_go_on_do_not_keep_the_process():
    body = f"threading.Thread(target=time.sleep, args=(30,)).start()\n{WAITS}"
    code, _, seconds = ended(start(body), signal.SIGTERM)
    assert code == 0
    assert seconds < 5


def test_a_server_that_ends_by_itself_keeps_its_exit_code():
    assert ended(start("raise SystemExit(1)"))[:2] == (1, "stored\n")
    assert ended(start("pass"))[:2] == (0, "stored\n")


def test_an_error_reaches_who_tells_of_it():
    code, printed, _ = ended(start("sys.stderr = sys.stdout\nraise ZeroDivisionError"))
    assert code == 1
    assert printed.startswith("stored\n")
    assert "ZeroDivisionError" in printed


def test_what_the_parent_has_it_ignore_stays_ignored():
    ignoring = "signal.signal(signal.SIGHUP, signal.SIG_IGN)\nwith ending(1.0) as end:"
    script = PRELUDE.replace("with ending(1.0) as end:", ignoring).replace("SERVICE", "pass")
    body = "print('ready', flush=True)\n    time.sleep(1)"
    process = subprocess.Popen(
        [sys.executable, "-c", script.replace("BODY", body)], stdout=subprocess.PIPE, text=True
    )
    code, printed, seconds = ended(process, signal.SIGHUP)
    assert (code, printed) == (0, "stored\n")
    assert seconds > 0.5
