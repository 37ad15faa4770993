import pytest

from completer.context.languages import language_of_name, language_of_shebang


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("a.py", "python"),
        ("A.TSX", "typescriptreact"),
        ("Makefile", "makefile"),
        ("CMakeLists.txt", "cmake"),
        ("go.mod", "go.mod"),
        ("archive.tar.gz", None),
        ("LICENSE", None),
        (".py", None),
    ],
)
def test_names(name, language):
    assert language_of_name(name) == language


@pytest.mark.parametrize(
    ("head", "language"),
    [
        (b"#!/usr/bin/env python3\n", "python"),
        (b"#!/usr/bin/env -S node --flag\n", "javascript"),
        (b"#! /bin/sh -e\n", "shellscript"),
        (b"#!/usr/bin/python3.11\n", "python"),
        (b"#!/opt/unknown\n", None),
        (b"python\n", None),
    ],
)
def test_shebangs(head, language):
    assert language_of_shebang(head) == language
