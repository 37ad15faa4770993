import numpy as np
from hypothesis import given, settings

from completer.drafting.live_text import LiveText
from completer.drafting.open_documents import OpenDocuments, common_suffix
from tests.completer.drafting.reference import tokens

TEXT = np.arange(300, dtype=np.int32)


def halves(live):
    return live.length(("d", "before")), live.length(("d", "after"))


def test_a_whole_text_is_split_where_the_caret_was():
    live = LiveText(1 << 20)
    documents = OpenDocuments(live)
    documents.split("d", TEXT[:100], TEXT[100:])
    documents.read("d", np.concatenate((TEXT[:100], [7, 8], TEXT[100:])).astype(np.int32))
    assert halves(live) == (102, 200)


def test_what_a_window_does_not_show_is_kept():
    live = LiveText(1 << 20)
    documents = OpenDocuments(live)
    documents.read("d", TEXT)
    documents.split("d", TEXT[50:150], TEXT[150:250])
    assert halves(live) == (150, 150)


def test_a_window_on_another_text_replaces_it():
    live = LiveText(1 << 20)
    documents = OpenDocuments(live)
    documents.read("d", TEXT)
    documents.split("d", TEXT[::-1][:100], TEXT[:0])
    assert halves(live) == (100, 0)


def test_a_forgotten_document_leaves_nothing():
    live = LiveText(1 << 20)
    documents = OpenDocuments(live)
    documents.read("d", TEXT)
    documents.forget("d")
    assert live.tokens == 0
    assert "d" not in documents


@settings(max_examples=60, deadline=None)
@given(tokens(12, 2), tokens(12, 2))
def test_the_common_suffix_is_the_longest(a, b):
    n = common_suffix(a, b)
    assert a[len(a) - n :].tolist() == b[len(b) - n :].tolist()
    longer = n + 1
    if longer <= min(len(a), len(b)):
        assert a[-longer:].tolist() != b[-longer:].tolist()
