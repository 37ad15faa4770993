"""How many answers break what mypy can check: a judge of names that serving does not use."""

import json
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from mypy import api
from rich.table import Table

from completer.evaluation.statistics import wilson

_FLAGS = ("--follow-imports=silent", "--ignore-missing-imports", "--check-untyped-defs")
_CODES = ("attr-defined", "name-defined", "syntax", "any")
_ERROR = re.compile(r":\d+: error: (.*)\[(attr-defined|name-defined|syntax)\]$")


def run(
    *,
    answers: Annotated[Path, typer.Option(help="What `completer eval --save` wrote.")],
    repo: Annotated[Path, typer.Option(help="The package that the answers are from.")],
    most: Annotated[int, typer.Option(min=1, help="So many answers are checked.")] = 200,
) -> dict[str, Any]:
    """Have mypy check answers in a copy of their package: which errors does the truth not make?"""
    lines = [json.loads(line) for line in answers.read_text().splitlines()]
    wanted = [
        each for each in lines if Path(each["path"]).is_relative_to(repo.resolve()) and each["text"]
    ]
    found = Counter[str]()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / repo.resolve().name
        shutil.copytree(repo, copy)
        known: dict[Path, Counter[tuple[str, str]]] = {}
        for answer in wanted[:most]:
            file = copy / Path(answer["path"]).relative_to(repo.resolve())
            if file not in known:
                known[file] = _errors(file, folder)
            found.update(_new_errors(answer, file, folder, known[file]))
    n = len(wanted[:most])
    return {"n": n, **{code: _share(found[code], n) for code in _CODES}}


def _new_errors(
    answer: dict[str, Any], file: Path, folder: str, known: Counter[tuple[str, str]]
) -> set[str]:
    """Put an answer into its file, ask mypy, and take it out again."""
    text = file.read_text()
    file.write_text(text[: answer["start"]] + answer["text"] + text[answer["end"] :])
    try:
        codes = {code for _, code in _errors(file, folder) - known}
    finally:
        file.write_text(text)
    return codes | {"any"} if codes else codes


def _errors(file: Path, folder: str) -> Counter[tuple[str, str]]:
    report, _, _ = api.run([*_FLAGS, f"--cache-dir={folder}/cache", str(file)])
    return Counter(_told(report))


def _told(report: str) -> Iterator[tuple[str, str]]:
    for line in report.splitlines():
        if found := _ERROR.search(line):
            yield found[1], found[2]


def _share(count: int, n: int) -> dict[str, float]:
    low, high = wilson(count, n) if n else (0.0, 1.0)
    return {
        "share": round(count / n, 4) if n else 0.0,
        "low": round(low, 4),
        "high": round(high, 4),
    }


def table(result: dict[str, Any]) -> Table:
    """Lay the shares out for a person."""
    shown = Table("new errors", "share", "95 %", title=f"{result['n']} answers, judged by mypy")
    for code, each in result.items():
        if code != "n":
            shown.add_row(code, f"{each['share']:.3f}", f"{each['low']:.3f}–{each['high']:.3f}")
    return shown
