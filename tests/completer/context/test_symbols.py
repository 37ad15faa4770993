from completer.context.definitions import definitions
from completer.context.symbols import FileSymbols, SymbolTable


def symbols(path: str, source: str) -> FileSymbols:
    return FileSymbols(path, "python", tuple(definitions(source, "python")))


def paths(table: SymbolTable, name: str) -> list[str]:
    return [file.path for file in table.lookup(name)]


def test_names_are_found_in_all_files_that_define_them():
    table = SymbolTable()
    table.put(symbols("a.py", "def f(): pass\nclass C:\n    x = 1\n"))
    table.put(symbols("b.py", "def f(): pass\n"))
    assert paths(table, "f") == ["a.py", "b.py"]
    assert paths(table, "x") == []
    assert [item.line for item in table.lookup("C")[0].named("C")] == [1]
    assert [item.name for item in table.lookup("C")[0].members("C")] == ["x"]


def test_an_update_replaces_and_a_removal_forgets():
    table = SymbolTable()
    table.put(symbols("a.py", "def f(): pass\n"))
    table.put(symbols("a.py", "def g(): pass\n"))
    assert (paths(table, "f"), paths(table, "g"), len(table)) == ([], ["a.py"], 1)
    table.remove("a.py")
    table.remove("unknown.py")
    assert (paths(table, "g"), len(table)) == ([], 0)


def test_a_folder_is_forgotten_as_a_whole():
    table = SymbolTable()
    for path in ("pkg/a.py", "pkg/sub/b.py", "pkg2/c.py"):
        table.put(symbols(path, "def f(): pass\n"))
    table.remove("pkg")
    assert paths(table, "f") == ["pkg2/c.py"]


def test_over_capacity_the_oldest_file_goes():
    table = SymbolTable(capacity=3)
    table.put(symbols("a.py", "A = 1\nB = 2\n"))
    table.put(symbols("b.py", "C = 1\n"))
    table.put(symbols("a.py", "A = 1\nB = 2\n"))
    table.put(symbols("c.py", "D = 1\n"))
    assert len(table) == 3
    assert paths(table, "C") == []
    assert paths(table, "A") == ["a.py"]


def test_the_language_is_that_of_most_files():
    table = SymbolTable()
    assert table.language is None
    for path in ("a.py", "b.py", "c.py"):
        table.put(symbols(path, "def f(): pass\n"))
    for path in ("d.js", "e.js"):
        table.put(FileSymbols(path, "javascript", ()))
    assert table.language == "python"
    table.remove("a.py")
    table.put(FileSymbols("b.py", "javascript", ()))
    assert table.language == "javascript"
    table.remove("e.js")
    table.put(symbols("c.py", "x = 1\n"))
    table.put(symbols("b.py", "x = 1\n"))
    table.put(FileSymbols("f.js", "javascript", ()))
    assert table.language is None
