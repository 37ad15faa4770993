"""How calls follow when a parameter came or went."""

import pytest

from tests.completer.next_edit.folders import Folder

ADDED = """\
def send(text):
    return text

def run(timeout):
    send("a")
    send(text="b")
    send(*parts)
    other.send("c")

def plain():
    send("d")
"""


def test_a_new_parameter_is_passed_where_its_name_is_bound():
    folder = Folder({"a.py": ADDED})
    folder.edit("text)", "text, timeout)")
    assert folder.lines() == ['send("a", timeout)', 'send(text="b", timeout=timeout)']
    assert folder.follow() == 2


def test_what_one_call_was_given_the_others_are_too():
    folder = Folder({"a.py": ADDED})
    folder.edit("text)", "text, timeout)")
    folder.edit('send("d"', 'send("d", 10')
    assert folder.lines(offset=0) == ['send("a", 10)', 'send(text="b", timeout=10)']


@pytest.mark.parametrize("parameter", ["timeout=1", "*timeout", "**timeout"])
def test_a_parameter_that_need_not_be_passed_asks_for_nothing(parameter):
    folder = Folder({"a.py": ADDED})
    folder.edit("text)", f"text, {parameter})")
    assert folder.lines() == []


@pytest.mark.parametrize(
    ("before", "after", "call"),
    [
        ("text)", "timeout, text)", 'send(timeout, "a")'),
        ("text)", "text, *, timeout)", 'send("a", timeout=timeout)'),
    ],
)
def test_an_argument_stands_where_its_parameter_does(before, after, call):
    folder = Folder({"a.py": ADDED})
    folder.edit(before, after)
    assert folder.lines()[0] == call


METHOD = """\
class Mail:
    def __init__(self, host, port):
        self.send(host, port)
        self.send(port=port, text=host)

    def send(self, text, port):
        return text

Mail("h", 1)
"""


def test_an_argument_goes_with_its_parameter():
    folder = Folder({"a.py": METHOD})
    folder.edit("text, port", "text")
    assert folder.lines(offset=0) == ["self.send(host)", "self.send(text=host)"]
    assert folder.follow() == 2
    folder = Folder({"a.py": METHOD})
    folder.edit("host, port):", "port):")
    assert folder.lines(offset=0) == ["Mail(1)"]


def test_calls_in_files_that_import_the_function_follow():
    folder = Folder(
        {
            "a.py": "def f(x, y):\n    return x\n",
            "b.py": "from a import f\n\nf(1, 2)\nf(y=1, x=2)\n",
        }
    )
    folder.edit(", y", "")
    assert folder.lines() == ["b.py: f(1)", "b.py: f(x=2)"]


def test_two_functions_of_one_name_are_left_alone():
    text = "if x:\n    def f(a, b): ...\nelse:\n    def f(a): ...\nf(1, 2)\n"
    folder = Folder({"a.py": text})
    folder.edit(", b", "")
    assert folder.lines() == []


@pytest.mark.parametrize(
    "after", ["text) timeout)", "text, , timeout)", "text=, timeout)", "]text)"]
)
def test_parameters_that_do_not_parse_ask_for_nothing(after):
    folder = Folder({"a.py": ADDED})
    folder.edit("text)", after)
    assert folder.lines() == []
