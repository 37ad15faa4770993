"""A pass uses all cores, and one while other programs have them."""

import threading

import pytest
import torch

from completer.engine import cores as module
from completer.engine.cores import RETRY_S, Cores

pytestmark = pytest.mark.usefixtures("threads_as_before")


@pytest.fixture
def clocks(monkeypatch):
    """The time, and how much of it the thread had a core for."""

    class Clocks:
        wall = cpu = 100.0

        def perf_counter(self):
            return self.wall

        def thread_time(self):
            return self.cpu

        def passes(self, wall, cpu):
            self.wall, self.cpu = self.wall + wall, self.cpu + cpu

    found = Clocks()
    monkeypatch.setattr(module, "time", found)
    return found


def test_a_pass_that_had_its_cores_keeps_them(clocks):
    cores = Cores(4)
    for _ in range(3):
        with cores:
            assert torch.get_num_threads() == 4
            clocks.passes(0.1, 0.098)


def test_after_a_pass_that_had_to_wait_for_a_core_one_is_used_for_a_second(clocks):
    cores = Cores(4)
    with cores:
        clocks.passes(0.1, 0.05)
    with cores:
        assert torch.get_num_threads() == 1
        clocks.passes(0.1, 0.1)
    clocks.passes(RETRY_S, 0.0)
    with cores:
        assert torch.get_num_threads() == 4


def test_a_pass_that_fails_counts_as_well(clocks):
    cores = Cores(2)

    def fail():
        with cores:
            clocks.passes(0.1, 0.01)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with cores:
        assert torch.get_num_threads() == 1


def test_other_threads_keep_to_what_they_had():
    """torch's count is each thread's own: no other thread of a process opens a team."""
    torch.set_num_threads(1)

    def run_a_pass():
        with Cores(2):
            torch.randn(600, 600) @ torch.randn(600, 600)

    thread = threading.Thread(target=run_a_pass)
    thread.start()
    thread.join()

    assert torch.get_num_threads() == 1
