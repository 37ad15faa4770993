"""Whether a file parses no worse with an edit than without it."""

from tree_sitter import Node

from completer.context.grammars import parse_within
from completer.next_edit.python_module import PARSED_WITHIN_MS


def errors(node: Node) -> int:
    """Count what does not parse beneath a node."""
    if not node.has_error:
        return 0
    here = int(node.is_error or node.is_missing)
    return here + sum(map(errors, node.children))


def errors_of(text: str, language: str) -> int | None:
    """Count what does not parse of a text; `None` where that takes too long."""
    tree = parse_within(text.encode("utf-8", "replace"), language, PARSED_WITHIN_MS)
    return None if tree is None else errors(tree.root_node)


def parses_no_worse(before: str, after: str, language: str | None) -> bool:
    """Whether a text has no more errors than one before; so for a language without a grammar.

    The text before is parsed only if the other one has errors.
    """
    if language is None:
        return True
    found = errors_of(after, language)
    if not found:
        return found == 0
    known = errors_of(before, language)
    return known is not None and found <= known
