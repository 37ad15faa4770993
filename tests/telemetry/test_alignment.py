"""Distances and best alignments, against the textbook's dynamic programmes."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.alignment import (
    Alignment,
    best_alignment,
    four_gram_share,
    levenshtein,
    lexeme_distance,
    lexemes,
    utf16_length,
    utf16_units,
)

WORDS = st.text("abc", max_size=9)


def textbook_distance(one, other):
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        above, row = row, [i]
        for j, b in enumerate(other, 1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


@given(WORDS, WORDS)
@settings(max_examples=300, deadline=None)
def test_levenshtein_equals_the_textbook(one, other):
    assert levenshtein(one, other) == textbook_distance(one, other)


@given(st.text("ab", min_size=1, max_size=5), st.text("ab", max_size=9))
@settings(max_examples=300, deadline=None)
def test_no_part_is_closer_than_the_best_alignment(needle, haystack):
    best = best_alignment(needle, haystack)
    parts = [haystack[i:j] for i in range(len(haystack) + 1) for j in range(i, len(haystack) + 1)]
    closest = min(textbook_distance(needle, part) for part in parts)
    assert best.distance == closest
    assert textbook_distance(needle, haystack[best.start : best.end]) == closest


def test_an_exact_copy_is_found_as_it_stands():
    assert best_alignment("cde", "abcdefcde") == Alignment(2, 5, 0)


def test_utf16_counts_an_astral_character_twice():
    assert utf16_length("a😀é") == 4
    assert utf16_units("a😀").tolist() == [0x61, 0xD83D, 0xDE00]


def test_lone_surrogates_are_measured_not_refused():
    assert utf16_length("\ud83d") == 1
    assert utf16_units("\ud83d").tolist() == [0xD83D]


def test_lexemes_are_words_and_single_signs():
    assert lexemes("if x_1 >= 10:\n") == ["if", "x_1", ">", "=", "10", ":"]


def test_lexeme_distance_counts_a_renamed_word_once():
    # five lexemes: total = price * count; one of them is another word afterwards
    assert lexeme_distance("total = price * count", "total = price * quantity") == (1, 5)


def test_four_grams_that_stay():
    # "abcdef" has abcd, bcde, cdef; "abcdxx" keeps the first of these three
    assert four_gram_share("abcdef", "abcdxx") == 1 / 3
    assert four_gram_share("abc", "abc") is None


def test_what_differs_by_too_much_counts_as_replaced():
    one, other = "ab" * 5_000, "cd" * 6_000
    assert levenshtein(one, other) == 12_000
    pasted = "x" * 2_000 + "y" * 4_000_000 + "x"
    assert levenshtein("x" * 2_001, pasted) == 4_000_000


@given(WORDS, WORDS)
def test_four_grams_are_shared_as_often_as_both_have_them(before, after):
    def grams(text):
        return Counter(text[i : i + 4] for i in range(len(text) - 3))

    shared = (grams(before) & grams(after)).total()
    expected = shared / grams(before).total() if len(before) > 3 else None
    assert four_gram_share(before, after) == expected
