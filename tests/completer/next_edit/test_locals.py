"""Renames of local names in languages other than Python."""

import pytest

from tests.completer.next_edit.folders import Folder


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.js", "function f(§) {\n  return `${§}` + g({ size: § }) + other.size + 'size';\n}\n"),
        ("a.js", "const f = (a) => {\n  let § = a;\n  return [§, () => §];\n};\nlet size = 1;\n"),
        ("a.ts", "const f = (§: number): number => {\n  return § * g(§);\n};\nlet size = 1;\n"),
        ("a.js", "function f(§ = 1, b) {\n  for (const c of b) g(§, c);\n}\n"),
        ("a.tsx", "function f(§?: T) {\n  return <p size={§}>{§}</p>;\n}\n"),
        ("a.go", "func f(§ int) int {\n\tw := §\n\treturn w.size + T{w: §}.size\n}\n"),
        ("a.go", "func f() {\n\tfor § := range g() {\n\t\th(§)\n\t}\n}\n"),
        ("a.java", "class A {\n  void f(int §) {\n    this.size = § + size();\n  }\n}\n"),
        ("a.rs", "fn f(§: usize) -> usize {\n    let w = §.max(1);\n    w.size + §\n}\n"),
    ],
)
def test_a_renamed_declaration_is_followed_in_its_function(name, text):
    before, after = text.replace("§", "size"), text.replace("§", "width")
    folder = Folder({name: before})
    at = text.index("§") - 2
    folder.edit(before[at : at + 6], after[at : at + 7], name)
    assert folder.follow(name) == text.count("§") - 1
    assert folder.files[name] == after


@pytest.mark.parametrize(
    ("name", "text", "old"),
    [
        ("a.js", "function f(a) { const b = 1; { const a = 2; } return a; }\n", "a) {"),
        ("a.js", "function f(a) { return { a }; }\n", "a) {"),
        ("a.js", "function f(a) { return [taken, a]; }\n", "a) {"),
        ("a.js", "function f() { if (x) { var a = 1; } return a; }\n", "a ="),
        ("a.js", "let a = 1;\nfunction f() { return a; }\n", "a ="),
        ("a.js", "function f(a) { return a +; }\n", "a) {"),
        ("a.js", "let a;\nfunction f(b = a) { g(a); }\n", "a) {"),
        ("a.js", "let a;\nfunction f() { for (a of b) g(a); }\n", "a of"),
        ("a.js", "let a;\nfunction f() { [a = 1] = b; g(a); }\n", "a = 1"),
        ("a.go", "var a int\nfunc f() {\n\tfor a = range b {\n\t\tg(a)\n\t}\n}\n", "a = r"),
        ("a.js", "function f(a) { return <a href={a}/>; }\n", "a) {"),
        ("a.ts", "class A { constructor(private a: T) { g(a); } }\n", "a:"),
        ("a.go", "func f(a int) T {\n\treturn T{a: a}\n}\n", "a int"),
        ("a.go", "func f() {\n\ta := 1\n\ta, b := g(a)\n}\n", "a :="),
        ("a.java", "class A { void f(int a) { g(x -> { int a; }); h(a); } }\n", "a) {"),
        ("a.rs", "fn f(a: T) {\n    let a = g(a);\n    h(a);\n}\n", "a:"),
        ("a.rs", 'fn f(a: T) {\n    println!("{a}");\n    h(a);\n}\n', "a:"),
        ("a.rs", "fn f(a: T) -> S {\n    S { a }\n}\n", "a:"),
        ("a.c", "int f(int a) { return a; }\n", "a)"),
        ("a.js", "function f(a) { return 'ä' + a; }\n", "a) {"),
    ],
)
def test_nothing_is_said_where_a_name_may_mean_something_else(name, text, old):
    folder = Folder({name: text})
    folder.edit(old, f"taken{old[1:]}", name)
    assert folder.next(name) == ()
