"""What is shown of an answer that does not parse, or whose names do not exist."""

import time

import pytest

from completer.answer import parse_check
from completer.answer.checking import Checked, check
from completer.answer.names_check import not_known, unresolved
from completer.answer.postprocess import TextContext
from completer.names.evidence import NameEvidence, NameKind, Names

EVIDENCE = NameEvidence(
    members={
        "self": Names(NameKind.SELF, frozenset({"size", "_items"})),
        "os": Names(NameKind.MODULE, frozenset({"path", "sep"})),
        "os.path": Names(NameKind.MODULE, frozenset({"join"})),
        "any": Names(NameKind.OPEN, frozenset({"x"})),
    },
    scope=Names(NameKind.SCOPE, frozenset({"self", "os", "any", "len", "key"})),
)
NESTED = "class A:\n    def f(self):\n        def inner(x):\n            return x\n"


@pytest.fixture(autouse=True)
def enough_time(monkeypatch):
    """On a busy machine nothing would be said of an answer."""
    monkeypatch.setattr(parse_check, "_IN_ALL_S", 60.0)
    monkeypatch.setattr(parse_check, "_TIME_LIMIT_MS", 20_000)


def at(caret: str, language: str = "python", evidence: NameEvidence | None = None) -> TextContext:
    prefix, suffix = caret.split("|")
    return TextContext(prefix=prefix, suffix=suffix, language=language, evidence=evidence)


@pytest.mark.parametrize(
    ("caret", "text", "shown"),
    [
        ("x = foo(|)\n", "a, b", "a, b"),
        ("x = foo(|)\n", "a, b)", "a, b"),
        ("x = foo(|\ny = 1\n", "a, b)", "a, b)"),
        ("x = foo(|\ny = 1\n", "a, b", ""),
        ("x = |\ny = 1\n", "a b", "a"),
        ("x = |\ny = 1\n", "f'{a", ""),
        ("def f(x):\n    |\n", "if x:", "if x:"),
        ("def f(x):\n    if x|\n        return 1\n", ":", ":"),
        ("def f(x):\n    if x|\n        return 1\n", " = 1", ""),
        ("def f(x):\n    |\n    y = 1\n", "try:\n        x()\n    except:\n        pass", None),
        ("class A:\n    |\n    def f(self):\n        pass\n", "@property", "@property"),
        ("x = '|\n", "a'", "a'"),
        ("x = (((\n\ny = |\n", "a b", "a b"),  # what stands before is broken already
        ("y = | = = 2\n", "a b", "a b"),  # and what stands behind
        ("# |\n", "a b (", "a b ("),
        ("def f(a):\n    re|\n        a,\n    )\n", "turn [a]", ""),
        ("def f(a):\n    re|\n        a,\n    )\n", "turn max(", "turn max("),
        ("if key a|\n    pass\n", "nd x = y:", ""),
        ("if key a|\n    pass\n", "nd x:", "nd x:"),
        ("from |\n", "_socket(", ""),
        ("def f(\n    mid|\n    y: int,\n):\n    pass\n", "dleware:", ""),
        ("def f(\n    mid|\n    y: int,\n):\n    pass\n", "dleware: int,", "dleware: int,"),
        ("x = [\n    1 |\n    2,\n]\n", "# or", ""),
        ("x = [\n    a\n    for a i|\n    if a\n]\n", "n b = c", "n b"),
        ("def re|\n    return x\n", "ad(self.x()) -> str:", ""),
        ("def f(|\n    return x\n", "a: int,", ""),
        ("class A(B|\n    x = 1\n", "ase.", ""),
        ("if (a or b|\n    x = 1\n", ") and (c:", ""),
        ("def f(\n    a=1,\n    b: |\n):\n    pass\n", "int,", ""),  # it wants a default
        (f"{NESTED}        raise E|\n\n    def g(self):\n        pass\n", "rror(", ""),
        (f"{NESTED}        raise E|\n\n    def g(self):\n        pass\n", "rror()", "rror()"),
    ],
)
def test_python_is_cut_to_what_parses(caret, text, shown):
    assert check(text, at(caret)).text == (text if shown is None else shown)


@pytest.mark.parametrize(
    ("language", "caret", "text", "shown"),
    [
        ("javascript", "const x = foo(|);\n", "a, b);\n}", "a, b"),
        ("go", "package a\nfunc f() {\n\tx := |\n}\n", "g(1", ""),
        ("rust", "fn f() {\n    let x = |\n}\n", "1;", "1;"),
        ("fortran", "x = |\n", "((", "(("),
    ],
)
def test_other_languages_are_cut_to_what_parses(language, caret, text, shown):
    assert check(text, at(caret, language)).text == shown


def test_what_was_asked_for_by_hand_comes_and_says_what_is_wrong():
    context = at("x = |\ny = 1\n")

    assert check("foo(a", context, keep=True).text == "foo(a"
    assert check("foo(a", context, keep=True).problem == "does not parse"
    assert check("foo(a", context, syntax=False).problem is None
    assert check("foo(a)", context, keep=True).problem is None


def test_what_a_limit_of_tokens_ended_is_cut_where_something_remains():
    assert check("f'{a", at("x = |\ny = 1\n"), unfinished=True) == Checked("f'{a", "does not parse")
    assert check("a b", at("x = |\ny = 1\n"), unfinished=True) == Checked("a")


