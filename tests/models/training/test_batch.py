import numpy as np
import pytest
import torch

from models.training.batch import collate
from models.training.examples import Row
from models.training.layouts import Middle

ROWS = [Row(np.arange(33), 33, (Middle(10, 14),)), Row(np.arange(33), 20, ())]


def test_padding_weighs_nothing_and_the_rest_sums_to_one():
    batch = collate(ROWS)
    assert batch.inputs.shape == (2, 32)
    assert batch.weights.sum() == torch.tensor(1.0)
    assert (batch.weights[1, 19:] == 0).all()


def test_a_middle_and_its_end_weigh_more():
    weights = collate(ROWS, 2.5).weights
    assert torch.allclose(weights[0, 9:13], 2.5 * weights[0, 0])
    assert weights[0, 8] == weights[0, 13] == weights[1, 0]
    assert weights.sum() == pytest.approx(1.0)


def test_parts_have_the_weights_of_the_whole():
    batch = collate(ROWS, 2.5)
    parts = list(batch.parts(1))
    assert [len(part.ids) for part in parts] == [1, 1]
    assert torch.equal(torch.cat([part.targets for part in parts]), batch.targets)
    assert sum(part.weights.sum() for part in parts) == pytest.approx(1.0)
