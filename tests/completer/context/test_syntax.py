import time

import pytest

from completer.context.syntax import caret_scope, identifiers_near, is_complete_block

PYTHON = """class Shop:
    def total(self, items):
        # add them up
        result = sum(item.price for item in items)
        return "€ " + result

    def close(self):
        pass
"""


def scope_at(source: str, marker: str, language: str):
    return caret_scope(source, source.index(marker), language)


def test_scope_in_a_python_method():
    scope = scope_at(PYTHON, "sum(", "python")
    assert scope.where == "code"
    assert scope.names == ("Shop", "total")
    assert scope.indentation == "        "
    assert not scope.at_line_end


@pytest.mark.parametrize(
    ("marker", "where"), [("them up", "comment"), (' " + result', "string"), ("pass", "code")]
)
def test_comments_and_strings(marker, where):
    assert scope_at(PYTHON, marker, "python").where == where


def test_scope_while_the_body_is_still_missing():
    source = "class A:\n    def f(self):\n        if x:\n            "
    assert caret_scope(source, len(source), "python").names == ("A", "f")
    assert caret_scope(source, len(source), "python").at_line_end
    assert caret_scope("def f():\n    pass\n", 18, "python").names == ()


@pytest.mark.parametrize(
    ("language", "source", "names"),
    [
        ("go", "package p\nfunc (s *S) Run(x int) {\n\ty := |\n}\n", ("Run",)),
        ("java", "class A {\n  void f() {\n    int x = |;\n  }\n}\n", ("A", "f")),
        ("typescript", "class A {\n  f() {\n    this.|\n  }\n}\n", ("A", "f")),
        ("rust", "impl S {\n    fn f(&self) {\n        self.|\n    }\n}\n", ("S", "f")),
        ("perl", "sub f { | }", ()),
    ],
)
def test_scope_in_other_languages(language, source, names):
    offset = source.index("|")
    assert caret_scope(source.replace("|", ""), offset, language).names == names


def test_scope_in_a_long_file_takes_bounded_time():
    source = PYTHON * 3_000
    started = time.perf_counter()
    for _ in range(10):
        scope = caret_scope(source, source.index("sum(", len(source) // 2), "python")
    assert (time.perf_counter() - started) / 10 < 0.1  # about 1 ms
    assert scope.names == ("Shop", "total")


def test_names_near_the_caret_come_first_and_once():
    offset = PYTHON.index("items)\n        return")
    near = identifiers_near(PYTHON, offset, 4, "python")
    assert near[0] == "in"
    assert "item" in near
    assert len(set(near)) == len(near) == 4
    assert "add" not in identifiers_near(PYTHON, offset, 100, "python")
    assert identifiers_near("", 0, 5) == []


@pytest.mark.parametrize(
    ("language", "text", "complete"),
    [
        ("python", "        return a + b", True),
        ("python", "    def f(self):\n        return 1\n", True),
        ("python", "def f(self):", False),
        ("python", "x = (1,", False),
        ("python", "x = 'a", False),
        ("python", "", False),
        ("javascript", "const a = () => { b() };", True),
        ("javascript", "  go(x) { return 1 }", True),
        ("typescript", "  private x: number = 1;", True),
        ("go", "\tif err != nil {\n\t\treturn err\n\t}", True),
        ("go", "func f() int { return 1 }", True),
        ("go", "\tif err != nil {", False),
        ("rust", "let a = b.iter().map(|x| x + 1);", True),
        ("rust", "let a = ", False),
        ("java", "@Override public int f() { return 1; }", True),
        ("java", "int a = 1;", True),
        ("c", "for (;;) { a++; }", True),
        ("c", "int f(void) { return 1; }", True),
        ("cpp", "auto x = std::make_unique<A>(1);", True),
        ("perl", "my $x = 1;", True),
        ("perl", "my $x = (", False),
    ],
)
def test_complete_blocks(language, text, complete):
    assert is_complete_block(text, language) is complete
