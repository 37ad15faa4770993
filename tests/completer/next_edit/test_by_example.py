"""The same edit made again, where the text is like that of the edits before."""

import math

from completer.next_edit.by_example import candidates, scorecard
from completer.next_edit.edits import NextEditRequest
from completer.next_edit.examples import examples
from completer.next_edit.snapshot import Modules
from completer.next_edit.where import SHOWN_FROM
from tests.completer.next_edit.folders import Folder

TYPES = """\
from typing import Dict, List, Optional


def first(path: Optional[str]) -> None:
    return None


def second(names: Optional[Dict[str, int]], rest: int) -> None:
    return None


def third(names: Optional[bytes]) -> None:
    '''Optional[str] in words.'''
"""
CHECKS = "\n".join(f"def test_{n}(self):\n    self.assertEquals(f({n}), {n})\n" for n in range(9))


def places(folder: Folder, *, of_lines: bool = True) -> list[tuple[str, str, dict[str, float]]]:
    """Old and new text of the places where the last edit may be wanted, and their features."""
    text = folder.files["a.py"]
    request = NextEditRequest(path=folder.place("a.py"), text=text, offset=folder.caret)
    made = examples(folder.history.hunks, folder, of_lines=of_lines)
    found = candidates(request, made, Modules())
    return [(text[each.start : each.end], each.new, features) for each, features in found]


def test_what_an_edit_kept_may_be_something_else_elsewhere():
    folder = Folder({"a.py": TYPES})
    folder.edit("Optional[str]", "str | None")
    told = [(old, new) for old, new, _ in places(folder)]
    assert told == [
        ("Optional[Dict[str, int]]", "Dict[str, int] | None"),
        ("Optional[bytes]", "bytes | None"),
    ]


def test_edits_of_one_line_are_one_example():
    folder = Folder({"a.py": TYPES})
    folder.edit("Optional[str", "str")
    folder.edit("str]", "str | None")
    assert places(folder)[0][:2] == ("Optional[Dict[str, int]]", "Dict[str, int] | None")
    assert places(folder, of_lines=False) == []  # each of them is half an edit


def test_examples_are_counted_and_what_was_left_as_it_was():
    folder = Folder({"a.py": CHECKS})
    folder.edit("assertEquals", "assertEqual", count=1)
    folder.edit("assertEquals", "assertEqual", count=2)
    features = places(folder)[0][2]
    assert (features["examples"], features["sure"]) == (2, 0)
    assert features["share"] == 2 / (2 + 2)  # two above the last were passed over
    folder.edit("assertEquals", "assertEqual", count=1)
    assert places(folder)[0][2]["share"] == 3 / (3 + 1)


def test_an_insertion_is_made_between_the_same_words():
    folder = Folder({"a.py": CHECKS})
    folder.edit("(self)", "(self) -> None")
    folder.edit("(self):", "(self) -> None:")
    found = places(folder)
    assert [each[:2] for each in found] == [("", " -> None")] * 7
    assert [each[2]["lines"] for each in found] == sorted(each[2]["lines"] for each in found)


def test_it_is_not_made_where_it_was_made_already():
    folder = Folder({"a.py": "a = x.List\nb = List\nc = typing.List\nd = List\n"})
    folder.edit("b = List", "b = typing.List")
    assert [each[:2] for each in places(folder)] == [("", "typing.")]


def test_what_is_probably_wanted_is_offered_until_nothing_is_left():
    folder = Folder({"a.py": CHECKS}, shown_from=SHOWN_FROM)
    for _ in range(2):
        folder.edit("assertEquals", "assertEqual")
    assert {each.why for each in folder.next()} == {"made again"}
    assert folder.follow() == 7
    assert "assertEquals" not in folder.files["a.py"]


def test_what_is_less_sure_comes_if_it_is_asked_for_by_hand():
    folder = Folder({"a.py": CHECKS}, shown_from=1.0)
    folder.edit("assertEquals", "assertEqual")
    folder.edit("assertEquals", "assertEqual", count=1)
    assert folder.next() == ()
    path, text = folder.place("a.py"), folder.files["a.py"]
    request = NextEditRequest(path=path, text=text, offset=folder.caret, trigger="manual")
    found = folder.finder.find(request, folder.history.hunks, folder.shown_from)
    assert {each.old for each in found} == {"assertEquals"}


def test_what_rules_know_all_places_of_is_left_to_them():
    text = "def f(path):\n    return path\n\n\ndef g(path):\n    return path\n"
    folder = Folder({"a.py": text}, shown_from=0.0)
    folder.edit("path", "file")
    assert folder.follow() == 1
    assert "def g(path)" in folder.files["a.py"]


def test_a_long_line_takes_no_longer_than_its_places():
    folder = Folder({"a.py": "x = Optional[a]\n" + "Optional[" * 20_000})
    folder.edit("Optional[a]", "a | None")
    assert len(places(folder)) <= 24


def test_the_scorecard_takes_the_features_that_there_are():
    folder = Folder({"a.py": CHECKS})
    folder.edit("assertEquals", "assertEqual")
    assert set(scorecard().scales) <= set(places(folder)[0][2])


def test_a_name_is_not_what_a_word_of_a_string_is():
    folder = Folder({"a.py": 'user = x["user"]\nprint(user, y["user"])\n'})
    folder.edit('x["user"]', 'x["person"]')
    assert [features["lines"] for _, _, features in places(folder)] == [1]


def test_a_word_in_a_text_is_not_what_a_whole_string_is():
    folder = Folder({"a.py": 'x["user"]\ny = "the user of it"\nz["user"]\n'})
    folder.edit("user", "person")
    assert [features["lines"] for _, _, features in places(folder)] == [math.log2(3)]


def test_what_keeps_many_parts_takes_no_longer():
    folder = Folder({"a.py": "f(a + b + c + d)\n" + "x = " + "a + " * 20_000 + "1\n"})
    folder.edit("f(a + b + c + d)", "f(a - b - c - d)")
    assert places(folder) == []
