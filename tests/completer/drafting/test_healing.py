import numpy as np

from completer.drafting.drafter import Drafter
from completer.drafting.healing import Healer

PIECES = ["(", " re", "tu", "rn", " return", " x", "\n", " result", " ret"]
IDS = {piece: token for token, piece in enumerate(PIECES)}
HEALER = Healer(PIECES, lambda text: [IDS[text]])
COST = 1 + 0.05 * np.arange(17)


def ids(*pieces):
    return np.array([IDS[piece] for piece in pieces], np.int32)


def test_an_unfinished_word_goes_back_to_where_it_began():
    assert HEALER.unfinished(ids("(", " re", "tu")) == (2, " retu")
    assert HEALER.unfinished(ids("(", "tu")) == (1, "tu")
    assert HEALER.unfinished(ids(" x", "(")) == (0, "")
    assert HEALER.unfinished(ids("\n")) == (0, "")
    assert HEALER.unfinished(ids()) == (0, "")


def test_a_draft_finishes_the_word_and_goes_on():
    drafter = Drafter(len(PIECES))
    for name in "abc":
        drafter.corpus.add(name, ids("(", "\n", " return", " x", "\n"))
    drafter.corpus.merge()
    with drafter.start(ids("(", "\n", " re", "tu"), heal=HEALER) as session:
        tree = session.propose(16, COST)
    assert [PIECES[token] for token in tree.best_path().token_ids][:3] == ["rn", " x", "\n"]
    with drafter.start(ids("(", "\n", " re", "tu")) as session:
        assert IDS["rn"] not in session.propose(16, COST).token_ids


def test_only_words_that_begin_as_typed_count():
    drafter = Drafter(len(PIECES))
    drafter.corpus.add("a", ids("(", "\n", " result", " x", "\n"))
    drafter.corpus.merge()
    with drafter.start(ids("(", "\n", " re", "tu"), heal=HEALER) as session:
        assert IDS["rn"] not in session.propose(16, COST).token_ids
