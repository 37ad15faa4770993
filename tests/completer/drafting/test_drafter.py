import threading
import time

import numpy as np
import pytest

from completer.drafting.drafter import Drafter
from completer.drafting.tree import DraftSource, DraftTree
from tests.completer.drafting.reference import best_path

VOCABULARY = 500
COST = 1 + 0.02 * np.arange(33)
LINE = np.arange(100, 120, dtype=np.int32)


@pytest.fixture
def drafter():
    rng = np.random.default_rng(0)
    result = Drafter(VOCABULARY)
    for number in range(4):
        result.corpus.add(f"src/{number}.py", rng.integers(0, 90, 200).astype(np.int32))
    result.corpus.merge()
    return result


def draft(drafter, context, **kwargs):
    with drafter.start(context, **kwargs) as session:
        return session.propose(32, COST)


def expected_line(tree, known):
    return best_path(tree).tolist() == LINE[known : known + len(tree)].tolist()


def test_a_saved_line_is_drafted(drafter):
    drafter.update_file("src/new.py", np.concatenate(([1, 2, 3], LINE)))
    tree = draft(drafter, LINE[:8])
    assert len(tree) >= 8
    assert expected_line(tree, 8)
    assert set(tree.sources.tolist()) == {DraftSource.REPOSITORY}


def test_a_line_of_another_unsaved_document_is_drafted(drafter):
    drafter.open_document("other.py", np.concatenate(([1, 2, 3], LINE)))
    tree = draft(drafter, LINE[:8], document="this.py")
    assert len(tree) >= 8
    assert set(tree.sources.tolist()) == {DraftSource.LIVE}


class NotingLock:
    """A drafter's lock; `most` is how many tokens were written under it at once."""

    def __init__(self, drafter):
        self.drafter, self.lock, self.most, self.depth = drafter, drafter.lock, 0, 0

    def __enter__(self):
        self.lock.acquire()
        self.before = self.drafter.live.tokens

    def __exit__(self, *_):
        self.most = max(self.most, self.drafter.live.tokens - self.before)
        self.lock.release()


@pytest.mark.parametrize("length", [100, 5_000, 20_001])
def test_a_long_document_is_taken_in_part_by_part(length):
    text = np.random.default_rng(1).integers(0, 90, length).astype(np.int32)
    drafter, at_once = Drafter(VOCABULARY), Drafter(VOCABULARY)
    lock = drafter.lock = NotingLock(drafter)
    drafter.open_document("a.py", text)
    at_once.live.write("a.py", text)
    assert lock.most <= 2_048
    assert drafter.live.tokens == length
    assert drafter.live.length("a.py") == length
    for at in range(50, length, 997):
        trees = [draft(each, text[at - 20 : at]) for each in (drafter, at_once)]
        assert trees[0].token_ids.tolist() == trees[1].token_ids.tolist()
        assert len(trees[0])


def test_a_document_that_is_closed_while_it_is_taken_in_is_gone():
    drafter = Drafter(VOCABULARY)
    writer = threading.Thread(target=drafter.open_document, args=("a.py", [1, 2, 3] * 40_000))
    writer.start()
    while not drafter.live.tokens:
        time.sleep(0.0001)
    drafter.close_document("a.py")
    writer.join()
    assert drafter.live.tokens == 0


def test_a_closed_document_no_longer_counts_but_its_file_does(drafter):
    drafter.update_file("a.py", LINE)
    drafter.open_document("a.py", LINE[::-1])
    assert not expected_line(draft(drafter, LINE[:8]), 8)
    drafter.close_document("a.py")
    assert expected_line(draft(drafter, LINE[:8]), 8)


def test_an_accepted_completion_is_drafted_next_time(drafter):
    drafter.add_completion(LINE)
    assert expected_line(draft(drafter, LINE[:8]), 8)


def test_dependencies_are_a_source_of_their_own(drafter):
    drafter.set_dependencies([LINE])
    tree = draft(drafter, LINE[:8])
    assert expected_line(tree, 8)
    assert set(tree.sources.tolist()) == {DraftSource.DEPENDENCIES}


def test_the_completed_document_does_not_match_across_its_caret(drafter):
    drafter.open_document("a.py", LINE)
    assert len(draft(drafter, LINE[:8], after=LINE[8:], document="a.py")) == 0


def test_the_suffix_is_known_text(drafter):
    with drafter.start([1, 2, 3], after=LINE, document="a.py") as session:
        session.observe(DraftTree.empty(), LINE[:3])
        tree = session.propose(32, COST)
        assert tree.sources[0] == DraftSource.SUFFIX
        assert expected_line(tree, 3)


def test_what_a_session_was_shown_and_generated_is_nobody_elses(drafter):
    with drafter.start(LINE, document="a.py") as session:
        session.observe(DraftTree.empty(), LINE)
        assert len(draft(drafter, LINE[:8], document="b.py")) == 0
    assert len(draft(drafter, LINE[:8], document="b.py")) == 0


