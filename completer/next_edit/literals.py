"""Where a changed literal stands as well, doing the same: the same key, argument or value."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from completer.next_edit.edits import Hunk
from completer.next_edit.python_module import PythonModule
from completer.next_edit.snapshot import Candidate, Snapshot

_LITERALS = frozenset({"string", "integer", "float"})
_TELLING_STRING = re.compile(r"[^\W\d_][\w\-./: ]{2,}")
_TELLING_NUMBER = re.compile(r"\d{3,}|\d*\.\d{2,}|0[xX][\da-fA-F]{3,}")
_LOOKED_UP = frozenset({"get", "pop", "setdefault", "getenv", "getattr", "hasattr", "setattr"})
_ROUND = frozenset({"100", "1000", "10000", "1000000"})


def may_be_in_literal(hunk: Hunk, before: str) -> bool:
    """Whether an edit may be one of a literal, as far as that can be told without a parse."""
    line = before[before.rfind("\n", 0, hunk.start) + 1 : hunk.start]
    following = before[hunk.start : hunk.start + 1]
    quoted = "'" in line or '"' in line
    return "\n" not in hunk.old + hunk.new and (quoted or (following + hunk.old)[:1].isdigit())


def after_literal(snapshot: Snapshot, module: PythonModule) -> Iterator[Candidate]:
    """Yield the other places of a literal that was changed, where it says the same to the same."""
    hunk = snapshot.hunk
    node = _literal(module.node_at(hunk.start, hunk.end))
    after = snapshot.parsed(hunk.applied(module.text))
    if node is None or after is None:
        return
    start, end = module.span(node)
    changed = _literal(after.node_at(start, end + len(hunk.new) - len(hunk.old)))
    old, use = module.slice(node), _use(module, node)
    if changed is None or changed.type != node.type or not use[0] or not _is_telling(node, old):
        return
    if _use(after, changed) != use:
        return
    for found in re.finditer(re.escape(old), module.text):
        other = module.node_at(found.start(), found.end())
        equal = other is not None and other.type == node.type and module.slice(other) == old
        if equal and other is not None and _use(module, other) == use:
            new = after.slice(changed)
            yield Candidate(hunk.path, found.start(), found.end(), new, "literal changed")


def _literal(node: Node | None) -> Node | None:
    while node is not None and node.type in ("string_content", "string_start", "string_end"):
        node = node.parent
    if node is None or node.type not in _LITERALS:
        return None
    return None if any(each.type == "interpolation" for each in node.children) else node


def _is_telling(node: Node, text: str) -> bool:
    """Whether a literal is no word or number that stands for many things."""
    if node.type == "string":
        return bool(_TELLING_STRING.search(text))
    return text not in _ROUND and bool(_TELLING_NUMBER.fullmatch(text))


def _use(module: PythonModule, node: Node) -> tuple[str, str]:
    """Return what a literal is for, in words that are equal for places which mean the same."""
    parent = node.parent
    if parent is None:
        return "", ""
    if parent.type == "subscript" or (parent.type == "pair" and parent.named_children[0] == node):
        return "key", ""
    if parent.type in ("keyword_argument", "default_parameter", "typed_default_parameter"):
        name = parent.child_by_field_name("name")
        return "value", module.slice(name) if name is not None else ""
    if parent.type == "assignment":
        left = parent.child_by_field_name("left")
        return "value", module.slice(left).rpartition(".")[2] if left is not None else ""
    if parent.type == "comparison_operator":
        return "compared", module.slice(parent.named_children[0])
    if parent.type == "argument_list" and parent.parent is not None:
        return _argument(module, node, parent, parent.parent)
    return "", ""


def _argument(module: PythonModule, node: Node, listed: Node, call: Node) -> tuple[str, str]:
    function = call.child_by_field_name("function")
    name = module.slice(function).rpartition(".")[2] if function is not None else ""
    index = listed.named_children.index(node)
    if name in _LOOKED_UP and index == ("attr" in name):
        return "key", ""
    return ("argument", f"{name} {index}") if name else ("", "")
