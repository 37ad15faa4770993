"""Names as a trie over tokens: what goes on with one of them, and what ends it."""

import pytest

from completer.names.vocabulary import NameTokens

PIECES = ["", "get", "get_", "all", "g", "et", "(", "get(", ".", " foo", "set", "_", "\n", "�", "1"]
NAMES = frozenset({"get", "get_all", "settle"})


def spell(text: str) -> list[int]:
    return [PIECES.index(text)] if text in PIECES else [PIECES.index(each) for each in text]


TOKENS = NameTokens(PIECES, spell)


def allowed(typed, names=NAMES):
    mask = TOKENS.going_on(names, typed)
    return {piece for piece, may in zip(PIECES, mask, strict=True) if may}


ENDS = {"", "(", ".", " foo", "\n", "�"}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", {"get", "get_", "g", "get(", "set"}),
        ("g", {"et"}),
        ("get", ENDS | {"_"}),
        ("get_", {"all"}),
        ("get_all", ENDS),
        ("put", set()),
    ],
)
def test_tokens_that_go_on_with_a_name_or_end_it(typed, expected):
    assert allowed(typed) == expected


def test_where_no_name_has_to_come_spaces_and_brackets_may():
    mask = TOKENS.beginning(frozenset({"foot"}))

    found = {piece for piece, may in zip(PIECES, mask, strict=True) if may}
    assert found == {"", "(", ".", "\n", "�", " foo"}


def test_a_token_may_end_a_name_in_the_middle_only_where_it_is_whole():
    assert "get(" not in allowed("", frozenset({"getter"}))


def test_the_same_question_gets_the_same_mask_however_much_was_asked_between():
    before = TOKENS.going_on(NAMES, "g").tolist()
    for number in range(600):
        TOKENS.going_on(frozenset({f"name{number}"}), "")

    assert TOKENS.going_on(NAMES, "g").tolist() == before


def test_text_is_spelled_only_where_the_pieces_join_to_it():
    assert list(TOKENS.spell("get")) == [1]
    assert list(NameTokens(PIECES, lambda text: [9]).spell("foo")) == []
