"""The token after each row, and what is told of how sure it was."""

import math

import numpy as np
import pytest
import torch

from completer.drafting.tree import Predictions
from completer.engine.choosing import Chooser, StepResult, readout_request
from completer.engine.readout import read
from completer.engine.scheduler import Scheduled
from completer.engine.sequence import GenerationRequest, SequenceState
from completer.engine.step_part import distributions, lay_out
from completer.request import Sampling
from tests.completer.drafting.reference import path_of

CPU, GPU = torch.device("cpu"), torch.device("cuda")
LOGITS = torch.log(torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.8, 0.1]]))


class Curious:
    """A policy that wants to know."""

    wants_signals = True

    def after_token(self, ids, signals, *, ended):
        return None


class Repository:
    """Expects token 2, by a half, wherever it is asked."""

    def predict(self, tree):
        row = np.array([2], np.int32), np.array([0.5])
        return Predictions.of_rows([row] * (1 + len(tree)))


def chooser(logits=LOGITS, device=CPU, **request):
    """A chooser for a token and one node below it, as a step on `device` has it."""
    sequence = SequenceState(GenerationRequest(prompt=[7], max_tokens=9, **request))
    tree = path_of([0] * (len(logits) - 1))
    part = lay_out(Scheduled(sequence, 1), tree, slice(0, len(logits)))
    distribution = distributions([part], logits)
    (readout,) = read(distribution, [readout_request(part, device)])
    return Chooser(part, StepResult(logits, distribution, readout))


def test_greedy_signals_are_those_of_the_models_own_distribution():
    choose = chooser()

    assert [choose(0, 0), choose(1, 1)] == [0, 1]
    first, second = choose.signals()
    assert first.probability == first.model == pytest.approx(0.5)
    assert first.margin == pytest.approx(0.2)
    assert first.entropy == pytest.approx(
        -(0.5 * math.log(0.5) + 0.3 * math.log(0.3) + 0.2 * math.log(0.2))
    )
    assert (second.probability, second.repository) == (pytest.approx(0.8), 0.0)


def test_mixed_signals_tell_all_three_distributions_apart():
    choose = chooser(drafts=Repository(), repository_weight=0.8)

    # 0.8 * 0.5 of the mass is the repository's: [0.3, 0.18, 0.12 + 0.4]
    assert choose(0, 0) == 2
    (only,) = choose.signals()
    assert only.probability == pytest.approx(0.52)
    assert only.margin == pytest.approx(0.22)
    assert only.model == pytest.approx(0.2)
    assert only.repository == pytest.approx(0.5)


def test_certainty_has_no_entropy():
    certain = torch.tensor([[0.0, -math.inf, -math.inf]])
    choose = chooser(certain)
    choose(0, 0)

    (only,) = choose.signals()
    assert (only.probability, only.margin, only.entropy) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=1.0, top_p=0.9, seed=5)])
def test_a_gpu_chooses_for_all_rows_at_once_what_a_cpu_chooses_row_by_row(sampling):
    torch.manual_seed(0)
    logits = 2 * torch.randn(20, 50)
    seen = []
    for device in (CPU, GPU):
        choose = chooser(logits, device, sampling=sampling, policy=Curious())
        tokens = [choose(row, row) for row in range(len(logits))]
        seen.append((tokens, [(s.probability, s.margin, s.entropy) for s in choose.signals()]))

    assert seen[0][0] == seen[1][0]
    np.testing.assert_allclose(seen[0][1], seen[1][1], atol=1e-6)


def test_what_is_mixed_is_chosen_alike_on_every_device():
    for device in (CPU, GPU):
        choose = chooser(device=device, drafts=Repository(), repository_weight=0.8)
        assert [choose(0, 0), choose(1, 1)] == [2, 1]
        assert [signals.repository for signals in choose.signals()] == [0.5, 0.0]


def test_a_text_leaves_the_likeliest_one_at_one_place_and_what_was_likely_is_told():
    choose = chooser(leaves=(1, 2))
    assert [choose(0, 0), choose(1, 1)] == [0, 2]
    (first, second) = choose.rankings()
    assert (first.tokens, second.tokens[0]) == ([0, 1, 2], 1)
    assert [math.exp(log) for log in first.logs] == pytest.approx([0.5, 0.3, 0.2])
