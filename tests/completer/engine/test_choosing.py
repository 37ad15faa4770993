"""The token after each row, and what is told of how sure it was."""

import math

import numpy as np
import pytest
import torch

from completer.engine.choosing import Chooser
from completer.engine.sequence import GenerationRequest, Running

LOGITS = torch.log(torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]))


class Repository:
    """Expects token 2, by a half, wherever it is asked."""

    def predict(self, path):
        return np.array([2], np.int32), np.array([0.5])


def chooser(**request):
    return Chooser(Running(GenerationRequest(prompt=[7], max_tokens=9, **request)), LOGITS)


def test_greedy_signals_are_those_of_the_models_own_distribution():
    choose = chooser()

    assert [choose(0, 0), choose(1, 1)] == [0, 1]
    first, second = choose.signals()
    assert first.probability == first.model == pytest.approx(0.5)
    assert first.margin == pytest.approx(0.2)
    assert first.entropy == pytest.approx(
        -(0.5 * math.log(0.5) + 0.3 * math.log(0.3) + 0.2 * math.log(0.2))
    )
    assert (first.drafted, second.drafted) == (True, False)
    assert (second.probability, second.repository) == (pytest.approx(0.8), 0.0)


def test_mixed_signals_tell_all_three_distributions_apart():
    choose = chooser(drafts=Repository(), mixture=0.8)

    # 0.8 * 0.5 of the mass is the repository's: [0.3, 0.18, 0.12 + 0.4]
    assert choose(0, 0) == 2
    (only,) = choose.signals()
    assert only.probability == pytest.approx(0.52)
    assert only.margin == pytest.approx(0.22)
    assert only.model == pytest.approx(0.2)
    assert only.repository == pytest.approx(0.5)


def test_certainty_has_no_entropy():
    certain = torch.tensor([[0.0, -math.inf, -math.inf]])
    choose = Chooser(Running(GenerationRequest(prompt=[7], max_tokens=9)), certain)
    choose(0, 0)

    (only,) = choose.signals()
    assert (only.probability, only.margin, only.entropy) == (1.0, 1.0, 0.0)
