"""One table for all sequences of a step; each gets what it asked for."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from completer.engine.attention import Segment
from completer.engine.readout import ReadoutRequest, certainty, certainty_here, read
from completer.engine.sampling import draw
from completer.request import Sampling

GREEDY, SAMPLED = Sampling(), Sampling(temperature=0.8, top_k=9, seed=1)


@pytest.fixture
def logits(device):
    torch.manual_seed(1)
    return torch.randn(7, 100_003, device=device)


def test_each_sequence_gets_what_it_asked_for(logits):
    noise = [0.1, 0.5, 0.9]
    first, second, third = read(
        logits,
        [
            ReadoutRequest(slice(0, 3), GREEDY, candidates=True),
            ReadoutRequest(slice(3, 6), SAMPLED, noise, certainty=True),
            ReadoutRequest(slice(6, 7)),
        ],
    )

    assert first.tokens == logits[:3].argmax(-1).tolist()
    expected = logits[:3].topk(8).indices.cpu().numpy()
    np.testing.assert_array_equal(first.candidates, expected)
    drawn = draw(logits[3:6], SAMPLED, noise)
    assert second.tokens == drawn.tolist()
    np.testing.assert_allclose(second.certainty, certainty(logits[3:6], drawn).cpu(), atol=1e-6)
    assert (first.certainty, second.candidates) == (None, None)
    assert (third.tokens, third.candidates, third.certainty) == (None, None, None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 7])
def test_a_cpu_reads_the_same_with_and_without_a_copy(rows, dtype):
    torch.manual_seed(1)
    logits = torch.randn(rows, 8_259).to(dtype)
    logits[0, 5:20] = -torch.inf
    asked = ReadoutRequest(slice(0, rows), GREEDY, candidates=True)
    (here,) = read(logits, [asked])
    (copied,) = read(logits, [replace(asked, certainty=True)])

    assert here.tokens == copied.tokens
    np.testing.assert_array_equal(here.candidates, copied.candidates)
    assert here.candidates.dtype == np.int32
    assert certainty_here(logits, here.tokens) == copied.certainty.tolist()


def test_a_step_that_ends_no_prompt_asks_nothing(logits):
    (readout,) = read(logits[:0], [ReadoutRequest(slice(0, 0), GREEDY)])

    assert readout.tokens is None


def test_a_step_reads_from_the_device_once(logits, monkeypatch):
    """Whatever is asked: a read waits until the device is done."""
    reads = []
    for name in ("to", "cpu", "tolist", "item", "numpy", "__int__", "__float__", "__bool__"):
        monkeypatch.setattr(torch.Tensor, name, _counted(getattr(torch.Tensor, name), reads))
    read(
        logits,
        [
            ReadoutRequest(slice(0, 3), GREEDY, candidates=True, certainty=True),
            ReadoutRequest(slice(3, 7), SAMPLED, [0.1, 0.2, 0.3, 0.4], certainty=True),
        ],
    )

    assert [each for each in reads if each != "to"] == ["numpy"]


def _counted(method, reads):
    def counted(self, *arguments, **options):
        reads.append(method.__name__)
        return method(self, *arguments, **options)

    return counted


@pytest.mark.parametrize("static", [False, True], ids=["packed", "captured"])
def test_a_gpu_is_waited_for_once_a_step(static, make_runner, device):
    """By torch's own account: it warns of every operation that waits."""
    if device.type != "cuda":
        pytest.skip("run with --device cuda")
    runner = make_runner("llama", lean=True)
    if not static:
        runner.static = None
    tree = np.array([-1, 0, 0], np.int32)
    segments = [Segment(0, 40, 1, tree), Segment(1, 20, 1)]
    questions = [
        ReadoutRequest(slice(0, 4), GREEDY, candidates=True, certainty=True),
        ReadoutRequest(slice(4, 5), SAMPLED, [0.3]),
    ]

    def step():
        runner.pool.keep_path(0, 41, [1])
        read(runner.forward(segments, [1, 2, 3, 4, 5], np.arange(5)), questions)

    for _ in range(4):
        step()
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with pytest.warns(UserWarning, match="synchroniz") as waits:
            step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len(waits) == 1
