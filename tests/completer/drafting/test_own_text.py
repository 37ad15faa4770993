import numpy as np

from completer.drafting.live_text import LiveText
from completer.drafting.own_text import AFTER, BEFORE, OwnText, OwnTexts

TEXT = np.arange(300, dtype=np.int32)
NOTHING = TEXT[:0]


def halves(own):
    return own.text.length(BEFORE), own.text.length(AFTER)


def test_a_copy_has_what_stands_around_the_caret():
    assert halves(OwnTexts().take("d", TEXT[:100], TEXT[100:], None)) == (100, 200)


def test_what_is_known_beyond_a_window_is_added():
    assert halves(OwnTexts().take("d", TEXT[50:150], TEXT[150:250], TEXT)) == (150, 150)


def test_a_window_on_another_text_stands_alone():
    assert halves(OwnTexts().take("d", TEXT[::-1][:100], NOTHING, TEXT)) == (100, 0)


def test_sessions_in_one_document_have_a_copy_each():
    texts = OwnTexts()
    one, two = (texts.take("d", TEXT, NOTHING, None) for _ in range(2))
    assert one is not two
    texts.give_back(one)
    assert texts.take("d", TEXT[:10], TEXT[10:], None) is one
    assert halves(one) == (10, 290)


def test_a_copy_of_what_has_no_name_is_not_kept():
    texts = OwnTexts()
    texts.give_back(texts.take(None, TEXT, NOTHING, None))
    assert texts.nbytes == 0


def test_few_copies_are_kept_and_none_when_all_is_forgotten():
    texts = OwnTexts()
    one = texts.take("0", TEXT, NOTHING, None)
    for name in map(str, range(20)):
        texts.give_back(texts.take(name, TEXT, NOTHING, None))
    assert texts.nbytes <= 8 * one.text.nbytes
    texts.forget()
    assert texts.nbytes == 0


def test_the_text_before_the_caret_can_be_taken_back():
    own = OwnTexts().take("d", TEXT, NOTHING, None)
    own.drop_last(10)
    assert halves(own) == (290, 0)
    own.drop_last(1000)
    assert halves(own) == (0, 0)


def test_its_size_can_be_asked_while_sessions_end():
    """`/metrics` asks on a thread of its own."""
    texts, ended = OwnTexts(), iter("abcdefgh")
    for document in "ABCD":
        texts.give_back(OwnText(document))

    class Ending(LiveText):
        @property
        def nbytes(self):
            texts.give_back(OwnText(next(ended)))
            return 7

    for own in texts._kept.values():
        own.text = Ending(1000)

    assert texts.nbytes == 4 * 7


def test_the_latest_generated_texts_are_kept():
    own = OwnText("d")
    own.write(TEXT[:100], NOTHING, None)
    for last in range(40):
        own.keep(np.append(TEXT[:100], 200 + last).astype(np.int32), 100)
    own.keep(TEXT[:100], 100)  # nothing was generated
    assert own.text.tokens == 100 + 16 * 9
    own.keep(np.append(TEXT[:100], 239).astype(np.int32), 100)  # as before
    assert own.text.tokens == 100 + 16 * 9