def test_what_was_generated_is_drafted_in_its_document_and_not_expected(drafter):
    with drafter.start(LINE[:8], document="a.py") as session:
        before = session.predict(DraftTree.empty()).row(0)[0].tolist()
        session.observe(DraftTree.empty(), LINE[8:])
    with drafter.start(LINE[:8], document="a.py") as session:
        assert expected_line(session.propose(32, COST), 8)
        assert session.predict(DraftTree.empty()).row(0)[0].tolist() == before
    drafter.forget_sessions()
    assert len(draft(drafter, LINE[:8], document="a.py")) == 0


def test_a_change_during_a_session_counts_for_others_at_once(drafter):
    with drafter.start(LINE[:8], document="a.py") as session:
        drafter.open_document("a.py", LINE)
        assert len(session.propose(32, COST)) == 0
        assert expected_line(draft(drafter, LINE[:8], document="b.py"), 8)


def test_the_saved_version_is_hidden_from_its_own_session_alone(drafter):
    drafter.update_file("a.py", LINE)
    for sort in (False, True):
        if sort:
            drafter.corpus.merge()
        with drafter.start(LINE[:8], after=LINE[8:], document="a.py") as session:
            assert len(session.propose(32, COST)) == 0
            assert expected_line(draft(drafter, LINE[:8], document="b.py"), 8)


def test_two_sessions_in_one_document_do_not_disturb_each_other(drafter):
    with (
        drafter.start(LINE[:8], document="a.py") as one,
        drafter.start(LINE[:8], document="a.py") as two,
    ):
        one.observe(DraftTree.empty(), LINE[8:])
        assert len(two.propose(32, COST)) == 0


def test_where_a_text_goes_on_in_two_ways_a_draft_branches(drafter):
    drafter.update_file("a.py", [1, 2, 3, 1, 2, 4, 1, 2, 3, 1, 2, 4])
    tree = draft(drafter, [1, 2])
    assert set(tree.token_ids[tree.parents == -1].tolist()) == {3, 4}


def test_where_drafting_does_not_pay_nothing_is_drafted(drafter):
    drafter.update_file("a.py", LINE)
    with drafter.start(LINE[:8]) as session:
        assert len(session.propose(8, 1 + 9.0 * np.arange(9))) == 0
        assert len(session.propose(0, COST)) == 0


def test_probabilities_fall_down_the_tree_and_parents_come_first(drafter):
    for number in range(5):
        drafter.update_file(f"{number}.py", [1, 2, number % 3, 7, number % 2, 8])
    tree = draft(drafter, [1, 2])
    assert len(tree) > 3
    for node, parent in enumerate(tree.parents):
        assert parent < node
        assert tree.probs[node] <= (tree.probs[parent] if parent >= 0 else 1)
    assert (np.diff(tree.probs) <= 1e-6).all()


def test_runners_up_are_drafted_where_nothing_matches(drafter):
    context = [400]
    with drafter.start(context) as session:
        top = np.array([[401, 402]], np.int32)
        session.observe(DraftTree.empty(), [403], top)
    with drafter.start(context) as session:
        tree = session.propose(4, 1 + 0.01 * np.arange(5))
    assert tree.token_ids[0] == 401
    assert tree.sources[0] == DraftSource.RECYCLED


def test_a_short_cost_curve_is_refused(drafter):
    with drafter.start([1]) as session, pytest.raises(ValueError, match="0 to 40"):
        session.propose(40, COST)


def test_drafters_of_two_workspaces_share_nothing():
    one, two = Drafter(VOCABULARY), Drafter(VOCABULARY)
    one.update_file("a.py", LINE)
    one.add_completion(LINE)
    assert len(draft(two, LINE[:8])) == 0


def test_memory_returns_when_a_workspace_is_closed(drafter):
    drafter.update_file("a.py", np.zeros(60_000, np.int32))
    drafter.corpus.merge()
    drafter.open_document("b.py", np.zeros(20_000, np.int32))
    held = drafter.nbytes
    drafter.close()
    assert drafter.nbytes < held - 60_000 * 13 - 20_000 * 32
    assert len(draft(drafter, LINE[:8])) == 0


def test_proposing_while_others_write(drafter):
    stop, failures = threading.Event(), []

    def write():
        number = 0
        while not stop.is_set():
            number += 1
            drafter.update_file("a.py", np.roll(LINE, number))
            drafter.open_document("b.py", np.roll(LINE, -number))
            if number % 20 == 0:
                drafter.corpus.merge()

    def propose():
        try:
            for number in range(300):
                draft(drafter, np.roll(LINE, number)[:8])
        except Exception as error:
            failures.append(error)

    writer, reader = threading.Thread(target=write), threading.Thread(target=propose)
    writer.start()
    reader.start()
    reader.join()
    stop.set()
    writer.join()
    assert not failures
