from hypothesis import given, settings
from hypothesis import strategies as st

from completer.drafting.overlap import Overlap

IDS = st.lists(st.integers(0, 2), max_size=20)


@settings(max_examples=200, deadline=None)
@given(IDS, IDS)
def test_the_overlap_is_the_longest_end_that_begins_the_pattern(pattern, text):
    overlap = Overlap(pattern)
    overlap.extend(text)
    lengths = range(min(len(pattern), len(text)) + 1)
    assert overlap.length == max(n for n in lengths if text[len(text) - n :] == pattern[:n])
