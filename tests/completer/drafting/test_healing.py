from collections import Counter

import numpy as np
import pytest

from completer.drafting.healing import INCOMPLETE, Healer
from tests.completer.drafting.pieces import Pieces

KNOWN = Pieces(
    "(",
    " re",
    "tu",
    "rn",
    " return",
    " x",
    "\n",
    " result",
    " ret",
    " ",
    "t",
    "u",
    "r",
    "n",
    INCOMPLETE,
)
HEALER = KNOWN.healer


def predictor(table):
    """Predict by the pieces since the boundary: {pieces: {piece: probability}}."""

    def predict(tokens):
        following = table.get("|".join(KNOWN.read(tokens)), {})
        return KNOWN.ids(*following), np.array(list(following.values()))

    return predict


@pytest.mark.parametrize(
    ("pieces", "unfinished"),
    [
        (["(", " re", "tu"], (2, " retu")),
        (["\n", "(", "tu"], (2, "(tu")),
        ([" x", "("], (1, "(")),
        (["(", " "], (1, " ")),
        (["\n", INCOMPLETE, "tu"], (1, "tu")),
        (["\n", INCOMPLETE], (0, "")),
        (["tu", "rn"], (2, "turn")),
        (["tu"] * 20, (0, "")),
        ([], (0, "")),
    ],
)
def test_unfinished_text_goes_back_to_where_its_word_begins(pieces, unfinished):
    assert HEALER.unfinished(KNOWN.ids(*pieces)) == unfinished


def test_a_tokenizer_whose_pieces_lack_the_space_in_front_is_not_healed():
    spaceless = Healer([piece.strip() for piece in KNOWN.pieces], KNOWN.encode)
    assert spaceless.unfinished(KNOWN.ids("\n", "tu")) == (0, "")


def covers(text, table):
    likely = Counter()
    for cover in HEALER.covers(text, predictor(table)):
        likely["|".join(KNOWN.read(cover.tokens)), cover.rest] += cover.prob
    return likely


def test_only_tokens_that_begin_as_typed_cover_it():
    found = covers(" ret", {"": {" return": 0.4, " result": 0.4, " x": 0.2}})
    assert found == pytest.approx({(" return", "urn"): 1.0, (" ret", ""): 0.0}, abs=1e-4)


def test_several_tokens_may_cover_the_text_together():
    table = {
        "": {" re": 0.5, " return": 0.5},
        " re": {"tu": 0.8, "r": 0.2},
        " re|tu": {"rn": 1.0},
    }
    found = covers(" return", table)
    assert found[" return", ""] == pytest.approx(0.5 / 0.9)
    assert found[" re|tu|rn", ""] == pytest.approx(0.4 / 0.9)


def test_where_nothing_is_known_the_text_stands_as_it_is():
    assert covers(" retu", {}) == {(" ret|u", ""): 1.0}


def test_where_all_is_known_but_nothing_fits_the_text_stands_too():
    assert covers(" x", {"": {" return": 1.0}}) == {(" x", ""): 1.0}


def test_the_more_was_typed_the_more_a_known_token_is_believed():
    believed = [
        covers(typed, {"": {" return": 0.1}})[" return", " return".removeprefix(typed)]
        for typed in (" re", " ret", " retu")
    ]
    assert 0.5 < believed[0] < believed[1] < believed[2] < 1


def test_next_tokens_are_the_beginnings_of_what_the_covers_add():
    predict = predictor({" re": {"tu": 0.5}, "": {" return": 0.25, " ret": 0.25, " re": 0.5}})
    found = HEALER.covers(" re", predict)
    ids, probs = HEALER.next_tokens(found, predict)

    # " return" and " ret" go on beyond the text, with "turn" and "t"; " re" is followed by "tu"
    likely = dict(zip(KNOWN.read(ids), probs.tolist(), strict=True))
    assert likely == pytest.approx({"tu": 0.25 + 0.5 * 0.5, "t": 0.25}, abs=1e-4)
