"""The process in which jedi reads what strangers wrote; `NameProcess` starts it.

It imports and runs nothing of a workspace, starts no program and opens no connection: see `guard`.
Its arguments are how many seconds of processor time one question may take, after how many seconds
without one it ends, and a private folder for syntax trees.
"""

import gc
import sys
import time
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import jedi
import parso.cache
from jedi.api.environment import InterpreterEnvironment

from completer.context.dependencies import dependency_roots
from completer.context.worker_process import answer, questions
from completer.context.workspace import Workspace
from completer.names.document import Document
from completer.names.evidence import NameEvidence
from completer.names.guard import Guard, stdlib_folders
from completer.names.python_members import forget_typeshed
from completer.names.python_names import (
    PythonPlace,
    evidence_around,
    evidence_at_caret,
    evidence_named,
)
from completer.names.question import Question, encode_evidence

_MOST_MEMORY = 1536 << 20
_MOST_TREES = 400
_KEEP_ROOTS_S = 60.0


class OwnEnvironment(InterpreterEnvironment):  # type: ignore[misc]
    """Our interpreter; of compiled modules jedi may import those of its standard library."""

    def get_sys_path(self) -> list[str]:
        """See jedi's `Environment`."""
        return stdlib_folders()


def main(most_cpu_s: float, idle_s: float, cache: str) -> None:
    """Answer until nobody asks any more."""
    jedi.settings.cache_directory = cache
    jedi.settings.auto_import_modules = []
    jedi.settings.dynamic_params_for_other_modules = False
    environment = OwnEnvironment()
    guard = Guard(Path(__file__).parents[2]).raised()
    for line in questions(most_cpu_s, idle_s, _MOST_MEMORY):
        question = Question.decode(line)
        jedi.settings.cache_directory = question.cache or cache
        place = _place(question)
        guard.about(question.path, (question.root, *place.sys_path), jedi.settings.cache_directory)
        answer(encode_evidence(_evidence(question, place, environment)))
        guard.about("", (), "")
        _forget_trees()


def _evidence(
    question: Question, place: PythonPlace, environment: InterpreterEnvironment
) -> NameEvidence:
    _forget_document(question.path)
    if question.language == "python":
        document = Document(question.before, question.after)
        until = time.monotonic() + (question.most_s or float("inf"))
        with suppress(Exception):  # jedi is known to stumble over rare code in many ways
            if question.part == "caret":
                return evidence_at_caret(document, place, environment)
            if question.part == "named":
                asked = question.owners, question.modules
                return evidence_named(document, place, environment, *asked, until)
            found = evidence_around(document, place, environment, until)
            return found if question.whole else replace(found, scope=None, unbound=())
    return NameEvidence()


def _place(question: Question) -> PythonPlace:
    path = Path(question.path) if question.path else None
    minute = int(time.monotonic() / _KEEP_ROOTS_S)
    folders = _module_folders(question.root, minute, packages=not question.cache)
    return PythonPlace(path, Path(question.root), folders)


@lru_cache(maxsize=16)
def _module_folders(root: str, _minute: int, *, packages: bool) -> tuple[str, ...]:
    installed: list[str] = []
    with suppress(OSError):
        if packages:
            installed = [str(folder) for folder in dependency_roots(Workspace(Path(root)))]
    source = Path(root) / "src"
    return (*([str(source)] if source.is_dir() else []), *stdlib_folders(), *installed)


def _forget_document(path: str) -> None:
    """Parse the document as a whole again: what is said of it must not depend on what came before.

    jedi needs a tree in this cache, so its parser of differences cannot be switched off.
    """
    for trees in parso.cache.parser_cache.values():
        trees.pop(Path(path) if path else None, None)


def _forget_trees() -> None:
    """Keep the syntax trees of so many files that memory stays bounded."""
    for trees in parso.cache.parser_cache.values():
        if len(trees) > _MOST_TREES:
            trees.clear()
            forget_typeshed()
            gc.collect()


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
