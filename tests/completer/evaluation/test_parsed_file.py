"""Which characters are code, and which nodes stand around one."""

from pathlib import Path

import pytest

from completer.evaluation.parsed_file import ParsedFile

PYTHON = '''"""What the
module is for."""
import os  # for paths

NAME = "grüße"
"""What the name is for."""


class Shop:
    """Sells."""

    def price(self, count: int) -> int:
        "In cents."
        return count * len(NAME)  # naïve
'''
GO = """package shop

// Price is in cents.
func Price(count int) int {
\t/* each
\tone */ return count * 7
}
"""


def source(text: str, language: str) -> ParsedFile:
    return ParsedFile(Path("file"), language, text)


def code_of(text: str, language: str) -> str:
    marked = source(text, language)
    return "".join(c for c, is_code in zip(text, marked.is_code, strict=True) if is_code)


def test_python_code_is_what_is_neither_comment_nor_docstring():
    assert code_of(PYTHON, "python") == (
        'importosNAME="grüße"classShop:defprice(self,count:int)->int:returncount*len(NAME)'
    )


def test_go_code_is_what_is_no_comment():
    assert code_of(GO, "go") == "packageshopfuncPrice(countint)int{returncount*7}"


def test_nodes_around_a_character_are_found_behind_wide_characters():
    text = PYTHON
    nodes = source(text, "python").nodes_at(text.index("len(NAME)"))

    found = [text[start:end] for start, end in nodes]
    assert found[:3] == ["len", "len(NAME)", "count * len(NAME)"]
    assert text not in found


def test_nodes_that_do_not_parse_are_left_out():
    text = "good = 1\nbad = (\n"
    assert list(source(text, "python").nodes_at(text.index("("))) == []


def test_lines_end_where_the_text_does():
    text = "one\ntwo"
    marked = source(text, "python")

    assert (marked.line_start(5), marked.line_end(5)) == (4, 7)
    assert (marked.line_start(3), marked.line_end(3)) == (0, 3)


def test_a_language_without_a_grammar_is_refused():
    with pytest.raises(ValueError, match="no grammar for cobol"):
        source("MOVE 1 TO X.", "cobol")
