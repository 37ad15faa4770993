"""Where a renamed name stands as well: its scope, its class, its calls, and who imports it."""

import keyword
from collections.abc import Iterator

from tree_sitter import Node

from completer.next_edit.calls import calls_of, is_parameter_of
from completer.next_edit.edits import Hunk
from completer.next_edit.members import is_ambiguous, members
from completer.next_edit.outside import uses_outside
from completer.next_edit.python_module import Occurrence, PythonModule
from completer.next_edit.snapshot import Candidate, Snapshot


def renamed(hunk: Hunk, before: str) -> tuple[int, str, str] | None:
    """Return where a name stood, and the old and the new one, if the edit replaced one name."""
    start, end = hunk.start, hunk.end
    while start > 0 and _is_word(before[start - 1]):
        start -= 1
    while end < len(before) and _is_word(before[end]):
        end += 1
    old = before[start:end]
    new = before[start : hunk.start] + hunk.new + before[hunk.end : end]
    return (start, old, new) if old != new and _is_name(old) and _is_name(new) else None


def after_rename(snapshot: Snapshot, module: PythonModule) -> Iterator[Candidate]:
    """Yield the other places of a name, where its first binding was renamed.

    Another binding may have become another variable, and a use may mean another one: after these
    nothing is yielded, nor after `name = made_of(name)`, of which only what is read is certain, nor
    where the new name means something already.
    """
    found = renamed(snapshot.hunk, module.text)
    place = module.at(found[0], found[0] + len(found[1])) if found else None
    if found is None or place is None:
        return
    _, old, new = found
    path = snapshot.hunk.path

    def candidate(each: Occurrence) -> Candidate:
        return Candidate(path, each.start, each.end, new, "renamed")

    if place.role == "attribute":
        owner = _first_member_of(module, place)
        if owner is not None:
            yield from map(candidate, _member_places(snapshot, module, owner, old, new))
        return
    references = module.references(place)
    bindings = [each for each in references if each.role == "bind"]
    scope = module.binding(place)
    if scope is None or place != bindings[0] or _is_taken(module, scope, new):
        return
    yield from map(candidate, _until_rebound(references))
    if scope.type == "class_definition":
        yield from map(candidate, _member_places(snapshot, module, scope, old, new))
    elif is_parameter_of(place.node, scope):
        yield from _keywords(snapshot, module, scope, old, new)
    elif scope == module.root and not _is_imported(place.node):
        for other, outside in uses_outside(snapshot, old):
            if not _is_taken(outside.module, outside.module.root, new):
                for each in outside.spelled:
                    yield Candidate(other, each.start, each.end, new, "renamed")


def _until_rebound(references: list[Occurrence]) -> list[Occurrence]:
    """Leave out what a value is called that is made of the one before, and all that follows."""
    for each in references[1:]:
        statement = each.node.parent
        is_assignment = statement is not None and statement.type == "assignment"
        if each.role != "bind" or statement is None or not is_assignment:
            continue
        value = statement.child_by_field_name("right")
        read = [e for e in references if value is not None and _is_inside(e.node, value)]
        if value is not None and read:
            return [e for e in references if e is not each and e.node.end_byte <= value.end_byte]
    return references


def _is_inside(node: Node, outer: Node) -> bool:
    return outer.start_byte <= node.start_byte < outer.end_byte


def _keywords(
    snapshot: Snapshot, module: PythonModule, function: Node, old: str, new: str
) -> Iterator[Candidate]:
    for call in calls_of(snapshot, module, function):
        for argument in call.arguments:
            name = argument.child_by_field_name("name")
            if argument.type == "keyword_argument" and name and call.module.slice(name) == old:
                yield Candidate(call.path, *call.module.span(name), new, "renamed")


def _first_member_of(module: PythonModule, place: Occurrence) -> Node | None:
    """Return the class whose attribute is first set at this place, in a method."""
    for owner in _classes_around(place.node):
        found = members(module, owner, place.name)
        if place in found:
            bound = [each for each in module.occurrences(place.name) if each.scope == owner]
            return owner if not bound and place == found[0] and _is_set(place.node) else None
    return None


def _member_places(
    snapshot: Snapshot, module: PythonModule, owner: Node, old: str, new: str
) -> list[Occurrence]:
    taken = members(module, owner, new) or _is_taken(module, owner, new)
    if taken or is_ambiguous(snapshot.files, module, owner, old):
        return []
    return members(module, owner, old)


def _is_taken(module: PythonModule, scope: Node, name: str) -> bool:
    """Whether a name is used in a scope."""
    used = (each for each in module.occurrences(name) if each.role in ("bind", "load", "declared"))
    return any(scope.start_byte <= each.node.start_byte < scope.end_byte for each in used)


def _classes_around(node: Node) -> Iterator[Node]:
    around = node.parent
    while around is not None:
        if around.type == "class_definition":
            yield around
        around = around.parent


def _is_set(node: Node) -> bool:
    target = node.parent
    statement = target.parent if target is not None else None
    if statement is None or statement.type != "assignment":
        return False
    return statement.child_by_field_name("left") == target


def _is_imported(node: Node) -> bool:
    return node.parent is not None and node.parent.type in ("dotted_name", "aliased_import")


def _is_name(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def _is_word(character: str) -> bool:
    return character == "_" or character.isalnum()
