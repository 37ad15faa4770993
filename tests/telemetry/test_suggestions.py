"""How long, and how much of, returned text stays in memory."""

import pytest

from telemetry.events import Suggestion, TextEdit
from telemetry.suggestions import (
    MAX_IDS,
    MAX_TEXT_BYTES,
    MAX_TEXTS,
    TEXT_KEPT_MS,
    RetainedSuggestions,
    pending_of,
    placement,
    points,
)


def pending(text="x", now_ms=0, **more):
    return pending_of(1, "s", "u", "w", Suggestion(text=text, **more), now_ms)


def test_texts_are_forgotten_after_17_minutes_and_ids_are_not():
    kept = RetainedSuggestions()
    old, new = pending(now_ms=0), pending(now_ms=1)
    kept.add("old", old)
    kept.add("new", new)
    kept.forget_old(TEXT_KEPT_MS)
    assert old.change is None
    assert new.change is not None
    assert kept.get("old") is old


def test_the_number_of_texts_is_bounded():
    kept = RetainedSuggestions()
    all_pending = [pending() for _ in range(MAX_TEXTS + 1)]
    for number, one in enumerate(all_pending):
        kept.add(str(number), one)
    assert [one.change is None for one in all_pending] == [True] + [False] * MAX_TEXTS


def test_the_size_of_texts_is_bounded():
    kept = RetainedSuggestions()
    large = [pending("x" * (MAX_TEXT_BYTES // 12)) for _ in range(4)]
    for number, one in enumerate(large):
        kept.add(str(number), one)
    assert [one.change is None for one in large] == [True, True, False, False]


def test_the_number_of_ids_is_bounded():
    kept = RetainedSuggestions()
    for number in range(MAX_IDS + 5):
        kept.add(str(number), pending())
    assert "4" not in kept
    assert "5" in kept


def test_what_is_on_screens_that_nobody_looks_at_again_is_bounded():
    """A client that goes from file to file never says that what it saw in one is gone."""
    kept = RetainedSuggestions()
    for number in range(MAX_IDS + 5):
        one = pending_of(1, "s", f"file {number}", "w", Suggestion(text="x"), 0)
        kept.add(str(number), one)
        kept.show(one)

    assert kept.visible("file 4") == []
    assert len(kept.visible("file 5")) == 1
    assert len(list(kept.visible_in_session("s"))) == MAX_IDS


def test_an_ignored_suggestion_is_known_and_not_recorded():
    kept = RetainedSuggestions()
    kept.ignore("a")
    assert "a" in kept
    assert kept.get("a") is None


def test_repeated_text_is_left_out_of_what_is_new():
    one = pending("return x)", offset=4, replaced="ret)", id="a")
    assert one.change == TextEdit(7, "", "urn x")
    assert (one.repeats, one.length, one.replaced_length) == ({"a": 3}, 5, 0)


def test_without_a_place_nothing_is_seen_in_the_document():
    one = pending("return x", replaced="ret")
    assert placement(one, TextEdit(3, "", "urn x")) is None


@pytest.mark.parametrize("inserted", ["()", '""'])
def test_a_pair_that_the_editor_closes_is_no_acceptance(inserted):
    one = pending(inserted + ".join(x)", offset=0)
    assert placement(one, TextEdit(0, "", inserted)) is None


@pytest.mark.parametrize(("units", "count"), [(0, 0), (1, 1), (2, 1), (3, 2), (4, 3), (9, 3)])
def test_points_count_whole_code_points(units, count):
    assert points("a😀b", units + 0) == {0: 0, 1: 1, 2: 1, 3: 2, 4: 3, 9: 3}[units] == count


@pytest.mark.parametrize("inserted", ["re", "r"], ids=["keys that came together", "one key"])
def test_a_part_of_a_word_is_typed(inserted):
    assert placement(pending("return x", offset=0), TextEdit(0, "", inserted)).kind is None


def test_a_new_line_with_its_indentation_is_typed():
    one = pending("\n    return x", offset=0)
    assert placement(one, TextEdit(0, "", "\n    ")).kind is None


def test_what_is_left_of_a_text_is_taken_up_where_it_was_typed_to():
    one = pending("return x", offset=0)
    one.type_to(2)
    assert one.take_up(Suggestion(text="return x", id="b", offset=0, replaced="re"))
    assert not one.take_up(Suggestion(text="urn x", offset=0))
    assert not one.take_up(Suggestion(text="turn y", offset=2))
    assert (one.typed, one.repeats["b"]) == (2, 0)


def test_without_a_place_a_text_that_it_ends_with_was_typed_up_to():
    one = pending("f(total)", id="a")
    assert one.take_up(Suggestion(text="total)", id="b"))
    assert (one.placed, one.typed, one.repeats) == (2, 2, {"a": 0, "b": -2})
    assert not one.take_up(Suggestion(text=")")), "a bracket may be alike by chance"
