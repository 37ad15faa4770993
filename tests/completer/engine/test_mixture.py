"""The mixture with the repository: its arithmetic, and that drafts do not change what it says."""

import numpy as np
import pytest
import torch

from completer.drafting.drafter import Drafter
from completer.drafting.tree import DraftTree, Predictions
from completer.engine.mixture import mix
from completer.engine.sequence import GenerationRequest
from completer.request import Sampling
from tests.completer.drafting.pieces import bundled_healer
from tests.completer.engine.conftest import VOCABULARY
from tests.completer.engine.test_attention import random_ids

CODE = """\
def accumulate(numbers, initial=0):
    total = initial
    for number in numbers:
        total = combine(total, number)
        yield total


def collect(readers, default=None):
    return {reader.name: reader.read_all() or default for reader in readers}
"""
LOGITS = torch.tensor([1.0, 0.0, 2.0, -1.0])


def mixed_with(weight, *rows):
    expected = Predictions.of_rows(
        [(np.array([*row], np.int32), np.array([*row.values()])) for row in rows]
    )
    return mix(LOGITS.expand(len(rows), -1), expected, weight).exp()


def test_nothing_from_the_repository_leaves_the_models_distribution():
    (mixed,) = mixed_with(0.6, {})

    torch.testing.assert_close(mixed, LOGITS.softmax(0))


def test_all_weight_on_a_sure_repository_leaves_nothing_else():
    (mixed,) = mixed_with(1.0, {1: 0.7, 3: 0.3})

    torch.testing.assert_close(mixed, torch.tensor([0.0, 0.7, 0.0, 0.3]))


def test_the_repository_gets_its_share_by_its_confidence():
    model = LOGITS.double().softmax(0)
    (mixed,) = mixed_with(0.6, {1: 0.5, 3: 0.25})

    # 0.6 * 0.75 of the mass is the repository's: 0.3 on token 1 and 0.15 on token 3
    assert mixed.sum() == pytest.approx(1.0)
    assert mixed[0] == pytest.approx(0.55 * float(model[0]))
    assert mixed[1] == pytest.approx(0.55 * float(model[1]) + 0.3)
    assert mixed[3] == pytest.approx(0.55 * float(model[3]) + 0.15)


def test_each_row_has_its_own_share():
    alone = [mixed_with(0.6, row)[0] for row in ({1: 0.5}, {}, {2: 1.0, 0: 0.0})]
    torch.testing.assert_close(mixed_with(0.6, {1: 0.5}, {}, {2: 1.0, 0: 0.0}), torch.stack(alone))


class Undrafted:
    """The slow reference: the same predictions, one token a step."""

    def __init__(self, session) -> None:
        self.session = session
        self.observe, self.predict, self.stop = session.observe, session.predict, session.stop

    def propose(self, max_tokens, step_cost):
        return DraftTree.empty()


@pytest.fixture(scope="module")
def text() -> list[int]:
    """A repository of few words that come again and again."""
    rng = np.random.default_rng(0)
    words = [rng.integers(0, VOCABULARY, 6).tolist() for _ in range(8)]
    return [token for i in rng.integers(0, 8, 400) for token in words[i]]


def drafter_over(text, vocabulary=VOCABULARY):
    drafter = Drafter(vocabulary)
    drafter.update_file("known", text)
    drafter.corpus.merge()
    return drafter


def undrafted_and_drafted(engine, make_drafter, context, sampling, *, heal=None, lead=()):
    """Generate after `lead` and `context` twice, without drafts and with them."""
    results = []
    for reference in (True, False):
        session = make_drafter().start(context, document="open", heal=heal)
        request = GenerationRequest(
            prompt=[*lead, *context],
            max_tokens=24,
            sampling=sampling,
            drafts=Undrafted(session) if reference else session,
            owner=f"{len(context)} {reference}",
            repository_weight=0.6,
        )
        results.append(engine.generate(request))
    undrafted, drafted = results
    assert drafted.token_ids == undrafted.token_ids
    return undrafted.stats.steps, drafted.stats.steps


@pytest.mark.parametrize(
    "sampling", [Sampling(), Sampling(temperature=1.0, seed=4)], ids=["greedy", "sampled"]
)
def test_drafted_and_undrafted_say_the_same(sampling, text, make_engine):
    engine = make_engine()
    steps = [
        undrafted_and_drafted(
            engine,
            lambda: drafter_over(text),
            text[start : start + 40],
            sampling,
            lead=random_ids(10, start),
        )
        for start in range(0, 1200, 60)
    ]

    slow, fast = np.sum(steps, axis=0)
    assert fast < slow * 0.9


@pytest.mark.parametrize("temperature", [0.0, 0.5])
def test_they_say_the_same_where_the_caret_stands_inside_a_word(temperature, make_engine):
    healer = bundled_healer()
    vocabulary, known = len(healer.pieces), healer.encode(CODE * 3)
    engine = make_engine(vocabulary=vocabulary)
    steps = [
        undrafted_and_drafted(
            engine,
            lambda: drafter_over(known, vocabulary),
            healer.encode(CODE[:caret]),
            Sampling(temperature=temperature, seed=caret),
            heal=healer,
        )
        for caret in range(60, 260, 10)
    ]

    slow, fast = np.sum(steps, axis=0)
    assert fast < slow * 0.9


def test_the_mixture_changes_what_is_said(text, make_engine):
    engine = make_engine()
    context = text[:40]
    said = [
        engine.generate(
            GenerationRequest(
                prompt=context,
                max_tokens=20,
                drafts=drafter_over(text).start(context),
                repository_weight=weight,
            )
        ).token_ids
        for weight in (0.0, 0.6)
    ]

    assert said[0] != said[1]
    assert list(said[1][:8]) == text[40:48]
