"""The languages that can be trained on: their files, grammars and definitions."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from tree_sitter import Language, Node, Parser, Query, QueryCursor

DEFAULT = "python"


@dataclass(frozen=True)
class Grammar:
    """One language; `named` are node types of its grammar that have a `name`."""

    suffixes: tuple[str, ...]
    module: str  # a package of tree-sitter
    named: tuple[str, ...] = ()
    patterns: str = ""  # of further definitions, in tree-sitter's query language
    entry: str = "language"  # the package's function that returns the grammar

    def parse(self, text: bytes) -> Node:
        """The root of a text's syntax tree; broken text is no error."""
        return self._parser.parse(text).root_node

    def definitions(self, text: bytes) -> list[tuple[str, Node]]:
        """Names that a text defines, each with its node, in no order."""
        matches = QueryCursor(self._query).matches(self.parse(text))
        found = [(captured["name"][0], captured["definition"][0]) for _, captured in matches]
        return [(text[n.start_byte : n.end_byte].decode(), node) for n, node in found]

    @cached_property
    def _language(self) -> Language:
        return Language(getattr(importlib.import_module(self.module), self.entry)())

    @cached_property
    def _parser(self) -> Parser:
        return Parser(self._language)

    @cached_property
    def _query(self) -> Query:
        named = "".join(f"({kind} name: (_) @name) @definition" for kind in self.named)
        return Query(self._language, named + self.patterns)


_SCRIPT = ("function_declaration", "class_declaration", "method_definition")
_TYPED = (*_SCRIPT, "interface_declaration", "type_alias_declaration", "enum_declaration")

LANGUAGES: dict[str, Grammar] = {
    "python": Grammar(
        (".py",),
        "tree_sitter_python",
        ("function_definition", "class_definition"),
        "(module (expression_statement (assignment left: (identifier) @name) @definition))",
    ),
    "javascript": Grammar((".js", ".mjs", ".jsx"), "tree_sitter_javascript", _SCRIPT),
    "typescript": Grammar((".ts",), "tree_sitter_typescript", _TYPED, entry="language_typescript"),
    "typescriptreact": Grammar((".tsx",), "tree_sitter_typescript", _TYPED, entry="language_tsx"),
    "go": Grammar(
        (".go",), "tree_sitter_go", ("function_declaration", "method_declaration", "type_spec")
    ),
    "java": Grammar(
        (".java",),
        "tree_sitter_java",
        ("class_declaration", "interface_declaration", "enum_declaration", "method_declaration"),
    ),
    "rust": Grammar(
        (".rs",), "tree_sitter_rust", ("function_item", "struct_item", "enum_item", "trait_item")
    ),
    "c": Grammar(
        (".c", ".h"),
        "tree_sitter_c",
        patterns="""
        (function_definition declarator: (_ declarator: (identifier) @name)) @definition
        (function_definition declarator: (_ declarator: (_ declarator: (identifier) @name)))
          @definition
        (struct_specifier name: (_) @name body: (_)) @definition
        (preproc_def name: (_) @name) @definition
        """,
    ),
}

_BY_SUFFIX = {suffix: name for name, each in LANGUAGES.items() for suffix in each.suffixes}


def language_of(path: PurePath | str) -> str:
    """A file's language by its name; Python where the name says nothing else."""
    return _BY_SUFFIX.get(PurePath(path).suffix.lower(), DEFAULT)


def suffixes_of(languages: Iterable[str]) -> frozenset[str]:
    """Which files are in one of the languages. Raises ValueError for a language not known."""
    unknown = sorted(set(languages) - LANGUAGES.keys())
    if unknown:
        known = ", ".join(LANGUAGES)
        raise ValueError(f"there is no grammar for {', '.join(unknown)}: name some of {known}")
    return frozenset(suffix for name in languages for suffix in LANGUAGES[name].suffixes)
