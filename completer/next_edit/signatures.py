"""Where calls have to follow when a parameter came to a function, or went."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from completer.next_edit.calls import Call, calls_of
from completer.next_edit.edits import Hunk
from completer.next_edit.python_module import PythonModule
from completer.next_edit.snapshot import Candidate, Snapshot

_SPLATS = frozenset({"list_splat", "dictionary_splat"})
_ROOT_NAME = re.compile(r"(?<![\w.\"'])[^\W\d]\w*(?!\w*[\"'=])")
_CONSTANTS = frozenset({"None", "True", "False", "self", "cls"})
_HEAD = 4_096


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    required: bool
    by_name: bool  # it can only be passed by its name
    index: int


def may_be_in_signature(hunk: Hunk, before: str) -> bool:
    """Whether an edit may be one of parameters, as far as that can be told without a parse."""
    begin = before.rfind("def ", max(0, hunk.start - _HEAD), hunk.start)
    head = before[begin : hunk.start] if begin >= 0 else ""
    return head.count("(") > head.count(")")


def after_signature(snapshot: Snapshot, module: PythonModule) -> Iterator[Candidate]:
    """Yield the edits of a function's calls, where exactly one of its parameters came or went.

    A new argument is what a call edited since was given; or else the parameter's own name, where
    that is bound. A parameter with a default asks nothing of the calls.
    """
    hunk = snapshot.hunk
    after = snapshot.parsed(hunk.applied(module.text))
    function = _function_at(module, hunk.start, hunk.end)
    changed = after and _function_at(after, hunk.start, hunk.start + len(hunk.new))
    if after is None or function is None or not changed or _is_broken(changed):
        return
    was, now = _parameters(module, function), _parameters(after, changed)
    kept = {each.name for each in was} & {each.name for each in now}
    came = [each for each in now if each.name not in kept]
    went = [each for each in was if each.name not in kept]
    calls = [call for call in calls_of(snapshot, module, function) if not _unpacks(call)]
    if len(came) == 1 and not went and came[0].required:
        yield from _additions(snapshot, calls, came[0])
    elif len(went) == 1 and not came:
        for call in calls:
            yield from _removal(call, went[0])


def _additions(snapshot: Snapshot, calls: list[Call], came: _Parameter) -> Iterator[Candidate]:
    places = [(call, *_new_argument(call, came)) for call in calls if not _named(call, came.name)]
    given = [
        hunk.new.strip(", \n")
        for hunk in snapshot.later[1:]
        for call, at, _, _ in places
        if not hunk.old and hunk.path == call.path and _made_at(snapshot, call, at) == hunk
    ]
    value = given[-1].removeprefix(f"{came.name}=") if given else came.name
    for call, at, ahead, behind in places:
        if _means_something(call, value):
            new = f"{ahead}{value}{behind}"
            yield Candidate(call.path, at, at, new, "parameter added")


def _made_at(snapshot: Snapshot, call: Call, at: int) -> Hunk | None:
    """Return the edit that was made since exactly at a place of the snapshot."""
    for hunk in snapshot.later:
        if hunk.path == call.path and hunk.start <= at <= hunk.end:
            return hunk
        if hunk.path == call.path and hunk.end < at:
            at += len(hunk.new) - len(hunk.old)
    return None


def _new_argument(call: Call, came: _Parameter) -> tuple[int, str, str]:
    """Return where an argument goes, and what stands ahead of and behind its value."""
    arguments = call.arguments
    positional = [each for each in arguments if each.type != "keyword_argument"]
    index = came.index - call.is_bound
    named = came.by_name or index > len(positional)
    value = f"{came.name}=" if named else ""
    if not named and index < len(arguments):
        return call.module.span(arguments[index])[0], value, ", "
    if arguments:
        return call.module.span(arguments[-1])[1], f", {value}", ""
    passed = call.node.child_by_field_name("arguments") or call.node
    return call.module.span(passed)[0] + 1, value, ""


def _removal(call: Call, went: _Parameter) -> Iterator[Candidate]:
    """Yield the edit that takes an argument out of a call, with the comma that it leaves."""
    arguments = call.arguments
    index = next((i for i, each in enumerate(arguments) if _names(call, each, went.name)), None)
    if index is None:
        index = went.index - call.is_bound
        positional = [each for each in arguments if each.type != "keyword_argument"]
        if went.by_name or not 0 <= index < len(positional):
            return
    start, end = call.module.span(arguments[index])
    if index + 1 < len(arguments):
        end = call.module.span(arguments[index + 1])[0]
    elif index:
        start = call.module.span(arguments[index - 1])[1]
    yield Candidate(call.path, start, end, "", "parameter removed")


def _function_at(module: PythonModule, start: int, end: int) -> Node | None:
    """Return the function whose parameters hold these characters."""
    node = module.node_at(start, end)
    while node is not None and node.type != "parameters":
        node = None if node.type in ("block", "lambda_parameters") else node.parent
    return node.parent if node is not None else None


def _is_broken(function: Node) -> bool:
    """Whether the parameters do not parse: an edit of them is not done yet."""
    parameters = function.child_by_field_name("parameters")
    return parameters is None or parameters.has_error


def _parameters(module: PythonModule, function: Node) -> list[_Parameter]:
    found: list[_Parameter] = []
    listed = function.child_by_field_name("parameters")
    by_name = False
    for each in listed.named_children if listed is not None else ():
        name: Node | None = each
        if each.type in ("keyword_separator", "list_splat_pattern"):
            by_name = True
            continue
        if each.type in ("comment", "positional_separator", "dictionary_splat_pattern"):
            continue
        if each.type != "identifier":
            name = each.child_by_field_name("name") or next(iter(each.named_children), None)
        if name is None or name.type != "identifier":
            by_name = by_name or (name is not None and name.type == "list_splat_pattern")
            continue
        required = "default" not in each.type
        found.append(_Parameter(module.slice(name), required, by_name, len(found)))
    return found


def _unpacks(call: Call) -> bool:
    """Whether a call's arguments cannot be counted."""
    passed = call.node.child_by_field_name("arguments")
    is_list = passed is not None and passed.type == "argument_list"
    return not is_list or any(each.type in _SPLATS for each in call.arguments)


def _named(call: Call, name: str) -> bool:
    return any(_names(call, each, name) for each in call.arguments)


def _names(call: Call, argument: Node, name: str) -> bool:
    given = argument.child_by_field_name("name")
    is_keyword = argument.type == "keyword_argument" and given is not None
    return is_keyword and given is not None and call.module.slice(given) == name


def _means_something(call: Call, value: str) -> bool:
    """Whether all names of an expression are bound where a call stands."""
    names = set(_ROOT_NAME.findall(value)) - _CONSTANTS
    scope = call.module.scope_of(call.node)
    return all(call.module.bound_in(name, scope) is not None for name in names)
