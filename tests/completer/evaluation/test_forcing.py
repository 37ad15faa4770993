"""The evidence for a token is what model and repository say of it by themselves."""

import numpy as np
import pytest

from completer.drafting.drafter import Drafter
from completer.engine.sequence import GenerationRequest
from completer.evaluation.forcing import evidence
from tests.completer.drafting.reference import path_of
from tests.completer.engine.conftest import VOCABULARY, make_engine, make_runner  # noqa: F401
from tests.completer.engine.test_attention import random_ids


class Listening:
    wants_signals = True

    def __init__(self):
        self.tokens = []

    def after_token(self, ids, signals, *, ended):
        self.tokens.append(signals)


def new_drafter():
    rng = np.random.default_rng(0)
    words = [rng.integers(0, VOCABULARY, 6).tolist() for _ in range(8)]
    drafter = Drafter(VOCABULARY)
    drafter.update_file("known", [token for i in rng.integers(0, 8, 400) for token in words[i]])
    drafter.corpus.merge()
    return drafter


def test_the_model_says_of_its_own_text_what_it_said_when_it_wrote_it(make_engine):  # noqa: F811
    engine, said, prompt = make_engine(), Listening(), random_ids(20)
    truth = engine.generate(GenerationRequest(prompt=prompt, max_tokens=12, policy=said)).token_ids
    found = evidence(engine, prompt, truth, new_drafter().start(prompt), "someone")

    assert len(found) == 12
    np.testing.assert_allclose(
        [each.model for each in found], [each.probability for each in said.tokens], rtol=1e-3
    )


def test_the_repository_is_asked_before_each_token(make_engine):  # noqa: F811
    rng = np.random.default_rng(1)
    prompt = random_ids(20)
    truth = rng.integers(0, VOCABULARY, 8).tolist()
    found = evidence(make_engine(), prompt, truth, new_drafter().start(prompt), "someone")

    session = new_drafter().start(prompt)  # the first one has learned meanwhile
    for n, each in enumerate(found):
        expected = session.predict(path_of(truth[:n]))
        ids, probabilities = expected.row(n)
        assert each.repository == pytest.approx(float(probabilities[ids == truth[n]].sum()))
        assert each.confidence == pytest.approx(float(probabilities.sum()))
    session.stop()
    assert len(found) == 8
