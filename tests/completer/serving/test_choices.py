"""Which of the texts that were generated are shown."""

from completer.answer.checking import Checked
from completer.serving.choices import Alternative, by_worth


def ranked(*texts):
    ended = [Alternative(None, None, Checked(text)) for text in texts]
    order, worth = by_worth(ended)
    return [each.checked.text for each in order], worth


def test_different_texts_stay_in_their_order():
    assert ranked("a", "b", "c") == (["a", "b", "c"], 3)


def test_what_repeats_or_says_nothing_comes_last():
    assert ranked("a", "a", "", "b") == (["a", "b", "a", ""], 2)
    assert ranked("", "b") == (["b", ""], 1)
