"""Which files import a name."""

from pathlib import Path

import pytest

from completer.next_edit.imports import ImportTable, imported_names, is_module

ROOT = Path("/w")


def test_all_that_imports_name_is_found():
    text = "import a.b as c, d\nfrom .e import (f as g,  # h\n    i)\nfrom j import k\n"
    assert imported_names(text) == {"b", "d", "e", "f", "g", "i", "j", "k"}


def test_the_table_follows_files_and_folders():
    table = ImportTable(ROOT)
    table.update(ROOT / "p" / "a.py", "from m import x\n")
    table.update(ROOT / "p" / "b.py", "import x\n")
    table.update(ROOT / "c.txt", "import x\n")
    assert table.importing("x") == ["p/a.py", "p/b.py"]
    table.update(ROOT / "p" / "a.py", "import y\n")
    assert table.importing("x") == ["p/b.py"]
    table.update(ROOT / "p", None)
    assert table.importing("x") == table.importing("y") == []


@pytest.mark.parametrize(
    ("written", "importer", "file", "is_it"),
    [
        ("pkg.core", "tool.py", "pkg/core.py", True),
        ("pkg.core", "tests/test_core.py", "src/pkg/core.py", True),
        ("pkg", "tool.py", "pkg/__init__.py", True),
        (".core", "pkg/user.py", "pkg/core.py", True),
        ("..core", "pkg/sub/user.py", "pkg/core.py", True),
        (".", "pkg/user.py", "pkg/__init__.py", True),
        ("core", "pkg/user.py", "pkg/core.py", True),
        ("core", "tool.py", "pkg/core.py", False),
        (".core", "other/user.py", "pkg/core.py", False),
        ("...core", "user.py", "core.py", False),
        ("elsewhere.core", "tool.py", "pkg/core.py", False),
    ],
)
def test_a_module_is_told_by_where_it_is_imported(written, importer, file, is_it):
    assert is_module(written, importer, file) is is_it
