"""Where a renamed name stands as well, and where nothing is said."""

import pytest

from tests.completer.next_edit.folders import Folder

FUNCTION = """\
count = 7

def total(items, count):
    '''Add count items.'''
    found = [item for item in items if item != count]
    return f"{count}", found, other.count, dict(count=count)

print(total([], count=3), count)
"""


def test_a_renamed_parameter_is_renamed_where_it_means_that_and_in_calls():
    folder = Folder({"a.py": FUNCTION})
    folder.edit("count):", "number):")
    assert folder.lines() == [
        "found = [item for item in items if item != number]",
        'return f"{number}", found, other.count, dict(count=count)',
        'return f"{count}", found, other.count, dict(count=number)',
        "print(total([], number=3), count)",
    ]


def test_followed_to_its_end_the_rename_is_complete_and_nothing_else_is():
    folder = Folder({"a.py": FUNCTION})
    folder.edit("count):", "number):")
    assert folder.follow() == 4
    expected = FUNCTION.replace("items, count", "items, number").replace("!= count", "!= number")
    expected = expected.replace("{count}", "{number}").replace("count=count", "count=number")
    assert folder.files["a.py"] == expected.replace("count=3", "number=3")


def test_below_the_caret_comes_first_then_above():
    folder = Folder({"a.py": "def f():\n    return limit\nlimit = 1\nprint(limit)\n"})
    folder.edit("limit = 1", "most = 1")
    assert folder.lines() == ["print(most)", "return most"]


@pytest.mark.parametrize(
    "text",
    [
        "size = 1\nwidth = 2\nprint(size, width)\n",
        "def f(size):\n    width = size\n    return width\n",
    ],
)
def test_a_name_that_is_there_already_is_no_rename(text):
    folder = Folder({"a.py": text})
    folder.edit("size", "width")
    assert folder.lines() == []


def test_a_use_that_was_replaced_or_a_later_binding_is_no_rename():
    folder = Folder({"a.py": "size = 1\nprint(size)\nsize = 2\nprint(size)\n"})
    folder.edit("size", "width", count=1)
    assert folder.lines() == []
    folder = Folder({"a.py": "size = 1\nprint(size)\nsize = 2\nprint(size)\n"})
    folder.edit("size", "width", count=2)
    assert folder.lines() == []


def test_shadows_are_left_alone():
    text = "name = 1\ndef f(name):\n    return name\nclass C:\n    name = 2\n"
    folder = Folder({"a.py": text + "list(name for name in x)\nprint(name)\n"})
    folder.edit("name", "title")
    assert folder.lines() == ["print(title)"]


def test_a_global_is_the_modules():
    folder = Folder({"a.py": "total = 0\ndef f():\n    global total\n    total += 1\n"})
    folder.edit("total", "amount")
    assert folder.lines() == ["global amount", "amount += 1"]


def test_a_class_attribute_is_renamed_after_self_and_the_class_only():
    text = """\
class A:
    def __init__(self):
        self.size = 1

    def grow(self, other):
        self.size += other.size
        return self.grow(self)

class B:
    def __init__(self):
        self.size = 2
"""
    folder = Folder({"a.py": text})
    folder.edit("size", "width")
    assert folder.lines() == ["self.width += other.size"]
    folder = Folder({"a.py": text})
    folder.edit("grow", "extend")
    assert folder.lines() == ["return self.extend(self)"]


def test_a_member_that_may_be_inherited_is_left_alone():
    text = "class A(Base):\n    def run(self):\n        return self.run()\n"
    folder = Folder({"a.py": text}, defined={"run": ["a.py", "base.py"]})
    folder.edit("run", "go")
    assert folder.lines() == []
    folder = Folder({"a.py": text}, defined={"run": ["a.py"]})
    folder.edit("run", "go")
    assert folder.lines() == ["return self.go()"]


def test_files_that_import_a_name_follow():
    files = {
        "pkg/__init__.py": "",
        "pkg/core.py": "def load(path):\n    return path\n",
        "pkg/user.py": "from .core import load\n\nload('x')\n",
        "tool.py": "import pkg.core\nfrom pkg import core as c\npkg.core.load(path=1)\nc.load(2)\n",
        "other.py": "from elsewhere.core import load\n\nload('x')\n",
        "alias.py": "from pkg.core import load as read\n\nread(path='x')\n",
        "mine.py": "import pkg.core\n\ndef load(): ...\n\nload()\n",
    }
    folder = Folder(dict(files))
    folder.edit("load", "fetch", "pkg/core.py")
    assert folder.lines("pkg/core.py") == [
        "alias.py: from pkg.core import fetch as read",
        "pkg/user.py: from .core import fetch",
        "pkg/user.py: fetch('x')",
        "tool.py: pkg.core.fetch(path=1)",
        "tool.py: c.fetch(2)",
    ]
    assert folder.follow("pkg/core.py") == 5
    folder = Folder(dict(files))
    folder.edit("path", "name", "pkg/core.py")
    assert folder.lines("pkg/core.py") == [
        "pkg/core.py: return name",
        "alias.py: read(name='x')",
        "tool.py: pkg.core.load(name=1)",
    ]


def test_an_import_that_was_changed_renames_its_uses_here_only():
    folder = Folder({"a.py": "from x import old\nold()\n", "b.py": "from a import old\n"})
    folder.edit("old", "new")
    assert folder.lines() == ["new()"]


def test_a_later_edit_elsewhere_does_not_move_places():
    folder = Folder({"a.py": "limit = 1\n\n\nprint(limit)\n"})
    folder.edit("limit", "most")
    folder.edit("\n\n", "\n# a comment\n\n")
    assert folder.lines() == ["print(most)"]


def test_broken_files_may_stay_broken_and_no_file_gets_worse():
    folder = Folder({"a.py": "limit = 1\nprint(limit)\nif (\n"})
    folder.edit("limit", "most")
    assert folder.lines() == ["print(most)"]
    folder = Folder({"a.py": "limit = 1\nprint(limit)\n"})
    folder.edit("limit", "class")
    assert folder.lines() == []


def test_other_languages_are_left_alone():
    folder = Folder({"a.js": "let limit = 1\nlog(limit)\n"})
    folder.edit("limit", "most", "a.js")
    assert folder.lines("a.js") == []


@pytest.mark.parametrize(
    ("before", "after", "old", "new"),
    [
        (
            "def f(path):\n    path = open(path)\n    return path\n",
            "def f(file):\n    path = open(file)\n    return path\n",
            "path",
            "file",
        ),
        (
            "for line in text:\n    print(line)\n    line = line.strip()\n    print(line)\n",
            "for row in text:\n    print(row)\n    line = row.strip()\n    print(line)\n",
            "line",
            "row",
        ),
        (
            "def f(size):\n    if not size:\n        size = 1\n    return size\n",
            "def f(width):\n    if not width:\n        width = 1\n    return width\n",
            "size",
            "width",
        ),
    ],
)
def test_what_is_made_of_a_renamed_value_keeps_its_name(before, after, old, new):
    folder = Folder({"a.py": before})
    folder.edit(old, new)
    folder.follow()
    assert folder.files["a.py"] == after
