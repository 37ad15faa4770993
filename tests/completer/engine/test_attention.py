"""Packed attention gives what each architecture's own code gives."""

import numpy as np
import pytest
import torch

from completer.engine.attention import Segment, ancestors
from completer.engine.attention import _attend_one as attend_one
from completer.engine.kv_cache import KVPool
from completer.engine.runner import Runner, kv_layers
from completer.engine.tuning import forward_of
from tests.completer.engine.conftest import VOCABULARY
from tests.tiny import FAMILIES, tiny_model

TOLERANCE = 2e-5


def reference(family, ids, device):
    """Logits [T, V] from the model's own attention, without any cache."""
    model = tiny_model(family, VOCABULARY).to(device)
    with torch.inference_mode():
        return model(torch.tensor([ids], device=device), use_cache=False).logits[0]


def random_ids(n, seed=0):
    return np.random.default_rng(seed).integers(0, VOCABULARY, n).tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_prefill_in_pieces_equals_the_models_own_forward(family, make_runner, device):
    ids = random_ids(40)
    runner = make_runner(family)
    first = runner.forward([Segment(1, 0, 25)], ids[:25], np.arange(25))
    second = runner.forward([Segment(1, 25, 15)], ids[25:], np.arange(15))

    expected = reference(family, ids, device)
    torch.testing.assert_close(torch.cat([first, second]), expected, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tree_node_sees_its_own_path_only(family, make_runner, device):
    ids = random_ids(45)
    runner = make_runner(family)
    runner.forward([Segment(0, 0, 40)], ids[:40], np.arange(0))
    # the right path 41, 42, 43 with a wrong sibling in front of each node
    tree = [9, ids[41], 9, ids[42], 9, ids[43]]
    parents = np.array([-1, -1, 1, 1, 3, 3], np.int32)
    logits = runner.forward([Segment(0, 40, 1, parents)], [ids[40], *tree], np.array([0, 2, 4, 6]))

    expected = reference(family, ids[:44], device)[40:]
    torch.testing.assert_close(logits, expected, atol=TOLERANCE, rtol=0)


def test_sequences_in_one_pass_do_not_see_each_other(make_runner, device):
    runner = make_runner()
    one, other = random_ids(20, seed=1), random_ids(30, seed=2)
    logits = runner.forward([Segment(0, 0, 20), Segment(2, 0, 30)], one + other, np.array([19, 49]))

    expected = torch.stack([reference("llama", ids, device)[-1] for ids in (one, other)])
    torch.testing.assert_close(logits, expected, atol=TOLERANCE, rtol=0)


def test_ancestors_of_a_branching_tree():
    #  0 ── 1 ── 3
    #   └── 2
    assert ancestors([-1, 0, 0, 1]).astype(int).tolist() == [
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [1, 0, 1, 0],
        [1, 1, 0, 1],
    ]


def test_positions_follow_depth():
    segment = Segment(0, 10, 2, np.array([-1, -1, 0, 2], np.int32))

    assert segment.positions().tolist() == [10, 11, 12, 12, 13, 14]


@pytest.mark.parametrize("rows", [1, 2])
def test_half_precision_attends_as_float32_does(rows, device):
    query, keys, values = (torch.randn(1, 4, n, 16).to(device) for n in (rows, 50, 50))
    halves = [each.to(torch.bfloat16) for each in (query, keys, values)]
    exact = attend_one(*(each.float() for each in halves), None, 0.25, None)

    given = attend_one(*halves, None, 0.25, None)

    assert given.dtype == torch.bfloat16
    torch.testing.assert_close(given.float(), exact, atol=0.02, rtol=0.02)


def test_rows_may_be_more_precise_than_the_model():
    ids = random_ids(40)
    model = tiny_model("llama", VOCABULARY).to(torch.bfloat16)
    pool = KVPool(
        kv_layers(model), slots=2, capacity=64, dtype=torch.float32, device=torch.device("cpu")
    )
    runner = Runner(forward_of(model, lean=True, positions=64), pool)
    runner.forward([Segment(0, 0, 30)], ids[:30], np.arange(0))
    parents = np.arange(-1, 8, dtype=np.int32)
    logits = runner.forward([Segment(0, 30, 1, parents)], ids[30:], np.arange(10))

    assert logits.dtype == torch.bfloat16
    expected = reference("llama", ids, torch.device("cpu"))[30:]
    torch.testing.assert_close(logits.float(), expected, atol=0.05, rtol=0.05)
