"""The tree-sitter grammars, loaded when first asked for, and what is a definition in each."""

import importlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from threading import local

from tree_sitter import Language, Node, Parser, Query, QueryCursor, Tree

_ECMASCRIPT = """
    (function_declaration) @function
    (generator_function_declaration) @function
    (class_declaration) @class
    (method_definition) @method
    (program (lexical_declaration (variable_declarator) @constant))
    (program (export_statement (lexical_declaration (variable_declarator) @constant)))
"""
_TYPESCRIPT = (
    _ECMASCRIPT
    + """
    (abstract_class_declaration) @class
    (interface_declaration) @interface
    (type_alias_declaration) @type
    (enum_declaration) @enum
    (function_signature) @function
    (method_signature) @method
    (abstract_method_signature) @method
    (public_field_definition) @field
    (property_signature) @field
"""
)
_C = """
    (function_definition) @function
    (declaration declarator: (function_declarator)) @function
    (declaration declarator: (pointer_declarator (function_declarator))) @function
    (struct_specifier body: (_)) @struct
    (union_specifier body: (_)) @struct
    (enum_specifier body: (_)) @enum
    (type_definition) @type
    (field_declaration) @field
    (preproc_def) @constant
    (preproc_function_def) @macro
"""


@dataclass(frozen=True, slots=True)
class _Grammar:
    """Where a grammar comes from, and what is a definition in it.

    A capture names the kind of definition.
    """

    module: str
    definitions: str
    function: str = "language"


_GRAMMARS: dict[str, _Grammar] = {
    "python": _Grammar(
        "tree_sitter_python",
        """
        (function_definition) @function
        (class_definition) @class
        (module (expression_statement (assignment left: (identifier)) @constant))
        (class_definition (block (expression_statement (assignment left: (identifier)) @field)))
        """,
    ),
    "javascript": _Grammar(
        "tree_sitter_javascript",
        _ECMASCRIPT + "(field_definition) @field",
    ),
    "typescript": _Grammar(
        "tree_sitter_typescript",
        _TYPESCRIPT,
        "language_typescript",
    ),
    "typescriptreact": _Grammar(
        "tree_sitter_typescript",
        _TYPESCRIPT,
        "language_tsx",
    ),
    "go": _Grammar(
        "tree_sitter_go",
        """
        (function_declaration) @function
        (method_declaration) @method
        (method_elem) @method
        (type_spec) @type
        (type_alias) @type
        (source_file (const_declaration (const_spec) @constant))
        (source_file (var_declaration (var_spec) @constant))
        """,
    ),
    "rust": _Grammar(
        "tree_sitter_rust",
        """
        (function_item) @function
        (function_signature_item) @function
        (struct_item) @struct
        (enum_item) @enum
        (trait_item) @interface
        (impl_item) @container
        (type_item) @type
        (const_item) @constant
        (static_item) @constant
        (macro_definition) @macro
        (mod_item body: (_)) @container
        (field_declaration) @field
        """,
    ),
    "java": _Grammar(
        "tree_sitter_java",
        """
        (class_declaration) @class
        (interface_declaration) @interface
        (enum_declaration) @enum
        (record_declaration) @class
        (annotation_type_declaration) @interface
        (method_declaration) @method
        (constructor_declaration) @method
        (field_declaration) @field
        """,
    ),
    "c": _Grammar("tree_sitter_c", _C),
    "cpp": _Grammar(
        "tree_sitter_cpp",
        _C
        + """
        (class_specifier body: (_)) @class
        (namespace_definition) @container
        (alias_declaration) @type
        (field_declaration declarator: (function_declarator)) @method
        """,
    ),
}
_ALIASES = {"javascriptreact": "javascript"}

_PIECE = 16_384
_parsers = local()  # a parser must not be used by two threads at once


def _grammar(language: str | None) -> _Grammar | None:
    return _GRAMMARS.get(_ALIASES.get(language or "", language or ""))


@cache
def _loaded(module: str, function: str) -> Language:
    return Language(getattr(importlib.import_module(module), function)())


@cache
def _query(module: str, function: str, text: str) -> Query:
    return Query(_loaded(module, function), text)


def has_grammar(language: str | None) -> bool:
    """Whether `language` can be parsed."""
    return _grammar(language) is not None


def parse(source: bytes, language: str | None) -> Tree | None:
    """Parse UTF-8 text; `None` for a language without a grammar."""
    grammar = _grammar(language)
    if grammar is None:
        return None
    # In pieces that a Python function hands over: other threads run in between.
    return _parser(grammar).parse(lambda byte, _: source[byte : byte + _PIECE])


def parse_within(
    source: bytes, language: str | None, limit_ms: int, former: Tree | None = None
) -> Tree | None:
    """Parse UTF-8 text, going on from an edited `former` tree; `None` if it takes too long.

    A parser in C may take hours over a text that is made for it. Of the binding's two limits, the
    progress callback crashes (0.25); the other one is deprecated.
    """
    grammar = _grammar(language)
    if grammar is None:
        return None
    parser = _parser(grammar, limit_ms)
    try:
        return parser.parse(source) if former is None else parser.parse(source, former)
    except ValueError:
        parser.reset()
        return None


def _parser(grammar: _Grammar, limit_ms: int = 0) -> Parser:
    """Return this thread's parser, which gives up after so many milliseconds; 0 for never."""
    parsers: dict[str, Parser] = _parsers.__dict__
    key = f"{grammar.module}.{grammar.function} {limit_ms}"
    if key not in parsers:
        language = _loaded(grammar.module, grammar.function)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            parsers[key] = Parser(language, timeout_micros=1000 * limit_ms)
    return parsers[key]


def definition_nodes(tree: Tree, language: str) -> Iterator[tuple[str, Node]]:
    """Yield the definitions of `tree`, a parse in `language`, as (kind, node), outer ones first.

    Of two kinds for one node, `field` comes last: it is the less telling.
    """
    grammar = _grammar(language)
    if grammar is None:
        return
    query = _query(grammar.module, grammar.function, grammar.definitions)
    found: dict[tuple[str, int, int], Node] = {}
    for start in range(0, tree.root_node.end_byte, _PIECE):
        cursor = QueryCursor(query)
        cursor.set_byte_range(start, start + _PIECE)
        for kind, nodes in cursor.captures(tree.root_node).items():
            found.update(((kind, node.start_byte, node.end_byte), node) for node in nodes)
    yield from sorted(((kind, node) for (kind, _, _), node in found.items()), key=_outer_first)


def _outer_first(item: tuple[str, Node]) -> tuple[int, int, bool]:
    kind, node = item
    return node.start_byte, -node.end_byte, kind == "field"
