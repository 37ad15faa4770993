"""The calls of a function that its name makes certain, here and in the files that import it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from completer.next_edit.members import members
from completer.next_edit.outside import uses_outside
from completer.next_edit.python_module import Occurrence, PythonModule
from completer.next_edit.snapshot import Snapshot
from completer.place import Place


@dataclass(frozen=True, slots=True)
class Call:
    """A call. `is_bound`: what it passes begins behind the first parameter."""

    path: Place
    module: PythonModule
    node: Node
    is_bound: bool

    @property
    def arguments(self) -> list[Node]:
        """What is passed, in order."""
        passed = self.node.child_by_field_name("arguments")
        found = [] if passed is None else passed.named_children
        return [each for each in found if each.type != "comment"]


def is_parameter_of(name: Node, function: Node) -> bool:
    """Whether an identifier names a parameter of a function definition."""
    parameters = function.child_by_field_name("parameters")
    if function.type != "function_definition" or parameters is None:
        return False
    return parameters.start_byte <= name.start_byte < parameters.end_byte


def calls_of(snapshot: Snapshot, module: PythonModule, function: Node) -> Iterator[Call]:
    """Yield the calls of a function of the edited file; none where its name has two meanings."""
    called = function.child_by_field_name("name")
    if function.type != "function_definition" or called is None:
        return
    name, scope = module.slice(called), module.scope_of(function)
    is_method = scope.type == "class_definition"
    if is_method and name == "__init__":
        named = scope.child_by_field_name("name")
        yield from () if named is None else _of_name(snapshot, module, named, is_bound=True)
    elif is_method:
        binds = [e for e in module.occurrences(name) if e.role == "bind" and e.scope == scope]
        for each in members(module, scope, name) if len(binds) == 1 else ():
            if (call := _call_at(each)) is not None:
                object_ = module.slice(call.children[0]).partition(".")[0]
                class_name = scope.child_by_field_name("name")
                bound = class_name is None or object_ != module.slice(class_name)
                yield Call(snapshot.hunk.path, module, call, bound)
    else:
        yield from _of_name(snapshot, module, called, is_bound=False)


def _of_name(
    snapshot: Snapshot, module: PythonModule, called: Node, *, is_bound: bool
) -> Iterator[Call]:
    place = module.at(*module.span(called))
    references = module.references(place) if place is not None else []
    if place is None or len([each for each in references if each.role == "bind"]) != 1:
        return
    for each in references:
        if (call := _call_at(each)) is not None:
            yield Call(snapshot.hunk.path, module, call, is_bound)
    if place.scope == module.root:
        for path, outside in uses_outside(snapshot, place.name):
            for each in outside.uses:
                if (call := _call_at(each)) is not None:
                    yield Call(path, outside.module, call, is_bound)


def _call_at(place: Occurrence) -> Node | None:
    """Return the call of what stands at a place."""
    callee: Node | None = place.node
    if place.role == "attribute" and callee is not None:
        callee = callee.parent
    call = callee.parent if callee is not None else None
    is_call = call is not None and call.type == "call"
    return call if call and is_call and call.child_by_field_name("function") == callee else None
