"""The process in which jedi reads what strangers wrote; `NameProcess` starts it.

It imports and runs nothing of a workspace, starts no program and opens no connection: see `guard`.
The system ends it when one question has taken too much processor time, or when nothing is asked for
long. Both limits, in seconds, are its arguments, then a private folder for syntax trees.
"""

import gc
import signal
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
from completer.context.workspace import Workspace
from completer.names import guard
from completer.names.document import Document
from completer.names.evidence import NameEvidence
from completer.names.python_members import forget_typeshed
from completer.names.python_names import PythonPlace, evidence_around, evidence_at_caret
from completer.names.question import Question, encode_evidence

_MOST_MEMORY = 1536 << 20
_MOST_TREES = 400
_KEEP_ROOTS_S = 60.0
_NOTHING = NameEvidence()
_OWN = Path(__file__).parents[2]
_unreadable: set[str] = set()


class _OwnEnvironment(InterpreterEnvironment):  # type: ignore[misc]
    """Our interpreter; of compiled modules jedi may import those of its standard library."""

    def get_sys_path(self) -> list[str]:
        return guard.stdlib_folders()


_ENVIRONMENT = _OwnEnvironment()


def main(most_cpu_s: float, idle_s: float, cache: str) -> None:
    """Answer until nobody asks any more."""
    _prepare()
    jedi.settings.cache_directory = cache
    jedi.settings.auto_import_modules = []
    jedi.settings.dynamic_params_for_other_modules = False
    guard.forbid(_OWN, Path(cache) if cache else None, lambda: _unreadable)
    while line := _next_line(idle_s):
        _limit_time(most_cpu_s)
        answer = encode_evidence(_answer(Question.decode(line)))
        _limit_time(0)
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
        _forget_trees()


def _answer(question: Question) -> NameEvidence:
    _forget_document(question.path)
    _unreadable.clear()
    _unreadable.update(filter(None, [question.path]))
    if question.language != "python":
        return _NOTHING
    document = Document(question.before, question.after)
    place = _place(question)
    until = time.monotonic() + (question.most_s or float("inf"))
    with suppress(Exception):
        if question.part == "caret":
            return evidence_at_caret(document, place, _ENVIRONMENT)
        found = evidence_around(document, place, _ENVIRONMENT, until)
        return found if question.whole else replace(found, scope=None, unbound=())
    return _NOTHING


def _place(question: Question) -> PythonPlace:
    path = Path(question.path) if question.path else None
    return PythonPlace(path, Path(question.root), _module_folders(question.root, _now()))


@lru_cache(maxsize=16)
def _module_folders(root: str, _minute: int) -> tuple[str, ...]:
    installed: list[str] = []
    with suppress(OSError):
        installed = [str(folder) for folder in dependency_roots(Workspace(Path(root)))]
    source = [str(folder) for folder in [Path(root) / "src"] if folder.is_dir()]
    return (*source, *guard.stdlib_folders(), *installed)


def _now() -> int:
    return int(time.monotonic() / _KEEP_ROOTS_S)


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


if sys.platform == "win32":  # the client's own clock has to do

    def _prepare() -> None: ...

    def _limit_time(seconds: float) -> None: ...

    def _next_line(idle_s: float) -> bytes:
        return sys.stdin.buffer.readline()

else:
    import os
    import resource

    def _prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the program, which then ends us
        os.nice(5)
        with suppress(ValueError, OSError):  # macOS knows no such limit
            resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))

    def _limit_time(seconds: float) -> None:
        signal.setitimer(signal.ITIMER_PROF, seconds)

    def _next_line(idle_s: float) -> bytes:
        signal.setitimer(signal.ITIMER_REAL, idle_s)
        line = sys.stdin.buffer.readline()
        signal.setitimer(signal.ITIMER_REAL, 0)
        return line


if __name__ == "__main__":
    main(float(sys.argv[1]), float(sys.argv[2]), sys.argv[3])
