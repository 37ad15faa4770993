import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from completer.context.definitions import Definition, definitions

PYTHON = '''"""Module."""
LIMIT = 10

class Account(Base):
    """An account \u00e9.

    More.
    """

    rate = 0.5

    @property
    def balance(self) -> int:
        "What is left."
        def local(): ...
        return 1

    async def pay(
        self, amount: int
    ) -> None:
        pass

def main(): ...
'''

CASES = {
    "javascript": (
        "// Adds.\n// More.\nexport const add = (a, b) => { return a + b };\n"
        "/** Runs.\n * all */\nfunction run(x) {}\nclass A extends B { size = 1; go(y) {} }\n",
        [
            ("constant", "add", "const add = (a, b) =>", "", "Adds."),
            ("function", "run", "function run(x)", "", "Runs."),
            ("class", "A", "class A extends B", "", ""),
            ("field", "size", "size = 1", "A", ""),
            ("method", "go", "go(y)", "A", ""),
        ],
    ),
    "typescript": (
        "interface Shape {\n  area(): number;\n  name: string;\n}\n"
        "export type Id = string;\nenum Color { Red }\nabstract class C { abstract g(): void }\n",
        [
            ("interface", "Shape", "interface Shape", "", ""),
            ("method", "area", "area(): number", "Shape", ""),
            ("field", "name", "name: string", "Shape", ""),
            ("type", "Id", "type Id = string;", "", ""),
            ("enum", "Color", "enum Color", "", ""),
            ("class", "C", "abstract class C", "", ""),
            ("method", "g", "abstract g(): void", "C", ""),
        ],
    ),
    "typescriptreact": (
        "export const App = () => <div/>;\n",
        [("constant", "App", "const App = () =>", "", "")],
    ),
    "go": (
        "package p\n\n// Open opens.\nfunc Open(name string) (*File, error) {\n\treturn nil\n}\n"
        "type File struct {\n\tsize int\n}\nfunc (f *File) Close() error { return nil }\n"
        "const Max = 1\n",
        [
            ("function", "Open", "func Open(name string) (*File, error)", "", "Open opens."),
            ("type", "File", "type File struct", "", ""),
            ("method", "Close", "func (f *File) Close() error", "", ""),
            ("constant", "Max", "const Max = 1", "", ""),
        ],
    ),
    "rust": (
        "pub struct P { x: u8 }\nimpl<T> Show for P {\n    /// Shows.\n"
        "    pub fn show(&self) -> u8 { 1 }\n}\ntrait Show { fn show(&self) -> u8; }\n",
        [
            ("struct", "P", "pub struct P", "", ""),
            ("field", "x", "x: u8", "P", ""),
            ("container", "P", "impl<T> Show for P", "", ""),
            ("method", "show", "pub fn show(&self) -> u8", "P", "Shows."),
            ("interface", "Show", "trait Show", "", ""),
            ("method", "show", "fn show(&self) -> u8;", "Show", ""),
        ],
    ),
    "java": (
        "class A {\n  int b;\n  /** Pays. */\n  public void pay(int n) throws E {}\n}\n",
        [
            ("class", "A", "class A", "", ""),
            ("field", "b", "int b;", "A", ""),
            ("method", "pay", "public void pay(int n) throws E", "A", "Pays."),
        ],
    ),
    "c": (
        "/* Adds. */\nint *add(int a) { return 0; }\nchar *name(void);\n"
        "typedef struct { int x; } T;\n#define MAX 1\n",
        [
            ("function", "add", "int *add(int a)", "", "Adds."),
            ("function", "name", "char *name(void);", "", ""),
            ("type", "T", "typedef struct { int x; } T;", "", ""),
            ("field", "x", "int x;", "T", ""),
            ("constant", "MAX", "#define MAX 1", "", ""),
        ],
    ),
    "cpp": (
        "namespace n {\nclass A {\npublic:\n  void f();\n};\nvoid A::f() {}\n}\n"
        "template <class T> T &pick(T x) { return x; }\n",
        [
            ("container", "n", "namespace n", "", ""),
            ("class", "A", "class A", "n", ""),
            ("method", "f", "void f();", "A", ""),
            ("method", "f", "void A::f()", "n", ""),
            ("function", "pick", "T &pick(T x)", "", ""),
        ],
    ),
}


def summary(found: list[Definition]) -> list[tuple[str, str, str, str, str]]:
    return [(d.kind, d.name, d.signature, d.container, d.doc) for d in found]


def test_python():
    found = definitions(PYTHON, "python")
    assert summary(found) == [
        ("constant", "LIMIT", "LIMIT = 10", "", ""),
        ("class", "Account", "class Account(Base):", "", "An account \u00e9."),
        ("field", "rate", "rate = 0.5", "Account", ""),
        ("method", "balance", "def balance(self) -> int:", "Account", "What is left."),
        ("method", "pay", "async def pay(self, amount: int) -> None:", "Account", ""),
        ("function", "main", "def main():", "", ""),
    ]
    assert [d.line for d in found] == [1, 3, 9, 12, 17, 22]
    assert PYTHON[found[3].start :].startswith("def balance")
    assert PYTHON[found[-1].start : found[-1].end] == "def main(): ..."


@pytest.mark.parametrize("language", CASES)
def test_other_languages(language):
    source, expected = CASES[language]
    assert summary(definitions(source, language)) == expected


def test_a_language_without_a_grammar_has_no_definitions():
    assert definitions("sub f { }", "perl") == []
    assert definitions("", None) == []


def test_definitions_around_broken_code_are_found():
    source = "def a(x):\n    return (x +\n\n\ndef b(y):\n    pass\n\n\nclass C:\n    def d(self):\n"
    assert {"a", "b"} <= {d.name for d in definitions(source, "python")}


def test_a_long_source_is_read_in_pieces_and_a_huge_one_not_at_all():
    one = "def f{}(a, b):\n    '''Doc {}.'''\n    return a\n\n"
    source = "".join(one.format(i, i) for i in range(3_000))
    found = definitions(source, "python")
    assert [d.name for d in found] == [f"f{i}" for i in range(3_000)]
    assert definitions(source * 4, "python") == []


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(st.sampled_from("def class fn struct(){}[]:;=\n \t'\"/*#\u00e9\U0001f600ab<>")),
    language=st.sampled_from(["python", *CASES]),
)
def test_any_text_gives_definitions_within_it(text, language):
    for definition in definitions(text, language):
        assert 0 <= definition.start <= definition.end <= len(text)
        assert definition.name in text


def test_a_declaration_of_thousands_is_read_in_linear_time():
    def seconds(count):
        source = "package p\nconst (\n" + "".join(f"  A{n} = 1\n" for n in range(count)) + ")\n"
        began = time.process_time()
        assert len(definitions(source, "go")) == count
        return time.process_time() - began

    assert seconds(4_000) < 24 * max(seconds(500), 0.005)


def test_a_comment_of_white_space_is_read_in_linear_time():
    source = "/*" + " " * 100_000 + "x" + "*" * 100_000 + "*/\nint f(void);\n"
    began = time.process_time()
    assert definitions(source, "c")[0].name == "f"
    assert time.process_time() - began < 2
