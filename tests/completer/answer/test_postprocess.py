import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.answer.postprocess import (
    ENDS,
    STEPS,
    TextContext,
    drop_impossible_indentation,
    drop_trivial,
    first_line_end,
    fit_indentation,
    following_line_end,
    mark_end,
    overlap_end,
    own_block_end,
    postprocess,
    repeated_end,
    restore_line_ends,
    trim_end,
)

MARKS = ("<|fim_prefix|>", "<|fim_suffix|>", "<|endoftext|>", "<EOT>")


def context(prefix="", suffix="", language="python", **options) -> TextContext:
    return TextContext(prefix=prefix, suffix=suffix, language=language, **options)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("return x<|endoftext|>", "return x"),
        ("a<|fim_suffix|>b<|fim_prefix|>", "a"),
        ("return x<|endof", "return x"),
        ("a <E", "a <E"),
        ("if a < b:", "if a < b:"),
    ],
)
def test_marks_never_get_out(text, kept):
    assert text[: mark_end(text, context(marks=MARKS))] == kept


def test_one_line_where_one_is_wanted():
    assert first_line_end("a\nb", context(multiline=False)) == 1
    assert first_line_end("a\nb", context(multiline=True)) == 3


@pytest.mark.parametrize(
    ("prefix", "text", "kept"),
    [
        ("x = ", " 1", " 1"),
        ("def f():\n    ", "    return 1", "return 1"),
        ("def f():\n    ", "        return 1", "return 1"),
        ("def f():\n", "    return 1", "    return 1"),
        ("def f():\n", "        return 1", "    return 1"),
        ("def f():\n  a = 1\n  ", "  return a", "return a"),
        ("class A:\n    def f(self):\n    ", "    return 1", "    return 1"),
        ('"""Options.\n\n    ', "    deeper", "    deeper"),
        ("x = [\n    ", "        1,", "        1,"),
        ("x = 1 + \\\n    ", "    2", "    2"),
        ('    x = """\ntext\n"""\n', "    y = 1", "    y = 1"),
        ("\tif a:\n\t", "    b()", "    b()"),
    ],
)
def test_no_line_is_deeper_than_python_allows(prefix, text, kept):
    assert drop_impossible_indentation(text, context(prefix)) == kept


@pytest.mark.parametrize(
    ("prefix", "text", "kept"),
    [
        ("func f() {\n\tif x {", "\n        return 1\n    }", "\n\t\treturn 1\n\t}"),
        ("func f() {\n\tif x {", "\n\t\treturn 1\n\t}", "\n\t\treturn 1\n\t}"),
        ("def f():\n  a = 1\n  if a:", "\n\t\treturn 1", "\n    return 1"),
        ("def f():\n    if a:", "\n        return 1", "\n        return 1"),
        ("", "\n\treturn 1", "\n\treturn 1"),
    ],
)
def test_indents_as_the_file_does(prefix, text, kept):
    assert fit_indentation(text, context(prefix)) == kept


@pytest.mark.parametrize(
    ("prefix", "indent", "kept"),
    [
        ("def f():", "\t", "\n\tif x:\n\t\treturn"),
        ("def f():", "  ", "\n  if x:\n    return"),
        ("def g():\n    pass\n\ndef f():", "\t", "\n    if x:\n        return"),
    ],
)
def test_the_editors_way_to_indent_counts_where_the_file_shows_none(prefix, indent, kept):
    text = "\n    if x:\n        return"
    assert fit_indentation(text, context(prefix, indent=indent)) == kept


def test_a_file_with_tabs_below_the_caret():
    below = context("func f() {", "\n\treturn\n}\n", "go")
    assert fit_indentation("\n    a()", below) == "\n\ta()"


def test_ends_with_its_block():
    text = "\n    return a\n\n\ndef g():\n    pass"
    assert text[: own_block_end(text, context("def f(a):"))] == "\n    return a"


@pytest.mark.parametrize(
    ("prefix", "text", "suffix", "kept"),
    [
        ("print(", "name)", ")", "name"),
        ("print(", "str(name))", ")", "str(name)"),
        ("foo(bar(", "x)", ")", "x)"),
        ("x = {'a': [", "1, 2]}", "]}", "1, 2"),
        ("call(", "a, b)\nother(c)", ")", "a, b"),
        ("x = foo(", "1)", "", "1)"),
        ("foo('(', ", "1)", ")", "1"),
    ],
)
def test_brackets_that_the_line_closes_are_not_closed_twice(prefix, text, suffix, kept):
    assert text[: own_block_end(text, context(prefix, suffix))] == kept


@pytest.mark.parametrize(
    ("prefix", "text", "suffix", "language", "kept"),
    [
        ('x = "', 'hello"', '"', "python", "hello"),
        ('log("', "it's\", a)", '")', "python", "it's"),
        ('"""', 'Say hello."""', '"""', "python", "Say hello."),
        ('x = "', 'hello"', "", "python", 'hello"'),
        ("let s = `", "a ${b}`", "`;", "typescript", "a ${b}"),
        ("x = 'a' + ", "'b'", "'", "python", "'b"),
        ('x = "he', 'llo"', '"', None, "llo"),
        ('["', 'SIZE"] = 5', '"]', "python", "SIZE"),
        ('{"package": "C', '/u", "files', '": {}}', "json", '/u", "files'),
        ('print(f"{', 'name}"', '}")', "python", "name"),
        ("import './", "a.js';\nimport './b", "';\n", "typescript", None),
        ('x = ["a', 'b",', '\n    "c",\n]', "python", 'b",'),
        ('"""Say', ' hello."""', '\n    """', "python", " hello."),
    ],
)
def test_a_string_is_not_closed_twice(prefix, text, suffix, language, kept):
    assert text[: overlap_end(text, context(prefix, suffix, language))] == (
        text if kept is None else kept
    )


