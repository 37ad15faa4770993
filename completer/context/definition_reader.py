"""Asks a process of its own what files define, so that no file can stop or crash this one."""

import json
from pathlib import Path

from completer.context import definition_worker
from completer.context.definitions import LONGEST_SOURCE, Definition
from completer.context.grammars import has_grammar
from completer.context.worker_process import WorkerProcess

_MOST_CPU_S = 3.0  # several times what the longest files that people write take
_IDLE_S = 30.0


class DefinitionReader(WorkerProcess[list[Definition]]):
    """Reads definitions as `definitions` does. May be called from several threads.

    A file that takes more than `most_cpu_s` seconds, or over which the process ended, counts as
    text without definitions. After twenty of these no file is read any more: somebody has made
    them. After `idle_s` seconds without work the process ends, until there is some again.
    """

    def __init__(self, *, most_cpu_s: float = _MOST_CPU_S, idle_s: float = _IDLE_S) -> None:
        super().__init__(
            Path(definition_worker.__file__),
            (str(most_cpu_s), str(idle_s)),
            _read,
            complaint="Too many files cannot be parsed: their definitions are not used any more",
        )

    def __call__(self, source: str, language: str | None) -> list[Definition]:
        """Return what `source` defines; empty where `definitions` is, and over the limit."""
        if len(source) > LONGEST_SOURCE or not has_grammar(language):
            return []
        question = json.dumps({"text": source, "language": language})
        return self.send(question.encode()) or []


def _read(answer: bytes) -> list[Definition]:
    return [Definition(*fields) for fields in json.loads(answer)]
