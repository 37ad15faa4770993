"""Sessions whose caret stands inside a token: what they draft, predict, and leave behind."""

import numpy as np
import pytest

from completer.drafting.drafter import Drafter
from completer.drafting.own_text import BEFORE
from completer.drafting.tree import DraftTree
from tests.completer.drafting.pieces import Pieces
from tests.completer.drafting.reference import best_path, path_of

KNOWN = Pieces(
    "(", " re", "tu", "rn", " return", " x", "\n", " result", " y", ")", ",", " z", "re", "sult"
)
COST = 1 + 0.05 * np.arange(17)
NOTHING = DraftTree.empty()


def drafter_over(*texts):
    drafter = Drafter(len(KNOWN.pieces))
    for name, text in enumerate(texts):
        drafter.corpus.add(str(name), KNOWN.ids(*text))
    drafter.corpus.merge()
    return drafter


def start(drafter, *context, heal=True, **kwargs):
    return drafter.start(KNOWN.ids(*context), heal=KNOWN.healer if heal else None, **kwargs)


def drafted(session, room=16):
    return KNOWN.read(best_path(session.propose(room, COST)))


def predicted(session, *path):
    ids, probs = session.predict(path_of(KNOWN.ids(*path))).row(len(path))
    return dict(zip(KNOWN.read(ids), probs.tolist(), strict=True))


def test_a_draft_finishes_the_word_and_goes_on():
    drafter = drafter_over(*[["(", "\n", " return", " x", "\n"]] * 3)
    with start(drafter, "(", "\n", " re", "tu") as session:
        assert drafted(session)[:3] == ["rn", " x", "\n"]
    with start(drafter, "(", "\n", " re", "tu", heal=False) as session:
        assert KNOWN.ids("rn")[0] not in session.propose(16, COST).token_ids


def test_only_words_that_begin_as_typed_count():
    with start(drafter_over(["(", "\n", " result", " x", "\n"]), "(", "\n", " re", "tu") as session:
        assert "rn" not in predicted(session)
        assert KNOWN.ids("rn")[0] not in session.propose(16, COST).token_ids


def test_contexts_reach_back_over_the_word_for_the_rest_of_the_completion():
    right = ["(", "\n", " return", " x", ",", " y", ")"]
    wrong = ["\n", " result", " x", ",", " z", ")"]
    context, generated = ["(", "\n", " re", "tu"], KNOWN.ids("rn", " x", ",")
    drafts = []
    for heal in (True, False):
        with start(drafter_over(right, wrong, wrong), *context, heal=heal) as session:
            session.observe(NOTHING, generated)
            drafts.append(session.propose(16, COST))

    assert KNOWN.read(best_path(drafts[0]))[:2] == [" y", ")"]


def test_a_draft_has_no_more_than_there_is_room_for():
    drafter = drafter_over(*[["(", "\n", " return", " x", "\n"]] * 3)
    with start(drafter, "(", "\n", " re") as session:
        assert drafted(session)[:3] == ["tu", "rn", " x"]
        assert drafted(session, 1) == ["tu"]
        assert drafted(session, 0) == []


def test_where_drafting_does_not_pay_no_word_is_finished():
    drafter = drafter_over(["(", "\n", " return", " x", "\n"])
    with start(drafter, "(", "\n", " re", "tu") as session:
        assert len(session.propose(8, 1 + 9.0 * np.arange(9))) == 0


def test_predictions_inside_a_word_are_those_of_the_whole_word():
    drafter = drafter_over(*[["(", "\n", " return", " x"]] * 3, ["(", "\n", " result", " x"])
    with start(drafter, "(", "\n") as session:
        whole = predicted(session)
    with start(drafter, "(", "\n", " re") as session:
        inside = predicted(session)
        assert inside["tu"] / inside["sult"] == pytest.approx(whole[" return"] / whole[" result"])
        assert sum(inside.values()) <= 1.0
        after_word = predicted(session, "tu", "rn")
    with start(drafter, "(", "\n", " return", heal=False) as session:
        assert after_word == pytest.approx(predicted(session))


def test_predictions_do_not_depend_on_the_steps_a_text_came_in():
    texts = [["(", "\n", " return", " x", ",", " y", ")", "\n"]] * 2
    path = ["tu", "rn", " x", ",", " y", ")"]
    for known in range(len(path) + 1):
        with start(drafter_over(*texts), "(", "\n", " re") as session:
            session.observe(NOTHING, KNOWN.ids(*path[:known]))
            found = predicted(session, *path[known:])
        assert found == predicted_at_once(texts, path)


def predicted_at_once(texts, path):
    with start(drafter_over(*texts), "(", "\n", " re") as session:
        return predicted(session, *path)


@pytest.mark.parametrize("generated", [[], ["tu"], ["tu", "rn", " x", ","]])
def test_a_session_leaves_its_text_as_it_was_shown(generated):
    drafter = drafter_over(["(", "\n"])
    with start(drafter, "\n", " re", document="a.py") as session:
        session.observe(NOTHING, KNOWN.ids(*generated))
    assert session._own.text.length(BEFORE) == 2


def test_each_node_of_a_branching_draft_is_predicted_as_its_path_is():
    drafter = drafter_over(["(", "\n", " return", " x", ",", " y"], ["\n", " result", " z", ")"])
    tree = DraftTree(
        KNOWN.ids("tu", "sult", "rn", " x", ",", " z"),
        np.array([-1, -1, 0, 2, 3, 1], np.int32),
        np.ones(6, np.float32),
        np.zeros(6, np.int8),
    )
    with start(drafter, "(", "\n", " re") as session:
        rows = [session.predict(tree).row(1 + node) for node in range(-1, len(tree))]
    for node, (ids, probs) in enumerate(rows, start=-1):
        with start(drafter, "(", "\n", " re") as session:
            session.observe(NOTHING, tree.path_to(node))
            alone = session.predict(NOTHING).row(0)
        assert ids.tolist() == alone[0].tolist()
        assert probs.tolist() == pytest.approx(alone[1].tolist())
    assert len(rows[4][0])  # behind " re" "tu" "rn" " x", which are settled as two tokens
