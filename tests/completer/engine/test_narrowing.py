"""Narrowing a distribution: its arithmetic, and that drafts do not change what is generated."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
import torch

from completer.drafting.tree import DraftSource, DraftTree
from completer.engine.narrowing import Narrowing, narrow
from completer.engine.sequence import GenerationRequest
from completer.engine.stop_policy import Stop, TokenSignals
from completer.request import Sampling
from tests.completer.engine.conftest import VOCABULARY
from tests.completer.engine.test_attention import random_ids

LOGITS = torch.tensor([[1.0, 0.0, 2.0, -1.0], [0.0, 0.0, 3.0, 0.0]])
PROBS = LOGITS.softmax(-1)
ALLOWED = np.array([True, True, False, False])


@pytest.mark.parametrize("weight", [0.0, 0.5, 0.97, 1.0])
def test_the_allowed_tokens_get_the_weight_and_keep_their_proportions(weight):
    narrowed, masses = narrow(LOGITS, [Narrowing(0, ALLOWED, weight)])
    of_allowed = PROBS[0] * torch.from_numpy(ALLOWED) / PROBS[0, :2].sum()

    torch.testing.assert_close(narrowed[0].exp(), (1 - weight) * PROBS[0] + weight * of_allowed)
    torch.testing.assert_close(masses, PROBS[0, :2].sum()[None])
    assert torch.equal(narrowed[1], LOGITS[1])


def test_what_was_given_no_probability_at_all_makes_no_nan():
    logits = torch.tensor([[-torch.inf, -torch.inf, 0.0, 0.0]])

    narrowed, masses = narrow(logits, [Narrowing(0, ALLOWED, 0.9)])

    assert not narrowed.isnan().any()
    assert masses.item() < 1e-20


class OddAfterEven:
    """A guide under which an odd token follows every even one; it drafts nothing."""

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def narrowings(self, generated: Sequence[int], tree: DraftTree) -> list[Narrowing]:
        odd = np.arange(VOCABULARY) % 2 == 1
        paths = [[*generated[-1:], *tree.path_to(node)] for node in range(-1, len(tree))]
        return [
            Narrowing(row, odd, self.weight)
            for row, path in enumerate(paths)
            if path and path[-1] % 2 == 0
        ]

    def draft(self, generated: Sequence[int], most: int) -> DraftTree:
        return DraftTree.empty()


class Drafts:
    """Drafts a text that is right up to every fifth token."""

    def __init__(self, text: Sequence[int]) -> None:
        self.text, self.at = list(text), 0

    def propose(self, max_tokens: int, step_cost: np.ndarray) -> DraftTree:
        ahead = self.text[self.at : self.at + min(max_tokens, 4)]
        ahead = [(7 if (self.at + i) % 5 == 4 else token) for i, token in enumerate(ahead)]
        return DraftTree.path(
            np.array(ahead, np.int32), np.ones(len(ahead), np.float32), DraftSource.LIVE
        )

    def observe(self, tree: DraftTree, accepted: Sequence[int], top_candidates=None) -> None:
        self.at += len(accepted)

    def predict(self, tree: DraftTree):
        raise AssertionError("nothing is blended")

    def stop(self) -> None: ...


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=1.0, seed=3)])
def test_a_guided_text_is_the_same_with_drafts_and_keeps_to_the_guide(make_engine, sampling):
    engine = make_engine()
    asked = {"prompt": random_ids(12), "max_tokens": 24, "sampling": sampling}
    free = engine.generate(GenerationRequest(**asked)).token_ids
    guided = engine.generate(GenerationRequest(**asked, guide=OddAfterEven(1.0))).token_ids
    drafted = engine.generate(
        GenerationRequest(**asked, guide=OddAfterEven(1.0), drafts=Drafts(guided))
    )

    pairs = list(pairwise(guided))
    assert all(second % 2 for first, second in pairs if first % 2 == 0)
    assert guided != free
    assert drafted.token_ids == guided
    assert drafted.stats.accepted > 5


def test_a_guide_without_weight_changes_nothing_and_says_the_mass(make_engine):
    class Listener:
        wants_signals = True

        def __init__(self) -> None:
            self.tokens: list[TokenSignals] = []

        def after_token(
            self, ids: Sequence[int], signals: TokenSignals | None, *, ended: bool
        ) -> Stop | None:
            self.tokens += [signals] if signals else []
            return None

    engine, listener = make_engine(), Listener()
    asked = {"prompt": random_ids(12), "max_tokens": 16}
    free = engine.generate(GenerationRequest(**asked)).token_ids
    guided = engine.generate(
        GenerationRequest(**asked, guide=OddAfterEven(0.0), policy=listener)
    ).token_ids

    assert guided == free
    masses = [each.allowed for each in listener.tokens]
    after_even = [token % 2 == 0 for token in guided[:-1]]
    assert masses[0] == 1.0
    assert [mass < 1.0 for mass in masses[1:]] == after_even
