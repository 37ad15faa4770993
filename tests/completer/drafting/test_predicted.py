"""Drafts from a predicted text."""

import numpy as np
import pytest

from completer.drafting.predicted import PredictedDrafts
from completer.drafting.tree import DraftSource, DraftTree

COST = 1 + 0.01 * np.arange(33)
TEXT = list(range(100, 200))


class Others:
    """Drafts token 7, and remembers that it was told."""

    def __init__(self):
        self.observed, self.stopped = [], False

    def propose(self, max_tokens, step_cost):
        return DraftTree.path(np.array([7], np.int32), np.ones(1, np.float32), DraftSource.LIVE)

    def observe(self, tree, accepted, top_candidates=None):
        self.observed += accepted

    def stop(self):
        self.stopped = True


def steps(drafts, truth):
    """How many steps a model takes that says `truth`, and how many tokens were drafted."""
    done = count = drafted = 0
    while done < len(truth):
        tree = drafts.propose(min(32, len(truth) - done - 1), COST)
        wanted = truth[done : done + len(tree)]
        right = next(
            (i for i, token in enumerate(tree.token_ids.tolist()) if token != wanted[i]), len(tree)
        )
        emitted = truth[done : done + right + 1]
        drafts.observe(tree, emitted)
        done, count, drafted = done + len(emitted), count + 1, drafted + len(tree)
    return count, drafted


def test_what_was_predicted_is_drafted_in_long_pieces():
    count, drafted = steps(PredictedDrafts(TEXT, None), TEXT)
    assert count <= 7
    assert drafted == len(TEXT) - count


@pytest.mark.parametrize("change", [[1], [], [1, 2, 3, 4]])
def test_after_a_difference_the_place_is_found_again(change):
    truth = [*TEXT[:40], *change, *TEXT[41:]]
    count, _ = steps(PredictedDrafts(TEXT, None), truth)
    assert count <= 18


def test_what_never_comes_is_soon_left_alone():
    count, drafted = steps(PredictedDrafts(TEXT, None), list(range(60)))
    assert count == 60
    assert drafted <= 120


def test_behind_a_word_that_was_replaced_the_text_goes_on_as_before():
    drafts = PredictedDrafts(TEXT, None)
    drafts.observe(DraftTree.empty(), [*TEXT[:10], 5])
    assert drafts.propose(8, COST).token_ids[:2].tolist() == TEXT[11:13]
    drafts.observe(DraftTree.empty(), [6, TEXT[11]])
    assert drafts.propose(8, COST).token_ids[:2].tolist() == TEXT[12:14]


def test_lines_that_were_left_out_are_passed_over():
    drafts = PredictedDrafts(TEXT, None)
    drafts.observe(DraftTree.empty(), [*TEXT[:10], *TEXT[30:32]])
    assert drafts.propose(8, COST).token_ids[:2].tolist() == TEXT[32:34]


def test_a_place_that_was_found_too_far_ahead_is_left_again():
    drafts = PredictedDrafts(TEXT, None)
    drafts.observe(DraftTree.empty(), [*TEXT[:10], *TEXT[60:64]])
    assert drafts.propose(8, COST).token_ids[0] == TEXT[64]
    drafts.observe(DraftTree.empty(), TEXT[10:13])
    assert drafts.propose(8, COST).token_ids[:2].tolist() == TEXT[13:15]


def test_the_mark_at_its_end_is_drafted():
    drafts = PredictedDrafts([*TEXT, 0], None)
    drafts.observe(DraftTree.empty(), TEXT)
    assert drafts.propose(8, COST).token_ids.tolist() == [0]


def test_others_draft_where_the_answer_has_left_the_prediction():
    others = Others()
    drafts = PredictedDrafts(TEXT, others)
    assert drafts.propose(8, COST).sources[0] == DraftSource.PREDICTION
    drafts.observe(DraftTree.empty(), [5, 6])
    assert drafts.propose(8, COST).token_ids.tolist() == [7]
    assert others.observed == [5, 6]
    drafts.observe(DraftTree.empty(), TEXT[:3])
    assert drafts.propose(8, COST).token_ids[0] == TEXT[3]
    drafts.stop()
    assert others.stopped


def test_without_others_nothing_is_predicted_of_the_distribution():
    drafts = PredictedDrafts([], None)
    assert len(drafts.propose(8, COST)) == 0
    assert len(drafts.predict(DraftTree.empty()).row(0)[0]) == 0


def test_a_prediction_may_be_shorter_than_what_is_looked_for():
    drafts = PredictedDrafts(TEXT[:2], None)
    drafts.observe(DraftTree.empty(), [5, *TEXT[:1], 6, 7, 8, 9])
    drafts.observe(DraftTree.empty(), TEXT[:1])
    assert drafts.propose(8, COST).token_ids.tolist() == TEXT[1:2]
