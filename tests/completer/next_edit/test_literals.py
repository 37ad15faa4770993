"""Where a changed literal stands as well."""

import pytest

from tests.completer.next_edit.folders import Folder

KEYS = """\
row = {"user_id": 1, "name": "user_id"}
print(row["user_id"], row.get("user_id"), "user_id")
def f(port=8080):
    '''Listen on 8080.'''
    serve(port=8080, most=8080)
"""


def test_a_key_is_changed_where_it_is_a_key():
    folder = Folder({"a.py": KEYS})
    folder.edit("user_id", "account")
    assert folder.lines() == [
        'print(row["account"], row.get("user_id"), "user_id")',
        'print(row["user_id"], row.get("account"), "user_id")',
    ]
    assert folder.follow() == 2


def test_a_number_is_changed_where_it_is_the_same_value():
    folder = Folder({"a.py": KEYS})
    folder.edit("8080", "9090")
    assert folder.lines() == ["serve(port=9090, most=8080)"]


@pytest.mark.parametrize(
    ("text", "old", "new"),
    [
        ("f(a=1)\nf(a=1)\n", "1", "2"),
        ('x["id"]\ny["id"]\n', "id", "no"),
        ("f(a=1000)\nf(a=1000)\n", "1000", "2000"),
        ('print("hello there")\nprint("other")\n', "hello there", "hi"),
        ('x["user"]\ny["user"]\n', '"user"', "user"),
        ('"""Words here."""\n"""Words here."""\n', "Words", "Lines"),
    ],
)
def test_what_stands_for_many_things_is_left_alone(text, old, new):
    folder = Folder({"a.py": text})
    folder.edit(old, new)
    assert folder.lines() == []
