"""The places of a class's member that its syntax alone makes certain."""

from tree_sitter import Node

from completer.next_edit.python_module import Occurrence, PythonModule
from completer.next_edit.snapshot import Files

_PLAIN_BASES = frozenset(
    {"object", "ABC", "Protocol", "Generic", "Enum", "NamedTuple", "Exception"}
)


def members(module: PythonModule, owner: Node, name: str) -> list[Occurrence]:
    """Return the places where `name` is a member of the class `owner`: after `self`, or its name.

    Also after `cls`; whatever else an object is called, its class is not known.
    """
    return [
        each
        for each in module.occurrences(name)
        if each.role == "attribute" and class_of_object(module, each.node) == owner
    ]


def class_of_object(module: PythonModule, attribute: Node) -> Node | None:
    """Return the class that `x` in `x.attribute` surely is an object of, or is itself."""
    around = attribute.parent
    of = around.child_by_field_name("object") if around is not None else None
    if of is None or of.type != "identifier":
        return None
    name = module.slice(of)
    scope = module.bound_in(name, module.scope_of(of))
    if scope is None:
        return None
    if scope.type == "function_definition":
        owner = module.scope_of(scope)
        is_method = owner.type == "class_definition" and not _is_static(module, scope)
        first = _first_parameter(module, scope)
        is_only = len([each for each in module.occurrences(name) if _binds(each, scope)]) == 1
        return owner if is_method and first == name and is_only else None
    bound = [each for each in module.occurrences(name) if _binds(each, scope)]
    named = bound[0].node.parent if len(bound) == 1 else None
    return named if named is not None and named.type == "class_definition" else None


def is_ambiguous(files: Files, module: PythonModule, owner: Node, name: str) -> bool:
    """Whether a member may be an inherited one, so that its places may mean another's."""
    bases = owner.child_by_field_name("superclasses")
    named = [] if bases is None else [module.slice(each) for each in bases.named_children]
    if not [each for each in named if each.split("[")[0].rpartition(".")[2] not in _PLAIN_BASES]:
        return False
    others = [each for each in module.occurrences(name) if each.role == "bind"]
    in_other = any(e.scope.type == "class_definition" and e.scope != owner for e in others)
    return in_other or len(files.defining(name)) > 1


def _binds(each: Occurrence, scope: Node) -> bool:
    return each.role == "bind" and each.scope == scope


def _first_parameter(module: PythonModule, function: Node) -> str:
    parameters = function.child_by_field_name("parameters")
    first = parameters.named_children[:1] if parameters is not None else []
    while first and first[0].type != "identifier":
        first = first[0].named_children[:1]
    return module.slice(first[0]) if first else ""


def _is_static(module: PythonModule, function: Node) -> bool:
    around = function.parent
    if around is None or around.type != "decorated_definition":
        return False
    return any("staticmethod" in module.slice(e) for e in around.children if e.type == "decorator")
