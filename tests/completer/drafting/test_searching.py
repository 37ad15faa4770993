import numpy as np
import pytest

from completer.drafting import searching
from completer.drafting.suffix_array import POSITION, SuffixArray, join_streams
from tests.completer.drafting.reference import context_of, hard_texts

NAMES = ["one token", "fibonacci", "thue-morse", "random"]


def arrays(name, vocabulary_size):
    ids = hard_texts(1500)[name]
    text = join_streams([ids[:1000], ids[300:]])[0]
    return SuffixArray.build(text, vocabulary_size), np.array(context_of(text, 700), np.int32)


def contexts(whole):
    return [whole[:length] for length in (1, 2, 3, 4, 5, 9, 64)]


@pytest.mark.parametrize("vocabulary_size", [5, 70_000])
@pytest.mark.parametrize("name", NAMES)
def test_a_context_is_found_where_it_belongs(name, vocabulary_size):
    array, whole = arrays(name, vocabulary_size)
    keys = [context_of(array.text, position) for position in array.parts.rows[:, POSITION].tolist()]
    for context in [*contexts(whole), *(c + 1 for c in contexts(whole))]:
        first, last = (int(array.parts.starts[context[0] + i]) for i in (0, 1))
        place = searching.find_row(array.parts, context, first, last)
        expected = sum(key < context.tolist() for key in keys[first:last])
        assert place == first + expected


@pytest.mark.parametrize("vocabulary_size", [5, 70_000])
@pytest.mark.parametrize("name", NAMES)
def test_the_rows_that_match_on_a_level_are_found_from_any_of_them(name, vocabulary_size):
    array, context = arrays(name, vocabulary_size)
    first, last = (int(array.parts.starts[context[0] + i]) for i in (0, 1))
    keys = [context_of(array.text, position) for position in array.parts.rows[:, POSITION].tolist()]
    for level in (2, 4, 8, 32):
        wanted = context[:level].tolist()
        matching = [row for row in range(first, last) if keys[row][:level] == wanted]
        low, high = matching[0], matching[-1] + 1
        for row in {low, (low + high) // 2, high - 1}:
            assert searching.first_matching(array.parts, first, row, context, level) == low
            assert searching.past_matching(array.parts, row + 1, last, context, level) == high
