import numpy as np

from completer.drafting.calibration import RATE, initial_factors
from completer.drafting.drafter import Drafter
from completer.drafting.factor_fitting import adapted
from tests.completer.drafting.reference import path_of

LINE = np.arange(20, 60, dtype=np.int32)
REPEATED = np.tile(LINE, 5)


def drafter() -> Drafter:
    known = Drafter(100)
    known.corpus.add("a.py", np.concatenate((LINE, LINE[::-1])))
    known.corpus.merge()
    return known


def expected(known: Drafter, factors) -> float:
    """How much is expected of what comes next in a text like those that were read."""
    with known.start(LINE[:12], factors=factors) as session:
        return session.predict(path_of([])).prob(0, int(LINE[12]))


def test_texts_that_go_on_as_known_ones_make_that_likelier():
    known, prior = drafter(), initial_factors()
    learned = adapted(known, {"b.py": REPEATED}, prior, 0.05)
    assert expected(known, learned) > expected(known, prior)
    assert learned[RATE] == prior[RATE]


def test_the_drafter_and_what_was_given_stay_as_they_were():
    known, prior = drafter(), initial_factors()
    adapted(known, {"b.py": REPEATED}, prior, 0.05)
    np.testing.assert_array_equal(known.factors, initial_factors())
    np.testing.assert_array_equal(prior, initial_factors())


def test_texts_too_short_to_learn_from_change_nothing():
    factors = adapted(drafter(), {"b.py": LINE}, initial_factors(), 0.05)
    np.testing.assert_array_equal(factors, initial_factors())


def test_predictions_without_factors_are_those_as_shipped():
    known = drafter()
    assert expected(known, None) == expected(known, initial_factors())
