"""Where a renamed parameter or local variable stands as well, in languages other than Python.

A place is certain if the function declares the name once, if all its places are in the block that
declares it, and if none of them may mean something else: a label, a key, a shorthand for a field.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node, Tree

from completer.context.grammars import parse_within
from completer.next_edit.python_module import PARSED_WITHIN_MS
from completer.next_edit.renames import renamed
from completer.next_edit.snapshot import Candidate, Snapshot

_LONGEST = 60_000
"""Bytes of a function, which is looked through as a whole."""
_MAKE_MEMBERS = frozenset({"accessibility_modifier", "override_modifier", "readonly"})
"""A parameter with one of these is a field, too."""
_DECLARE = frozenset({"let", "const", "var", ":="})
"""Without one of these a loop's variable is another one's."""
_TRANSPARENT = frozenset({"expression_list", "literal_element", "assignment_pattern"})
_LOOPS = frozenset({"for_in_statement.left", "range_clause.left", "receive_statement.left"})


@dataclass(frozen=True, slots=True)
class _Language:
    """How a grammar names things: types of nodes, or roles, as `type.field`, with spaces between.

    `scopes` are blocks beside the `functions`; names are local to the outermost of these around
    them. `declares` is where a name is bound, `members` where it is another's; directly in one of
    the `unclear` nothing is said.
    """

    functions: str
    scopes: str
    declares: str
    unclear: str
    members: str = ""


_JAVASCRIPT = _Language(
    functions="function_declaration generator_function_declaration function_expression"
    " arrow_function method_definition",
    scopes="statement_block for_statement for_in_statement catch_clause",
    declares="variable_declarator.name formal_parameters. required_parameter.pattern"
    " optional_parameter.pattern arrow_function.parameter catch_clause.parameter"
    " for_in_statement.left function_declaration.name",
    unclear="array_pattern object_pattern rest_pattern pair_pattern object export_specifier"
    " jsx_opening_element jsx_closing_element jsx_self_closing_element class_declaration"
    " function_expression",
)
_LANGUAGES = {
    "javascript": _JAVASCRIPT,
    "typescript": _JAVASCRIPT,
    "typescriptreact": _JAVASCRIPT,
    "go": _Language(
        functions="function_declaration method_declaration func_literal",
        scopes="block for_statement if_statement expression_switch_statement expression_case"
        " type_switch_statement type_case communication_case",
        declares="parameter_declaration.name variadic_parameter_declaration.name var_spec.name"
        " const_spec.name short_var_declaration.left range_clause.left receive_statement.left",
        unclear="keyed_element.key",
    ),
    "java": _Language(
        functions="method_declaration constructor_declaration",
        scopes="block for_statement enhanced_for_statement catch_clause lambda_expression"
        " try_with_resources_statement constructor_body",
        declares="formal_parameter.name variable_declarator.name resource.name"
        " catch_formal_parameter.name enhanced_for_statement.name inferred_parameters."
        " lambda_expression.parameters",
        members="field_access.field method_invocation.name",
        unclear="method_reference switch_label labeled_statement break_statement"
        " continue_statement element_value_pair marker_annotation annotation class_declaration"
        " method_declaration field_declaration scoped_identifier",
    ),
    "rust": _Language(
        functions="function_item closure_expression",
        scopes="block for_expression match_arm if_expression",
        declares="parameter.pattern let_declaration.pattern for_expression.pattern"
        " closure_parameters.",
        unclear="shorthand_field_initializer tuple_pattern tuple_struct_pattern token_tree"
        " ref_pattern mut_pattern captured_pattern slice_pattern match_pattern let_condition"
        " scoped_identifier struct_pattern or_pattern function_item",
    ),
}


def after_local_rename(snapshot: Snapshot, language: str | None) -> Iterator[Candidate]:
    """Yield the other places of a local name whose declaration was renamed."""
    hunk, before = snapshot.hunk, snapshot.text(snapshot.hunk.path)
    found, grammar = renamed(hunk, before or ""), _LANGUAGES.get(language or "")
    if before is None or found is None or grammar is None or language is None:
        return
    start, old, new = found
    data = before.encode("utf-8", "replace")
    tree: Tree | None = parse_within(data, language, PARSED_WITHIN_MS)
    if tree is None or len(data) != len(before):  # bytes are characters, or nothing is said
        return
    for node in _places(tree.root_node, grammar, start, old, new):
        yield Candidate(hunk.path, node.start_byte, node.end_byte, new, "renamed")


def _places(root: Node, grammar: _Language, start: int, old: str, new: str) -> list[Node]:
    declared = root.named_descendant_for_byte_range(start, start + len(old))
    declares, functions = grammar.declares.split(), grammar.functions.split()
    if declared is None or not _is_declared(declared, declares):
        return []
    around = [each for each in _ancestors(declared) if each.type in functions]
    scopes = (*functions, *grammar.scopes.split())
    scope = next((each for each in _ancestors(declared) if each.type in scopes), None)
    if not around or scope is None or around[-1].has_error:
        return []
    if around[-1].end_byte - around[-1].start_byte > _LONGEST:
        return []
    leaves, members = list(_leaves(around[-1])), grammar.members.split()
    named = [each for each in leaves if each.type == "identifier" and _text(each) == old]
    places = [each for each in named if _role(each) not in members]
    once = [each for each in places if _role(each) in declares] == [declared]
    inside = all(declared.start_byte <= e.start_byte < scope.end_byte for e in places)
    is_clear = not any(_is_unclear(each, grammar.unclear.split()) for each in places)
    is_free = not any(_says(each, old, new) for each in leaves)
    return [e for e in places if e != declared] if once and inside and is_clear and is_free else []


def _is_declared(name: Node, declares: list[str]) -> bool:
    parent, role = _holder(name)[1], _role(name)
    tokens = {each.type for each in parent.children} if parent is not None else set()
    return role in declares and (role not in _LOOPS or not _DECLARE.isdisjoint(tokens))


def _is_unclear(name: Node, unclear: list[str]) -> bool:
    """Whether what is directly around a name makes it more than that name."""
    parent, role = name.parent, _role(name)
    if parent is None or not {parent.type, role.partition(".")[0], role}.isdisjoint(unclear):
        return True
    return any(each.type in _MAKE_MEMBERS for each in parent.children)


def _says(leaf: Node, old: str, new: str) -> bool:
    """Whether something is called by the new name, or by the old one where it is more than that."""
    text = _text(leaf)
    if leaf.type.startswith("shorthand"):
        return text in (old, new)
    return (leaf.type == "identifier" and text == new) or f"{{{old}" in text


def _role(name: Node) -> str:
    """What a name stands in, and as which of its fields; in a list of names, what the list does."""
    node, parent = _holder(name)
    if parent is None:
        return ""
    at = next(i for i, each in enumerate(parent.children) if each == node)
    return f"{parent.type}.{parent.field_name_for_child(at) or ''}"


def _holder(node: Node) -> tuple[Node, Node | None]:
    """The name, or the list or pattern that it begins, and what that stands in."""
    parent = node.parent
    if parent is None:
        return node, None
    is_default = parent.type == "assignment_pattern" and parent.children[-1] == node
    return _holder(parent) if parent.type in _TRANSPARENT and not is_default else (node, parent)


def _ancestors(node: Node) -> Iterator[Node]:
    around = node.parent
    while around is not None:
        yield around
        around = around.parent


def _leaves(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        here = waiting.pop()
        waiting += reversed(here.children)
        if not here.child_count:
            yield here


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
