"""A step of static shapes computes what the packed pass computes, whatever fills it."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention

from completer.engine.attention import Segment
from completer.engine.graphs import StaticPasses
from completer.engine.kv_cache import KVPool, LayerShape
from completer.engine.runner import Runner, kv_layers
from completer.engine.static import (
    MOST_PADDED,
    MOST_TOKENS,
    Bucket,
    StaticInputs,
    StaticStep,
    bucket_for,
    split_attention,
)
from completer.engine.tuning import forward_of
from tests.completer.engine.test_attention import TOLERANCE, random_ids
from tests.tiny import FAMILIES, tiny_model

NO_ROWS = np.arange(0)


def random_tree(rng, most):
    """Parents of a random tree, each before its children."""
    return np.array([rng.integers(-1, i) for i in range(rng.integers(0, most + 1))], np.int32)


def prefill(runner, lengths, seed=0):
    """Fill slot i with `lengths[i]` tokens."""
    for slot, length in enumerate(lengths):
        segment = Segment(slot, 0, length)
        runner.forward([segment], random_ids(length, seed + slot), NO_ROWS)


def compare(runner, segments, seed=0):
    """Run a step statically and packed; return both logits of all tokens and the K/V they left."""
    ids = random_ids(sum(segment.length for segment in segments), seed)
    rows = np.arange(len(ids))
    outcomes = []
    for static in (StaticPasses(runner._forward, runner.pool, prepare_after=1), None):
        runner.static = static
        logits = runner.forward(segments, ids, rows)
        kept = [runner.pool.read(1, segment.slot, segment.end)[0].clone() for segment in segments]
        outcomes.append((logits, kept))
        assert static is None or len(static.prepared) == 1
    return outcomes


def assert_same(outcomes):
    (static, static_kept), (packed, packed_kept) = outcomes
    torch.testing.assert_close(static, packed, atol=TOLERANCE, rtol=0)
    for one, other in zip(static_kept, packed_kept, strict=True):
        torch.testing.assert_close(one, other, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_and_rows_equal_the_packed_pass(family, make_runner):
    rng = np.random.default_rng(1)
    runner = make_runner(family, lean=family in ("llama", "qwen2", "mistral"))
    lengths = [40, 7, 90]
    prefill(runner, lengths)
    for seed in range(6):
        segments = [
            Segment(slot, length, int(rng.integers(1, 4)), random_tree(rng, 12))
            for slot, length in enumerate(lengths)
        ]
        assert_same(compare(runner, segments, seed))


@pytest.mark.parametrize("family", ["mistral", "gemma2"])
def test_a_sliding_window_hides_rows_by_position(family, make_runner):
    runner = make_runner(family, sliding_window=8)
    prefill(runner, [30, 50])
    tree = np.array([-1, 0, 0, 2, 3], np.int32)

    assert_same(compare(runner, [Segment(0, 30, 1, tree), Segment(1, 50, 4)]))


def test_a_sequence_may_begin_its_slot(make_runner):
    runner = make_runner()

    assert_same(compare(runner, [Segment(2, 0, 5), Segment(0, 0, 1)]))


def test_the_last_rows_of_a_slot_can_be_written(make_runner):
    runner = make_runner()
    last = runner.pool.capacity - 5
    prefill(runner, [last])

    assert_same(compare(runner, [Segment(0, last, 5)]))


def test_a_shape_is_filled_anew_for_each_step(make_runner):
    """Nothing of the sequences, trees or lengths of one step is left in the next."""
    rng = np.random.default_rng(3)
    runner = make_runner()
    static = StaticPasses(runner._forward, runner.pool, prepare_after=1)
    prefill(runner, [40, 60, 80, 30])
    for seed in range(20):
        slots = rng.permutation(4)[: rng.integers(3, 5)]
        segments = [
            Segment(int(slot), int(rng.integers(10, 30)), 2, random_tree(rng, 6)) for slot in slots
        ]
        ids = random_ids(sum(segment.length for segment in segments), seed)
        wanted = np.sort(rng.permutation(len(ids))[: rng.integers(1, len(ids))])
        runner.static = static
        logits = runner.forward(segments, ids, wanted)
        runner.static = None
        expected = runner.forward(segments, ids, wanted)

        torch.testing.assert_close(logits, expected, atol=TOLERANCE, rtol=0)
    assert len(static.prepared) < 6


def test_rows_may_be_more_precise_than_the_model(device):
    """As a CPU has them: a model in bfloat16 over a pool in float32."""
    model = tiny_model("llama", 64).to(device, torch.bfloat16)
    pool = KVPool(kv_layers(model), slots=2, capacity=64, dtype=torch.float32, device=device)
    runner = Runner(forward_of(model, lean=True, positions=64), pool)
    runner.forward([Segment(0, 0, 40)], random_ids(40), NO_ROWS)
    (static, _), (packed, _) = compare(runner, [Segment(0, 40, 1, np.array([-1, 0, 0], np.int32))])

    assert static.dtype == torch.bfloat16
    torch.testing.assert_close(static, packed, atol=0.02, rtol=0.02)


def test_logits_outlive_the_next_step(make_runner):
    runner = make_runner()
    runner.static = StaticPasses(runner._forward, runner.pool, prepare_after=1)
    first = runner.forward([Segment(0, 0, 3)], [1, 2, 3], np.arange(3))
    before = first.clone()
    runner.forward([Segment(1, 0, 3)], [9, 8, 7], np.arange(3))

    assert torch.equal(first, before)


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([(10, 1)], Bucket(1, 1, 128)),
        ([(200, 3), (10, 1), (500, 5)], Bucket(4, 8, 512)),
        ([(127, 2)], Bucket(1, 2, 256)),
        ([(700, 33)], Bucket(1, 64, 800)),
        ([(0, MOST_TOKENS + 1)], None),
        ([(10, 64)] * (MOST_PADDED // 64), Bucket(8, 64, 128)),
        ([(10, 64)] * (MOST_PADDED // 64 + 1), None),
    ],
)
def test_the_smallest_bucket_that_holds_a_step(lengths, expected):
    segments = [Segment(slot, start, n) for slot, (start, n) in enumerate(lengths)]

    assert bucket_for(segments, 800) == expected


def test_long_texts_are_taken_while_their_copies_and_masks_are_small():
    def bucket(sequences, tokens, start=30_000):
        return bucket_for([Segment(slot, start, tokens) for slot in range(sequences)], 32_800)

    assert bucket(8, 8) == Bucket(8, 8, 32_768)
    assert bucket(16, 1) is None
    assert bucket(8, 64) is None
    assert bucket(8, 64, start=4_000) == Bucket(8, 64, 4_096)


class Recorder:
    """Stands in for what only a GPU has, and notes what is done in which order."""

    def __init__(self):
        self.done = []

    def event(self):
        return SimpleNamespace(
            synchronize=lambda: self.done.append("wait for the last copy"),
            record=lambda _: self.done.append("mark this copy"),
        )

    def zeros(self, size, *, dtype, device=None, pin_memory=False):
        self.done.append("pinned" if pin_memory else f"on {device}")
        return torch.empty(size, dtype=dtype)


def test_on_a_gpu_a_buffer_is_filled_when_its_last_copy_is_done(monkeypatch):
    gpu = Recorder()
    monkeypatch.setattr("completer.engine.static.torch.zeros", gpu.zeros)
    monkeypatch.setattr("completer.engine.static.torch.cuda.Event", gpu.event)
    monkeypatch.setattr("completer.engine.static.torch.cuda.current_stream", lambda _: None)
    inputs = StaticInputs(Bucket(1, 2, 128), torch.device("cuda"))
    for token in (5, 6):
        inputs.fill([Segment(0, 9, 1)], [token], np.array([0]))
        assert inputs.data.ids.tolist() == [token, token]

    filled = ["wait for the last copy", "mark this copy"]
    assert gpu.done == ["pinned", "on cuda", *filled, *filled]


def test_padding_repeats_and_adds_nothing():
    inputs = StaticInputs(Bucket(2, 4, 128), torch.device("cpu"))
    inputs.fill([Segment(3, 10, 1, np.array([-1, -1], np.int32))], [5, 6, 7], np.array([0, 2]))
    data = inputs.data

    assert data.ids.tolist() == [5, 6, 7, 7] * 2
    assert data.positions.tolist() == [10, 11, 11, 11] * 2
    assert data.rows.tolist() == [10, 11, 12, 12] * 2
    assert data.slots.tolist() == [3] * 8
    assert data.starts.tolist() == [10, 10]
    assert data.wanted[:2].tolist() == [0, 2]
    own = [[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 1, 0]]
    assert data.own.tolist() == [own, own]


@pytest.mark.parametrize("rows", [512, 288])
def test_split_attention_is_attention(rows, device):
    torch.manual_seed(0)
    query = torch.randn(2, 3, 6, 16, device=device)
    keys, values = torch.randn(2, 2, 3, rows, 16, device=device)
    mask = torch.zeros(2, 1, 6, rows, device=device)
    mask[..., rows // 3 :] = -torch.inf

    expected = scaled_dot_product_attention(query, keys, values, mask, scale=0.2)
    found = split_attention(query, keys, values, mask, 0.2)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_a_step_split_over_its_rows_says_the_same(make_runner, monkeypatch):
    monkeypatch.setattr(StaticStep, "_splits", lambda *_: True)
    runner = make_runner("qwen2", lean=True)
    prefill(runner, [200])

    assert_same(compare(runner, [Segment(0, 200, 1, np.array([-1, 0, 0], np.int32))]))


def test_scattered_rows_are_gathered(device):
    pool = KVPool([LayerShape(2, 4, 3)], slots=3, capacity=8, dtype=torch.float32, device=device)
    key = torch.arange(2 * 2 * 4.0, device=device).view(2, 2, 4)
    value = torch.arange(2 * 2 * 3.0, device=device).view(2, 2, 3)
    slots, rows = torch.tensor([2, 0], device=device), torch.tensor([1, 5], device=device)
    pool.scatter(0, slots, rows, key, value)
    keys, values = pool.gather(0, slots, 6)

    assert torch.equal(keys[0, :, 1], key[:, 0])
    assert torch.equal(values[1, :, 5], value[:, 1])
    assert keys.shape == (2, 2, 6, 4)
    assert int(keys.count_nonzero()) == 15  # one of the sixteen numbers is 0
