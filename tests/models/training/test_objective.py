import numpy as np
import torch

from models.training.batch import Batch, collate
from models.training.examples import Row
from models.training.model import Decoder, ModelShape
from models.training.objective import Objective

SHAPE = ModelShape(vocabulary=64, width=16, layers=3, heads=2, feed_forward=32, context=32)
ROWS = [Row(np.arange(33) % 64, 33, ()), Row(np.arange(33) % 7, 20, ())]


def batch() -> Batch:
    return collate(ROWS)


def loss(decoder: Decoder, weight: float, stride: int, step: int) -> float:
    return Objective(weight, stride)(decoder, batch(), step)[0].item()


def test_the_exit_takes_turns():
    torch.manual_seed(0)
    decoder = Decoder(SHAPE)
    extra = [loss(decoder, 1.0, 1, step) - loss(decoder, 0.0, 1, 0) for step in range(4)]
    assert extra[0] == extra[2]
    assert extra[1] == extra[3]
    assert extra[0] != extra[1]


def test_strided_exits_count_as_much_as_dense_ones():
    torch.manual_seed(0)
    decoder = Decoder(SHAPE)
    dense = loss(decoder, 1.0, 1, 0)
    strided = np.mean([loss(decoder, 1.0, 2, step) for step in (0, 2)])
    assert abs(strided - dense) < 0.05 * dense
