"""Next edits after renames, added parameters and changed literals, judged by who knows no rule.

Edits are made in installed packages, or they are those that people made between two releases. Of a
rename and of a call, jedi says which places are meant; of a literal, equal ones in the file
are, whatever they do, so that there only what is left out counts against it.
"""

import ast
import random
import shutil
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import jedi
import typer
from rich.table import Table

from benchmarks.released_edits import Repeated, old_release, repeated_edits, was_made
from benchmarks.releases import fetch_releases, revised_files
from completer.context.retrieval import Retriever
from completer.context.workspace import Workspace
from completer.next_edit.edits import Hunk, NextEdit, NextEditRequest
from completer.next_edit.history import EditHistory, difference
from completer.next_edit.imports import ImportTable
from completer.next_edit.where import NextEdits
from completer.place import Place, local_place
from completer.workspaces.workspace_files import WorkspaceFiles

PACKAGES = "click,httpx,rich,starlette"
KINDS = ("parameter", "local", "function", "attribute", "added parameter", "literal")
Places = set[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class _Case:
    """Edits of a file, the text after them, and where others would have to follow in it."""

    kind: str
    hunks: tuple[Hunk, ...]
    text: str
    truth: Places


class _Packages:
    """Python packages in a folder as one workspace."""

    def __init__(self, folder: Path) -> None:
        workspace = Workspace(local_place(folder))
        self.root = workspace.root
        self.project = jedi.Project(self.root)
        self.texts: dict[Place, str] = {}
        imports, retriever = ImportTable(self.root), Retriever(self.root)
        for file in workspace.iter_files():
            text = workspace.read(file.path, whole=True) or ""
            imports.update(file.path, text)
            retriever.update(file.path, text)
            if file.language == "python" and text.isascii() and len(text) < 60_000:
                self.texts[local_place(file.path)] = text
        files = WorkspaceFiles(workspace, EditHistory(), imports, retriever)
        self.finder = NextEdits(files)


def run(
    *,
    packages: Annotated[str, typer.Option(help="Installed packages to edit.")] = PACKAGES,
    edits: Annotated[int, typer.Option(min=1, help="So many edits are made.")] = 200,
    seed: Annotated[int, typer.Option(help="Draws files and edits.")] = 0,
    releases: Annotated[
        Path | None,
        typer.Option(
            help="Make edits that people made between two releases, which pip puts here.",
            metavar="FOLDER",
        ),
    ] = None,
    made: Annotated[int, typer.Option(min=1, help="Of these, so many are made.")] = 1,
) -> dict[str, Any]:
    """Make one edit at a time: is the first next edit that is offered right, and how soon?"""
    drawn = random.Random(seed)
    results: defaultdict[str, list[tuple[str, float]]] = defaultdict(list)
    if releases is not None:
        for kind, result in _released(releases, edits, drawn, made):
            results[kind].append(result)
    else:
        with tempfile.TemporaryDirectory() as folder:
            found = _copies(packages, Path(folder) / "packages")
            for case in _cases(found, edits, drawn):
                results[case.kind].append(_judged(found, case))
    everything = [each for kind in results.values() for each in kind]
    return {kind: _figures(each) for kind, each in {**results, "all": everything}.items()}


def _copies(names: str, folder: Path) -> _Packages:
    """Copy installed packages into a folder."""
    for name in names.split(","):
        spec = find_spec(name)
        if spec is None or spec.origin is None:
            raise typer.BadParameter(f"{name} is not installed", param_hint="--packages")
        shutil.copytree(Path(spec.origin).parent, folder / name)
    return _Packages(folder)


def _released(
    folder: Path, count: int, drawn: random.Random, made: int
) -> Iterator[tuple[str, tuple[str, float]]]:
    """Make the first `made` of each edit that people repeated; yield kind, outcome and ms."""
    cases = list(repeated_edits(list(revised_files(folder, fetch_releases(folder))), made))
    chosen = sorted(drawn.sample(cases, min(count, len(cases))), key=lambda each: each.package)
    for package, of_package in groupby(chosen, key=lambda each: each.package):
        found = _Packages(old_release(folder, package))
        for case in of_package:
            yield case.kind, _judged_as_released(found, case, made)


def _judged_as_released(packages: _Packages, case: Repeated, made: int) -> tuple[str, float]:
    """Return what became of an edit between releases, and milliseconds."""
    path, (old, new) = local_place(packages.root / case.file), case.replaced
    by, done = len(new) - len(old), case.starts[:made]
    text, hunks = packages.texts[path], []
    for number, start in enumerate(done):
        before, text = text, Hunk(path, start + number * by, old, new).applied(text)
        hunks += [each for each in [difference(before, text, path)] if each is not None]
    edit, took = _first(packages, tuple(hunks), text)
    if edit is None:
        return "missed", took
    base = text if edit.path == path else edit.path.read_text("utf-8")
    at = _offset(base, edit.start.line + 1, len(edit.start.before))
    name = edit.path.relative_to(packages.root).as_posix()
    known = done if name == case.file else ()
    others = [
        Hunk(edit.path, start + by * sum(each < start for each in known), was, is_now)
        for start, was, is_now in case.made.get(name, [])
        if start not in known
    ]
    right = was_made(base, Hunk(edit.path, at, edit.old, edit.new), others)
    return ("right" if right else "wrong"), took


def _first(
    packages: _Packages, hunks: tuple[Hunk, ...], text: str
) -> tuple[NextEdit | None, float]:
    """Return the first next edit after the last of some, and milliseconds."""
    last = hunks[-1]
    offset = last.start + len(last.new)
    request = NextEditRequest(path=last.path, text=text, offset=offset, history=hunks)
    began = time.perf_counter()
    edits = packages.finder.find(request, hunks)
    return (edits[0] if edits else None), 1000 * (time.perf_counter() - began)


def _judged(packages: _Packages, case: _Case) -> tuple[str, float]:
    """Return what became of a case, and milliseconds."""
    edit, took = _first(packages, case.hunks, case.text)
    if edit is None:
        return "missed" if case.truth else "rightly none", took
    return ("right" if _is_right(packages, case, edit) else "wrong"), took


def _is_right(packages: _Packages, case: _Case, edit: NextEdit) -> bool:
    place = (edit.start.line + 1, len(edit.start.before))
    first = case.hunks[0]
    if edit.path == first.path:
        return place in case.truth
    script = jedi.Script(path=edit.path, project=packages.project)
    goes_to = script.goto(*place, follow_imports=True)
    return any(each.module_path == first.path for each in goes_to)


def _cases(packages: _Packages, count: int, drawn: random.Random) -> Iterator[_Case]:
    paths, made = sorted(packages.texts), 0
    while made < count:
        kind, path = KINDS[made % len(KINDS)], drawn.choice(paths)
        case = _case(packages, kind, path, drawn)
        if case is not None:
            made += 1
            yield case


def _case(packages: _Packages, kind: str, path: Place, drawn: random.Random) -> _Case | None:
    text = packages.texts[path]
    candidates = list(_candidates(ast.parse(text), kind))
    if not candidates:
        return None
    node, name = drawn.choice(candidates)
    if kind == "literal":
        return _literal(path, text, name)
    lines = text.split("\n")
    line = lines[node.lineno - 1]
    column = line.find(name, node.col_offset)
    start = sum(len(each) + 1 for each in lines[: node.lineno - 1]) + column
    script = jedi.Script(text, path=path, project=packages.project)
    try:
        found = script.get_references(node.lineno, column, scope="file")
    except Exception:  # noqa: BLE001  jedi fails over some code: that is not drawn
        return None
    places = {(each.line, each.column) for each in found if each.line and each.name == name}
    if kind == "added parameter":
        return _added(path, text, node, {(n, c + len(name)) for n, c in places})
    hunk = Hunk(path, start, name, f"{name}_new")
    truth = {
        (n, c + 4 * sum(1 for place in [(node.lineno, column)] if place[0] == n and place[1] < c))
        for n, c in places - {(node.lineno, column)}
    }
    return _Case(kind, (hunk,), hunk.applied(text), truth)


def _candidates(tree: ast.Module, kind: str) -> Iterator[tuple[Any, str]]:
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    match kind:
        case "parameter":
            for each in functions:
                yield from ((arg, arg.arg) for arg in each.args.args if arg.arg != "self")
        case "local":
            for each in functions:
                names = (node for node in ast.walk(each) if isinstance(node, ast.Name))
                yield from ((n, n.id) for n in names if isinstance(n.ctx, ast.Store))
        case "function" | "added parameter":
            top = tree.body if kind == "function" else functions
            kinds = (ast.FunctionDef, ast.ClassDef) if kind == "function" else ast.FunctionDef
            yield from ((each, each.name) for each in top if isinstance(each, kinds))
        case "attribute":
            inits = [node for each in functions if each.name == "__init__" for node in each.body]
            targets = [node.targets[0] for node in inits if isinstance(node, ast.Assign)]
            yield from ((t, t.attr) for t in targets if isinstance(t, ast.Attribute))
        case "literal":
            values = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
            texts = [each for each in values if isinstance(each, str) and each.isidentifier()]
            yield from ((None, text) for text in sorted(set(texts)) if texts.count(text) > 1)


def _literal(path: Place, text: str, value: str) -> _Case | None:
    start = text.find(f'"{value}"')
    if start < 0:
        return None
    hunk = Hunk(path, start + 1, value, f"{value}_new")
    after = hunk.applied(text)
    nodes = [node for node in ast.walk(ast.parse(after)) if isinstance(node, ast.Constant)]
    truth = {(node.lineno, node.col_offset) for node in nodes if node.value == value}
    return _Case("literal", (hunk,), after, truth)


def _added(path: Place, text: str, node: ast.FunctionDef, ends: Places) -> _Case | None:
    """A parameter is added, and the first call is given `None`: the other calls follow."""
    if node.args.vararg or node.args.kwarg or node.args.kwonlyargs or not node.args.args:
        return None
    if node.args.defaults:
        return None
    last = node.args.args[-1]
    first = Hunk(path, _offset(text, last.end_lineno, last.end_col_offset), "", ", added_new")
    after = first.applied(text)
    calls = [
        each
        for each in ast.walk(ast.parse(after))
        if isinstance(each, ast.Call)
        and each.args
        and not each.keywords
        and not any(isinstance(argument, ast.Starred) for argument in each.args)
        and (each.func.end_lineno, each.func.end_col_offset) in ends
    ]
    if len(calls) < 2:
        return None
    calls.sort(key=lambda each: each.lineno)
    argument = calls[0].args[-1]
    second = Hunk(path, _offset(after, argument.end_lineno, argument.end_col_offset), "", ", None")
    behind = [each.args[-1] for each in calls[1:]]
    rest = {(each.end_lineno or 0, each.end_col_offset or 0) for each in behind}
    return _Case("added parameter", (first, second), second.applied(after), rest)


def _offset(text: str, line: int | None, column: int | None) -> int:
    lines = text.split("\n")[: (line or 1) - 1]
    return sum(len(each) + 1 for each in lines) + (column or 0)


def _figures(results: list[tuple[str, float]]) -> dict[str, float]:
    outcomes = [outcome for outcome, _ in results]
    offered = outcomes.count("right") + outcomes.count("wrong")
    wanted = len(outcomes) - outcomes.count("rightly none")
    times = sorted(took for _, took in results)
    return {
        "edits": len(results),
        "followed": wanted,
        "offered": round(offered / max(1, wanted), 3),
        "right": round(outcomes.count("right") / max(1, offered), 3),
        "wrong": round(outcomes.count("wrong") / len(results), 3),
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(times[int(0.95 * (len(times) - 1))], 1),
    }


def table(result: dict[str, Any]) -> Table:
    """Lay the figures out for a person."""
    names = ("edits", "followed", "offered", "right", "wrong", "p50_ms", "p95_ms")
    shown = Table("edit", *names, title="Next edits")
    for kind, each in result.items():
        shown.add_row(kind, *(f"{each[name]:g}" for name in names))
    return shown
