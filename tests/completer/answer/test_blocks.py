from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.answer import blocks
from completer.answer.blocks import BlockEnd
from completer.context.surroundings import Surroundings


def block_end(prefix: str, completion: str, suffix: str = "", language: str | None = None) -> int:
    return BlockEnd(Surroundings.of(prefix, suffix, language)).find(completion)


CASES = {
    "a function ends before the next one": (
        "python",
        "def area(r):",
        "\n    return 3.14 * r * r\n\n\ndef volume(r):\n    return 0",
        "",
        "\n    return 3.14 * r * r",
    ),
    "a blank line inside a body does not end it": (
        "python",
        "class A:\n    def run(self):",
        "\n        a = 1\n\n        return a\n\n    def stop(self):\n        pass",
        "",
        "\n        a = 1\n\n        return a",
    ),
    "statements in a body end where the body does": (
        "python",
        "def f(x):\n    ",
        "y = x\n    return y\nprint(f(1))\n",
        "",
        "y = x\n    return y",
    ),
    "else belongs to if": (
        "python",
        "    if ready:",
        "\n        go()\n    else:\n        wait()\n    done()",
        "",
        "\n        go()\n    else:\n        wait()",
    ),
    "statements end with their paragraph": (
        "python",
        "import os\n",
        "import re\nimport sys\n\nX = 1\n",
        "",
        "import re\nimport sys",
    ),
    "a decorated method is one piece": (
        "python",
        "class A:\n    ",
        "@property\n    def b(self):\n        return 1\n\n    @property\n    def c(self):\n",
        "",
        "@property\n    def b(self):\n        return 1",
    ),
    "a header over several lines": (
        "python",
        "def f(",
        "\n    a,\n    b,\n):\n    return a + b\nf(1, 2)",
        "",
        "\n    a,\n    b,\n):\n    return a + b",
    ),
    "a bracket in a string is text": (
        "python",
        "x = ",
        "'('\ny = 1\n\nz = 2",
        "",
        "'('\ny = 1",
    ),
    "a list opened before the caret is closed once": (
        "python",
        "x = [\n    1,\n    ",
        "2,\n]\ny = 3\n",
        "",
        "2,\n]",
    ),
    "the same list when the suffix closes it": (
        "python",
        "x = [\n    1,\n    ",
        "2,\n]\ny = 3\n",
        "\n]\n",
        "2,\n",
    ),
    "a brace block ends with its brace": (
        "javascript",
        "function f(x) {",
        "\n  return x;\n}\n\nfunction g() {\n}\n",
        "",
        "\n  return x;\n}",
    ),
    "the brace that stands in the suffix is left to it": (
        "go",
        "func f() error {\n\t",
        "if err != nil {\n\t\treturn err\n\t}\n\treturn nil\n}\n\nfunc g() {",
        "\n}\n",
        "if err != nil {\n\t\treturn err\n\t}",
    ),
    "else of a brace language": (
        "rust",
        "fn f() {\n    if a {",
        "\n        b();\n    } else {\n        c();\n    }\n    d();",
        "\n}",
        "\n        b();\n    } else {\n        c();\n    }",
    ),
    "end of a ruby method": (
        "ruby",
        "  def name",
        "\n    @name\n  end\n\n  def other\n  end",
        "\nend",
        "\n    @name\n  end",
    ),
    "lines in a string are text, however they are indented": (
        "python",
        "def f():\n    ",
        's = """\nname\n\nvalue\n"""\n    return s\n\n\nx = 1',
        "",
        's = """\nname\n\nvalue\n"""\n    return s',
    ),
    "text in a docstring": (
        "python",
        'def f():\n    """Do (it.\n\n    ',
        'Then stop.\n    """\n    return 1\n\n\ndef g(): ...',
        "",
        'Then stop.\n    """\n    return 1',
    ),
    "the argument list that is closed behind the caret": (
        "typescript",
        "call(",
        "a, b);\nother();",
        ")",
        "a, b",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_block_end(name):
    language, prefix, completion, suffix, kept = CASES[name]
    assert completion[: block_end(prefix, completion, suffix, language)] == kept


@pytest.mark.parametrize("name", CASES)
def test_asked_after_each_character_it_never_stops_too_early(name):
    language, prefix, completion, suffix, kept = CASES[name]
    finder = BlockEnd(Surroundings.of(prefix, suffix, language))
    for length in range(len(completion) + 1):
        end = finder.find(completion[:length])
        assert end >= min(length, len(kept)), repr(completion[:length])


def test_what_is_not_finished_is_kept_whole():
    assert block_end("def f():", "\n    a = 1\n    b = (", "", "python") == 20
    assert block_end("x = ", "1", "", "python") == 1
    assert block_end("", "", "", None) == 0


@settings(max_examples=150, deadline=None)
@given(
    prefix=st.text("a(:{\n \t\"'#", max_size=20),
    completion=st.text("a()[]{}:\n \t\"'#/*", max_size=60),
    suffix=st.text("a)]}\n ", max_size=10),
    language=st.sampled_from(["python", "go", "ruby", "markdown", None]),
)
def test_any_text_has_an_end_within_it(prefix, completion, suffix, language):
    end = block_end(prefix, completion, suffix, language)
    assert 0 <= end <= len(completion)
    again = block_end(prefix, completion[:end], suffix, language)
    assert again == end


@settings(max_examples=400, deadline=None)
@given(
    prefix=st.text("ab(:{\n \t\"'#/*`\\", max_size=30),
    completion=st.text("a()[]{}:\n \t\"'#/*`\\", max_size=40),
    suffix=st.text("a)]}\n ", max_size=10),
    language=st.sampled_from(["python", "go", "ruby", "rust", "html", "css", None]),
)
def test_what_was_read_before_the_caret_is_not_read_again_and_changes_nothing(
    prefix, completion, suffix, language
):
    finder = BlockEnd(Surroundings.of(prefix, suffix, language))
    with mock.patch.object(blocks, "_LOOKAHEAD", len(prefix) + 1):
        reading_all = BlockEnd(Surroundings.of(prefix, suffix, language))
    assert reading_all._settled_to == 0
    assert finder.find(completion) == reading_all.find(completion)


def test_a_long_line_before_the_caret_is_read_once():
    line = "x = [" + '"a", ' * 1_000
    finder = BlockEnd(Surroundings.of(line, "", "python"))
    assert len(finder._lead) - finder._settled_to < 10
    assert finder.find('"b"]\ny = 1\n\nz = 2') == len('"b"]\ny = 1')