def test_what_is_held_back_says_why():
    assert check("a, b", at("x = foo(|\ny = 1\n")).problem == "does not parse"


def test_lines_keep_their_ends():
    context = at("def f(x):\r\n    |\r\n")

    assert check("y = x\r\n    return y\r\n    z = (", context).text == "y = x\r\n    return y"


def test_where_parsing_takes_too_long_nothing_is_said(monkeypatch):
    monkeypatch.setattr(parse_check, "_TIME_LIMIT_MS", 1)
    context = at("x = [" + "{" * 8_000 + "|\n")

    started = time.perf_counter()
    checked = check("a b", context)

    assert checked.text == "a b"
    assert time.perf_counter() - started < 30.0  # and not hours


@pytest.mark.parametrize(
    ("caret", "text", "names"),
    [
        ("|\n", "self.size + self.count", ["count"]),
        ("x = self|\n", ".count", ["count"]),
        ("x = self.co|\n", "unt + 1", ["count"]),
        ("x = self.si|\n", "ze + 1", []),
        ("x = self.|ze\n", "si", []),
        ("|\n", "self.count = 1", []),
        ("|\n", "os.path.joined(key)", ["joined"]),
        ("|\n", "os.paths.join(key)", ["paths"]),
        ("|\n", "any.thing", []),
        ("|\n", "self._items.thing", []),
        ("|\n", "'self.count'  # self.count", []),
        ("x = '|'\n", "self.count", []),
        ("|\n", "len(value)", ["value"]),
        ("|\n", "[each for each in key]", []),
        ("|\n", "lambda each: each", []),
        ("|\n", "os(value=key)", []),
        ("|\n", "f'{value} {key}'", ["value"]),
        ("    |\n", "value = key\n    len(value)", []),
        ("if len(|\n", "values):", ["values"]),
        ("    for |\n", "value in key:", []),
        ("x = va|\n", "lue", ["value"]),
    ],
)
def test_names_that_do_not_exist_are_found(caret, text, names):
    assert [each.name for each in unresolved(text, at(caret).around, EVIDENCE)] == names


def test_offsets_are_those_of_the_answer():
    (found,) = unresolved("len(value)", at("x = |\n").around, EVIDENCE)

    assert ("len(value)"[found.start : found.end], found.name) == ("value", "value")


def test_names_at_the_caret():
    names = Names(NameKind.IMPORTABLE, frozenset({"path"}))
    evidence = NameEvidence(at_caret=names)

    assert not unresolved("path", at("from os import |\n").around, evidence)
    assert unresolved("paths", at("from os import |\n").around, evidence)
    assert unresolved("ths", at("from os import pa|\n").around, evidence)


@pytest.mark.parametrize(
    ("caret", "text", "owners", "modules"),
    [
        ("|\n", "os.path.join(key)", (), ()),
        ("|\n", "re.compile(os.path)", ("re",), ()),
        ("|\n", "self.thing.size.x", ("self.thing", "self.thing.size"), ()),
        ("x = re.|\n", "compile", ("re",), ()),
        ("x = re.e|\n", " + y", (), ()),
        ("|\n", "re = f()\nre.compile", (), ()),
        ("# |\n", "re.compile", (), ()),
        ("from .a im|\n", "port b, c", (), (".a",)),
        ("from .|\n", "a.b import (\n    c as d,\n    e)", (), (".a.b",)),
        ("from a import b|\n", ", c", (), ("a",)),
        ("import a|\n", ".b", (), ()),
    ],
)
def test_what_is_asked_about_an_answer(caret, text, owners, modules):
    assert not_known(text, at(caret).around, EVIDENCE) == (
        (owners, modules) if owners or modules else None
    )


@pytest.mark.parametrize(
    ("caret", "text", "names"),
    [
        ("|\n", "re.encode()", ["encode"]),
        ("|\n", "re.compile()", []),
        ("|\n", "for re in key:\n    re.encode()", []),
        ("from .a im|\n", "port b, c", ["c"]),
        ("from .a im|\n", "port (\n    b as c,\n    d,\n)", ["d"]),
        ("from .|\n", "a import c", ["c"]),
        ("from .a import b, |c\n", "b", []),  # the name goes on
        ("from .open im|\n", "port c", []),
        ("from .b im|\n", "port c", []),
        ("'|'\n", "from .a import c", []),
    ],
)
def test_what_was_asked_of_an_answer_counts(caret, text, names):
    named = NameEvidence(
        members={"re": Names(NameKind.MODULE, frozenset({"compile"}))},
        modules={
            ".a": Names(NameKind.IMPORTABLE, frozenset({"b"})),
            ".open": Names(NameKind.OPEN, frozenset({"b"})),
        },
    )
    evidence = EVIDENCE.with_named(named)

    assert [
        each.name for each in unresolved(text, at(caret).around, evidence) if each.name != "re"
    ] == names


def test_whole_lines_before_a_wrong_name_stay():
    context = at("def f(self):\n    |\n", evidence=EVIDENCE)

    assert check("x = self.size\n    y = self.count", context).text == "x = self.size"
    assert check("y = self.count", context).problem == "name does not exist"
    assert check("y = self.count", context, keep=True).text == "y = self.count"
    assert check("y = self.count", context, names=False).text == "y = self.count"
