"""Sampling with drafts follows the model's own distribution: counted over many draws."""

import pytest
import torch
from scipy.stats import chisquare

from completer.engine.sampling import choose_token, process
from completer.engine.verify import verify
from completer.request import Sampling

pytestmark = pytest.mark.slow
VOCABULARY = 6
SAMPLING = Sampling(temperature=0.8, top_p=0.95, seed=7)


@pytest.mark.parametrize(
    ("tokens", "parents", "draws"),
    [
        ([], [], 20_000),
        ([0], [-1], 20_000),
        ([5, 0, 1, 2], [-1, -1, 1, 1], 100_000),
        (list(range(6)), [-1] * 6, 20_000),
    ],
    ids=["no draft", "one token", "a tree", "every token"],
)
def test_first_and_second_tokens_have_the_models_distribution(tokens, parents, draws):
    """Rows of logits depend on the token before, as a model's do; both positions are counted."""
    torch.manual_seed(3)
    first = torch.randn(VOCABULARY)
    following = torch.randn(VOCABULARY, VOCABULARY)  # after each token
    rows = torch.stack([first, *(following[token] for token in tokens)])
    counts = torch.zeros(VOCABULARY)
    second_counts = torch.zeros(VOCABULARY)
    seconds = 0
    for draw in range(draws):
        verdict = verify(
            tokens,
            parents,
            lambda row, depth, draw=draw: choose_token(
                rows[row], SAMPLING, position=depth, choice=draw
            ),
        )
        counts[verdict.emitted[0]] += 1
        if len(verdict.emitted) > 1 and verdict.emitted[0] == 0:
            second_counts[verdict.emitted[1]] += 1
            seconds += 1

    assert fits(counts, process(first, SAMPLING))
    if 0 in tokens:
        assert seconds > draws / 100
        assert fits(second_counts, process(following[0], SAMPLING))


def fits(counts: torch.Tensor, distribution: torch.Tensor) -> bool:
    possible = distribution > 0
    assert counts[~possible].sum() == 0
    expected = distribution[possible] * counts.sum()
    return bool(chisquare(counts[possible].numpy(), expected.numpy()).pvalue > 0.001)
