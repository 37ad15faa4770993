"""The places of a module's name in the files that import it."""

from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

from completer.next_edit.imports import is_module, module_path
from completer.next_edit.python_module import Occurrence, PythonModule
from completer.next_edit.snapshot import Snapshot
from completer.place import Place


@dataclass(frozen=True, slots=True)
class Outside:
    """A file that imports a name. `spelled` are its places; `uses` are those that mean its value,
    under another name, too."""

    module: PythonModule
    spelled: list[Occurrence]
    uses: list[Occurrence]


def uses_outside(snapshot: Snapshot, name: str) -> Iterator[tuple[Place, Outside]]:
    """Yield the files in which `name`, of the edited module, stands."""
    file = snapshot.files.name(snapshot.hunk.path)
    stem = (module_path(file) or ("",))[-1]
    found = dict(snapshot.importers(name)) | dict(snapshot.importers(stem))
    for path, module in sorted(found.items()):
        outside = _outside(module, snapshot.files.name(path), file, name)
        if outside.spelled or outside.uses:
            yield path, outside


def _outside(module: PythonModule, importer: str, file: str, name: str) -> Outside:
    spelled: list[Occurrence] = []
    uses: list[Occurrence] = []
    for each in module.occurrences(name):
        imported = _imported_from(module, each.node)
        if imported is not None and is_module(imported, importer, file):
            alias = _alias(each.node)
            local = each if alias is None else module.at(*module.span(alias))
            references = module.references(local) if local is not None else []
            spelled += [each] if alias is not None else references
            uses += [found for found in references if found.role == "load"]
        elif each.role == "attribute" and _names_module(module, each.node, importer, file):
            spelled.append(each)
            uses.append(each)
    by_start = {each.start: each for each in spelled}
    return Outside(module, [by_start[start] for start in sorted(by_start)], uses)


def _imported_from(module: PythonModule, node: Node) -> str | None:
    """Return the module that a name is imported from, if it stands in such an import."""
    around = node.parent
    if around is None or around.type != "dotted_name" or around.named_child_count != 1:
        return None
    statement = around.parent
    if statement is not None and statement.type == "aliased_import":
        statement = statement.parent
    if statement is None or statement.type != "import_from_statement":
        return None
    source = statement.child_by_field_name("module_name")
    return None if source is None or source == around else module.slice(source)


def _alias(node: Node) -> Node | None:
    around = node.parent.parent if node.parent is not None else None
    is_aliased = around is not None and around.type == "aliased_import"
    return around.child_by_field_name("alias") if around is not None and is_aliased else None


def _names_module(module: PythonModule, attribute: Node, importer: str, file: str) -> bool:
    """Whether `m` in `m.attribute` is the module `file`, by the only import that binds it."""
    around = attribute.parent
    of = around.child_by_field_name("object") if around is not None else None
    if of is None or of.type not in ("identifier", "attribute"):
        return False
    written = module.slice(of)
    first = written.partition(".")[0]
    scope = module.bound_in(first, module.scope_of(of))
    found = module.occurrences(first)
    bound = [each for each in found if each.role == "bind" and each.scope == scope]
    paths = {_module_bound(module, each.node, written) for each in bound}
    return bool(paths) and all(path and is_module(path, importer, file) for path in paths)


def _module_bound(module: PythonModule, node: Node, written: str) -> str:
    """Return the module that `written` is, by the import that binds its first name; else ""."""
    around = node.parent
    statement = around.parent if around is not None else None
    if around is None or statement is None:
        return ""
    source = around.child_by_field_name("name") if around.type == "aliased_import" else around
    if source is None or (around != source and "." in written):
        return ""
    if statement.type == "import_statement":
        path = module.slice(source)
        return path if around != source or path == written else ""
    if statement.type != "import_from_statement" or "." in written:
        return ""
    package = statement.child_by_field_name("module_name")
    if package is None:
        return ""
    ahead = module.slice(package)
    return f"{ahead}{'' if ahead.endswith('.') else '.'}{module.slice(source)}"
