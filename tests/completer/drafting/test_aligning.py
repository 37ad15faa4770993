import numpy as np
import pytest

from completer.drafting.drafter import Drafter
from completer.drafting.tree import DraftTree

COST = 1 + 0.02 * np.arange(33)
COPIED = np.arange(100, 140, dtype=np.int32)
OTHERS = [61, 62, 63]


def drafted_after(tokens, *, live=False):
    """What is drafted after `tokens`, which came one by one after a known beginning."""
    drafter = Drafter(500)
    drafter.corpus.add("src/other.py", np.arange(90, dtype=np.int32))
    drafter.corpus.merge()
    if live:
        drafter.open_document("b.py", COPIED)
    else:
        drafter.corpus.add("src/a.py", COPIED)
        drafter.corpus.merge()
    with drafter.start(COPIED[:10]) as session:
        for token in tokens:
            session.observe(DraftTree.empty(), [int(token)])
        return session.propose(16, COST).token_ids.tolist()


@pytest.mark.parametrize("live", [False, True])
def test_a_copy_is_followed_past_a_token_that_differs(live):
    came = [*COPIED[10:16], OTHERS[0], *COPIED[17:19]]
    assert set(COPIED[19:21].tolist()) <= set(drafted_after(came, live=live))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param([OTHERS[0], 117], id="replaced"),
        pytest.param([117], id="left out"),
        pytest.param([*OTHERS[:2], 117], id="two for one"),
    ],
)
def test_a_copy_is_found_again_after_a_change(changed):
    drafted = drafted_after([*COPIED[10:16], *changed])
    assert drafted[0] == 118


def test_a_copy_is_given_up_after_many_tokens_that_differ():
    assert drafted_after(range(200, 203)) != []
    assert drafted_after(range(200, 220)) == []


def prediction(context, came):
    drafter = Drafter(500)
    drafter.corpus.add("src/a.py", COPIED)
    drafter.corpus.merge()
    with drafter.start(context) as session:
        session.observe(DraftTree.empty(), came)
        return session.predict(DraftTree.empty()).row(0)


def test_predictions_do_not_depend_on_how_a_text_came_about():
    came = [*COPIED[10:16].tolist(), 61, 117]
    tokens, probs = prediction(COPIED[:10], came)
    again, same = prediction(np.concatenate((COPIED[:10], came)), [])
    assert tokens.tolist() == again.tolist()
    assert probs == pytest.approx(same)
