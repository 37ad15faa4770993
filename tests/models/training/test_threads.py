from types import SimpleNamespace

import pytest
import torch

from models.training.threads import PROBE_EVERY, ThreadTuner

pytestmark = pytest.mark.usefixtures("threads_as_before")


def test_a_fixed_number_is_kept():
    tuner = ThreadTuner(1)
    for _ in range(PROBE_EVERY + 1):
        with tuner:
            assert torch.get_num_threads() == 1


def test_the_faster_choice_wins_and_is_looked_at_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    now = 0.0
    clock = SimpleNamespace(monotonic=lambda: now)
    monkeypatch.setattr("models.training.threads.time", clock)
    tuner = ThreadTuner()
    used = []
    for _ in range(PROBE_EVERY + 2):
        with tuner:
            used.append(torch.get_num_threads())
            now += 2.0 if used[-1] == 1 else 1.0
    assert used[:2] == [1, 2]
    assert set(used[2:PROBE_EVERY]) == {2}
    assert used[PROBE_EVERY:] == [1, 2]