@pytest.mark.parametrize(
    ("prefix", "text", "suffix", "kept"),
    [
        ("    a = 1\n    ", "b = 2\n    return a + b", "\n    return a + b\n", "b = 2"),
        ("    if a:", "\n        b()\n    else:\n        c()", "\n    else:\n", "\n        b()"),
        ("    ", "x = 1\n    return x", "return x\n", "x = 1\n    "),
        ("    ", "return x", "\n    return x\n", ""),
        ("f(", "first, name)", " name)", "first,"),
        ("a = ", "max", "x", "ma"),
        ("a = b", " + c;", ";", " + c"),
        ("x = ", "y + 1", " + 1", "y"),
        ("f(g(", "x)", ")", None),
        ("max(", "items, key=len)\nprint()", ", key=len)", "items"),
        ("    x = [", "\n        1,\n    ]", "\n    ]\n", "\n        1,"),
        ("if x", " > 1:", ":", " > 1"),
        ("    if a:", "\n        return x\n    b()", "\n    return x", None),
        ("    ", "with raises(E):\n        f(1)", "\n    with raises(E):\n        f(2)\n", None),
        (
            "    if a:",
            "\n        b()\n    else:\n        c()",
            "\n    else:\n        d()\n",
            "\n        b()",
        ),
    ],
)
def test_what_follows_is_not_said_again(prefix, text, suffix, kept):
    given = context(prefix, suffix)
    end = min(overlap_end(text, given), following_line_end(text, given))
    assert text[:end] == (text if kept is None else kept)


@pytest.mark.parametrize(
    ("prefix", "text", "kept"),
    [
        ("", "x.append(1)\nx.append(1)\nx.append(1)\nx.append(1)", "x.append(1)"),
        ("", "a = 10\nb = 2\n" * 3, "a = 10\nb = 2"),
        ("", "row(1)\nrow(1)\nb = 2", None),
        ("", "    }\n    }\n    }", None),
        ("import os\nimport sys\n", "import os\nimport sys", ""),
        ("x.append(1)\nx.app", "end(1)", ""),
        ("x.append(1)\nx.app", "end(2)", None),
        ("        return None\n    retu", "rn None", None),
        ("a = [\n", "    0,\n    0,\n    0,\n    0,\n", None),
    ],
)
def test_circles_are_cut(prefix, text, kept):
    assert text[: repeated_end(text, context(prefix))] == (text if kept is None else kept)


def test_white_space_at_the_end_stays_only_before_more_text():
    assert trim_end("a + \n\n", context("x = ")) == "a +"
    assert trim_end("a if b else ", context("x = ", "c")) == "a if b else "


@pytest.mark.parametrize("text", ["", "})", ")", "  }\n}\n", "];", "),"])
def test_tiny_suggestions_are_dropped(text):
    assert drop_trivial(text, context()) == ""


@pytest.mark.parametrize("text", ["):", "x", "()", "'')", "+ 1"])
def test_small_suggestions_with_content_stay(text):
    assert drop_trivial(text, context()) == text


def test_line_ends_are_the_files():
    assert restore_line_ends("a\nb", context(crlf=True)) == "a\r\nb"
    assert restore_line_ends("a\nb", context()) == "a\nb"


def test_a_file_with_crlf_is_completed_in_its_own_way():
    result = postprocess(
        "\n    return a\n    \ndef g():\n",
        context("def f(a):\r\n    if a:\r\n        pass\r\n    b = 1\r\n\r\ndef f(a):", "\r\n"),
    )
    assert result == "\r\n    return a"


def test_all_steps_together():
    given = context(
        "func load(path string) error {\n\tdata, err := os.ReadFile(",
        ")\n\treturn nil\n}\n",
        "go",
        marks=MARKS,
    )
    assert postprocess("path)\n    if err != nil {<|endoftext|>", given) == "path"
    assert postprocess(")<|endoftext|>", given) == ""


def test_the_steps_are_documented_functions():
    assert all(each.__doc__ for each in (*ENDS, *STEPS))


@settings(max_examples=150, deadline=None)
@given(
    prefix=st.text("ab(:{\n \t\"'#", max_size=30),
    text=st.text("ab()[]{}:\n \t\"'#<|E", max_size=60),
    suffix=st.text("ab)]}\n \"'", max_size=20),
    language=st.sampled_from(["python", "go", "typescript", None]),
)
def test_any_text_comes_out_without_marks_and_not_longer_than_its_tabs(
    prefix, text, suffix, language
):
    result = postprocess(text, context(prefix, suffix, language, marks=("<|E",)))
    assert "<|E" not in result
    assert "\r" not in result
    assert len(result) <= 8 * len(text)
