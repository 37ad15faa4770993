"""The span tracker, against an oracle that follows every single character."""

import random

import pytest

from telemetry.events import TextEdit
from telemetry.spans import FAR, NEAR, RetainedSpan, found_again, moved_to

SCRIPTS = 20_000
ALPHABET = "ab\né😀"


class CharacterOracle:
    """A document as a list of characters, each knowing which accepted character it is, if any."""

    def __init__(self, text, start, end):
        self.characters = [
            (character, index - start if start <= index < end else None)
            for index, character in enumerate(text)
        ]

    @property
    def text(self):
        return "".join(character for character, _ in self.characters)

    def apply(self, edit):
        self.characters[edit.offset : edit.end] = [(c, None) for c in edit.inserted]

    def span(self):
        places = [at for at, (_, origin) in enumerate(self.characters) if origin is not None]
        if not places:
            return None
        first, last = places[0], places[-1] + 1
        inside = self.characters[first:last]
        kept = bytes(origin is not None for _, origin in inside)
        return first, "".join(character for character, _ in inside), kept


def random_edit(rng, text):
    start = rng.randint(0, len(text))
    end = min(len(text), start + rng.choice((0, 0, 1, 1, 2, 5)))
    inserted = "".join(rng.choices(ALPHABET, k=rng.choice((0, 1, 1, 2, 4))))
    return TextEdit(start, text[start:end], inserted)


@pytest.mark.slow
def test_the_tracker_equals_the_oracle_over_random_edit_scripts():
    rng = random.Random(8)
    for _ in range(SCRIPTS):
        text = "".join(rng.choices(ALPHABET, k=rng.randint(1, 14)))
        start = rng.randint(0, len(text) - 1)
        end = rng.randint(start + 1, len(text))
        oracle, span = CharacterOracle(text, start, end), RetainedSpan(start, text[start:end])
        for _ in range(rng.randint(1, 8)):
            edit = random_edit(rng, oracle.text)
            oracle.apply(edit)
            span.former = ""  # what comes back is not the oracle's
            span.apply(edit)
            expected = oracle.span()
            if expected is None:
                assert span.text == ""
            else:
                assert (span.start, span.text, span.kept) == expected
            assert not span.lost


def test_untouched_counts_utf16_units_of_kept_characters():
    span = RetainedSpan(0, "a😀b")
    assert span.untouched == 4
    span.apply(TextEdit(0, "a", ""))
    assert span.untouched == 3


def test_retyped_text_never_counts_again():
    span = RetainedSpan(4, "value")
    span.apply(TextEdit(6, "lu", ""))
    span.apply(TextEdit(6, "", "lu"))
    assert (span.text, span.untouched) == ("value", 3)


def test_an_edit_that_does_not_fit_loses_the_span():
    span = RetainedSpan(0, "value")
    span.apply(TextEdit(1, "XY", ""))
    assert span.lost


@pytest.mark.parametrize(("shift", "moved"), [(NEAR - 1, False), (FAR - 1, True)])
def test_text_found_again_near_has_stayed_and_far_has_moved(shift, moved):
    span = RetainedSpan(0, "return total_price")
    found = found_again(span, " " * shift + "return total_price", everywhere=False)
    assert found is not None
    assert (found.start, found.moved) == (shift, moved)
    assert found.untouched == (0 if moved else 18)


def test_text_changed_a_little_is_found_with_what_is_kept_of_it():
    span = RetainedSpan(10, "return total_price")
    found = found_again(span, "          return full_price", everywhere=False)
    assert found is not None
    assert found.text == "return full_price"
    # of "total_", "t" or "l" and "_" are common with "full_": "return " and "_price" at least stay
    assert len("return ") + len("_price") <= found.untouched < len("return full_price")


def test_another_text_is_not_found():
    span = RetainedSpan(0, "return total_price")
    assert found_again(span, "import os\nimport sys\n", everywhere=True) is None


def test_far_away_text_is_found_only_by_a_search_everywhere():
    span = RetainedSpan(0, "return total_price")
    text = "x = 1\n" * 2_000 + "    return total_price\n"
    assert found_again(span, text, everywhere=False) is None
    found = found_again(span, text, everywhere=True)
    assert found is not None
    assert found.moved
    assert found.text == span.text


def test_what_comes_back_in_its_place_is_there_and_not_untouched():
    span = RetainedSpan(0, "total")
    span.apply(TextEdit(3, "al", ""))
    span.apply(TextEdit(3, "", "a"))
    span.apply(TextEdit(4, "", "l "))
    assert (span.text, span.untouched) == ("total", 3)


@pytest.mark.parametrize("inserted", ["self.prices = x", "tal"])
def test_another_text_that_is_inserted_is_not_the_one_that_went(inserted):
    span = RetainedSpan(0, "self.total = total")
    span.apply(TextEdit(0, "self.total = total", ""))
    assert moved_to(span, RetainedSpan(9, inserted)) is None
