import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.drafting.coverage import learn_covered, new_coverage, predict_covered, tokens_saved
from completer.drafting.drafter import Drafter

PROBS = st.floats(0, 1)
BEFORE, TOKEN, OTHER = 6, 7, 8


def test_longer_matches_are_covered_more_often():
    coverage = new_coverage()
    likely = [predict_covered(coverage, BEFORE, TOKEN, length) for length in (0, 1, 3, 6, 12, 40)]
    assert likely == sorted(likely)
    assert 0 < likely[0] < likely[-1] < 1


@pytest.mark.parametrize("covered", [True, False])
def test_what_followed_a_token_is_learned_for_that_token(covered):
    coverage = new_coverage()
    before = predict_covered(coverage, BEFORE, OTHER, 3)
    for _ in range(100):
        learn_covered(coverage, BEFORE, TOKEN, 3, covered)
    assert abs(predict_covered(coverage, BEFORE, TOKEN, 3) - covered) < 0.05
    assert abs(predict_covered(coverage, BEFORE, OTHER, 3) - before) < 0.1


def test_ids_beyond_the_table_share_its_weights():
    coverage = new_coverage()
    learn_covered(coverage, BEFORE, TOKEN, 1, True)
    assert predict_covered(coverage, BEFORE, TOKEN + (1 << 14), 1) == predict_covered(
        coverage, BEFORE, TOKEN, 1
    )


@given(PROBS, PROBS, st.floats(0, 1), st.floats(1, 4))
@settings(max_examples=50, deadline=None)
def test_the_less_is_covered_the_more_is_saved(one, other, saved, step):
    less, more = sorted((one, other))
    assert tokens_saved(less, saved, step) >= tokens_saved(more, saved, step)


@given(st.floats(0, 1.2), st.floats(0, 1), st.floats(1, 30))
@settings(max_examples=50, deadline=None)
def test_a_certain_token_pays_as_long_as_a_step_yields_more_than_its_price(covered, saved, step):
    assert tokens_saved(covered, saved, step) >= saved - 1e-9


@pytest.mark.parametrize(("weight", "drafted"), [(20, 0), (-20, 1)])
def test_a_likely_token_is_drafted_if_what_follows_it_is_hard(weight, drafted):
    drafter = Drafter(100)
    drafter.add_completion([*range(12), 20, 30])
    drafter.add_completion([*range(12), 21, 30])
    drafter.coverage[:] = weight
    with drafter.start(range(12)) as session:
        assert len(session.propose(1, np.array([1.0, 1.2]))) == drafted


def test_a_session_learns_what_is_covered():
    drafter = Drafter(100)
    drafter.add_completion(np.tile([1, 2, 3, 4, 5], 20))
    before = predict_covered(drafter.coverage, 1, 2, 8)
    with drafter.start([1, 2, 3, 4, 5]) as session:
        for _ in range(5):
            session.observe(session.propose(0, np.ones(1)), [1, 2, 3, 4, 5])
    assert predict_covered(drafter.coverage, 1, 2, 8) > before
