"""Definitions written down as code without bodies: what a model needs to call them."""

from collections.abc import Iterable, Sequence

from completer.context.definitions import Definition
from completer.context.symbols import FileSymbols

_MEMBERS_SHOWN = 12
_TYPES = frozenset({"class", "interface", "struct", "enum", "type"})


def outline(file: FileSymbols, chosen: Iterable[Definition]) -> str:
    """Write down `chosen` definitions of `file`, in the file's order.

    A type shows its members, a member the type that it is in.
    """
    wanted = sorted(set(chosen), key=lambda item: item.start)
    whole = {item.name for item in wanted if item.kind in _TYPES}
    lines: list[str] = []
    shown: set[str] = set()
    for item in wanted:
        if item.kind in _TYPES:
            members = sorted(file.members(item.name), key=_is_private)[:_MEMBERS_SHOWN]
            lines += _with_members(item, members, file.language)
        elif not item.container:
            lines += _alone(item, file.language)
        elif item.container not in whole | shown:
            shown.add(item.container)
            siblings = [other for other in wanted if other.container == item.container]
            header = file.type_named(item.container)
            lines += _with_members(header, siblings, file.language)
    return "\n".join(lines)


def _is_private(member: Definition) -> bool:
    return member.name.startswith("_") and member.name != "__init__"


def _alone(item: Definition, language: str) -> list[str]:
    if language != "python":
        return [*_comment(item, language), item.signature]
    if item.kind not in ("function", "method"):
        return [item.signature]
    return [item.signature, f'    """{item.doc}"""'] if item.doc else [f"{item.signature} ..."]


def _with_members(
    header: Definition | None, members: Sequence[Definition], language: str
) -> list[str]:
    inner = [f"    {line}" for member in members for line in _alone(member, language)]
    if header is None:
        return [line.removeprefix("    ") for line in inner]
    if language == "python":
        doc = [f'    """{header.doc}"""'] if header.doc else []
        return [header.signature, *(doc + inner or ["    ..."])]
    if not inner:
        return _alone(header, language)
    return [*_comment(header, language), f"{header.signature} {{", *inner, "}"]


def _comment(item: Definition, language: str) -> list[str]:
    mark = "#" if language in ("python", "ruby", "shellscript") else "//"
    return [f"{mark} {item.doc}"] if item.doc else []
