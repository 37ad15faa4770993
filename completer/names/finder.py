"""Evidence of names for a service: asked in the background, remembered by scope."""

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

from completer.names.document import Document
from completer.names.evidence import NameEvidence, NameKind, Names
from completer.names.process import NameProcess
from completer.names.question import Part, Question

_LONGEST = 400_000  # characters: longer files are data
_REMEMBERED = 128
_MOST_S = 0.4
_BINDS = re.compile(
    r"(?:\b(?:as|import|for|def|class|lambda)\s+|,\s*)([^\W\d]\w*)|([^\W\d]\w*)\s*(?::=|=(?!=))"
)
_WORD = re.compile(r"[^\W\d]\w*")
_DEF = re.compile(r"\s*(?:async )?def ")
_TRAILING_WORD = re.compile(r"\w*$")

Key = tuple[str, ...]
"""A document and a hash of all that an answer depends on."""


class NameFinder:
    """Finds which names may stand at carets. Thread-safe; one process serves all workspaces.

    Of each document only the newest question is worked on. At most 128 answers are remembered.
    `cache` is a private folder for syntax trees; empty for none.
    """

    def __init__(self, cache: str = "", process: NameProcess | None = None) -> None:
        self._process = process or NameProcess(cache)
        self._lock = threading.Condition()
        self._known: OrderedDict[Key, NameEvidence] = OrderedDict()
        self._last: OrderedDict[Hashable, tuple[str, NameEvidence]] = OrderedDict()
        self._waiting: OrderedDict[tuple[Hashable, Part], tuple[Key, Question]] = OrderedDict()
        self._futures: dict[Key, Future[NameEvidence | None]] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    def evidence(
        self, before: str, after: str, language: str | None, path: Path | None, root: Path,
        *, whole: bool = True, wait_s: float | None = 0.01,
    ) -> NameEvidence | None:  # fmt: skip
        """Return what may stand between `before` and `after`; `None` where it is not known in time.

        `whole`: the two are all of the document. With `wait_s` `None` the answer is waited for and
        depends on the texts and the workspace's files alone; otherwise it comes for a later one.
        """
        questions = _questions(before, after, language, path, root, whole)
        if not questions or self._closed:
            return None
        if wait_s is None:
            answers = [self._process.ask(question) for question in questions]
        else:
            answers = self._answers(questions, wait_s)
        if answers[0] is None:
            return None
        return _merged(answers[0], answers[1] if len(answers) > 1 else None, before)

    def prepare(
        self, before: str, after: str, language: str | None, path: Path | None, root: Path,
        *, whole: bool = True,
    ) -> None:  # fmt: skip
        """Have the answer looked for, so that a keystroke finds it."""
        self.evidence(before, after, language, path, root, whole=whole, wait_s=0)

    def forget(self, root: Path) -> None:
        """Forget what is remembered of a workspace: its files changed, or it was closed."""
        with self._lock:
            for key in [key for key in self._known if key[0] == str(root)]:
                del self._known[key]
            for document in [each for each in self._last if each[0] == str(root)]:  # type: ignore[index]
                del self._last[document]

    def close(self) -> None:
        """End the process; who waits gets nothing."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
            futures = list(self._futures.values())
            self._futures.clear()
        for future in futures:
            future.cancel()
        self._process.close()

    def _answers(self, questions: list[Question], wait_s: float) -> list[NameEvidence | None]:
        futures = [self._ask(question) for question in questions]
        found: list[NameEvidence | None] = []
        for question, future in zip(questions, futures, strict=True):
            try:
                found.append(future.result(wait_s))
            except Exception:  # noqa: BLE001 (late, or given up: the caller goes on without)
                found.append(self._earlier(question))
        return found

    def _ask(self, question: Question) -> Future[NameEvidence | None]:
        key, document = _key(question), (question.root, question.path)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return _done(self._known[key])
            if key in self._futures:
                return self._futures[key]
            future: Future[NameEvidence | None] = Future()
            self._futures[key] = future
            dropped = self._waiting.pop((document, question.part), None)
            if dropped and (given_up := self._futures.pop(dropped[0], None)):
                given_up.cancel()
            self._waiting[document, question.part] = (key, replace(question, most_s=_MOST_S))
            self._start()
            self._lock.notify()
        return future

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._work, name="names", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                while not self._waiting and not self._closed:
                    self._lock.wait()
                if self._closed:
                    return
                (document, _), (key, question) = self._waiting.popitem(last=True)
            answer = self._process.ask(question)
            with self._lock:
                self._remember(key, document, question, answer)
                future = self._futures.pop(key, None)
            if future is not None and not future.cancelled():
                future.set_result(answer)

    def _remember(
        self, key: Key, document: Hashable, question: Question, answer: NameEvidence | None
    ) -> None:
        if answer is None:
            return
        self._known[key] = answer
        if question.part == "around":
            self._last[document] = (question.before, answer)
            self._last.move_to_end(document)
        for remembered in (self._known, self._last):
            while len(remembered) > _REMEMBERED:
                remembered.popitem(last=False)

    def _earlier(self, question: Question) -> NameEvidence | None:
        """Return the last answer in the same function, less what changed lines bind anew."""
        with self._lock:
            before, answer = self._last.get((question.root, question.path), ("", None))
        if answer is None or question.part != "around" or not before:
            return None
        if _function(before) != _function(question.before):
            return None
        return _less(answer, _changed_names(before, question.before))


def _questions(
    before: str, after: str, language: str | None, path: Path | None, root: Path, whole: bool
) -> list[Question]:
    if language != "python" or len(before) + len(after) > _LONGEST:
        return []
    before, after = before.replace("\r\n", "\n"), after.replace("\r\n", "\n")
    above, newline, line = before.rpartition("\n")
    below = after[len(after.partition("\n")[0]) :]
    place = (language, "" if path is None else str(path), str(root), whole)
    indent = line[: len(line) - len(line.lstrip())]
    rest = _skeleton(line + after.partition("\n")[0])
    found = [Question("around", above + newline + indent + rest, below, *place)]
    stripped = _TRAILING_WORD.sub("", before)
    if Document(before, after).asks_caret:
        found.append(Question("caret", stripped, after, *place))
    return found


def _skeleton(line: str) -> str:
    """Return of a line what opens a block, so that its block stays one."""
    word = _WORD.match(line.lstrip())
    return word[0] + " " if word and word[0] in Document.HEADERS else ""


def _key(question: Question) -> Key:
    text = "\0".join([question.part, question.before, question.after, str(question.whole)])
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return (question.root, question.path, question.language, digest)


def _merged(around: NameEvidence, caret: NameEvidence | None, before: str) -> NameEvidence:
    """Add what the caret's line itself says."""
    line = before[before.rfind("\n") + 1 :]
    bound = {name for match in _BINDS.finditer(line) for name in match.groups() if name}
    scope = around.scope and Names(NameKind.SCOPE, around.scope.names | bound)
    found = replace(
        around, scope=scope, unbound=tuple(name for name in around.unbound if name not in bound)
    )
    found = _less(found, bound)
    if caret is None:
        return found
    parameters = {**found.parameters, **caret.parameters}
    return replace(found, at_caret=caret.at_caret, parameters=parameters)


def _less(evidence: NameEvidence, bound: set[str]) -> NameEvidence:
    """Drop what was known of names that are bound anew."""
    kept = {text: n for text, n in evidence.members.items() if text.split(".")[0] not in bound}
    return replace(evidence, members=kept)


def _function(before: str) -> str:
    """Return the line in which the last function before a caret's line begins."""
    return next(
        (
            line
            for line in reversed(before.split("\n")[:-1])
            if re.match(r"\s*(?:async )?def ", line)
        ),
        "",
    )


def _changed_names(old: str, new: str) -> set[str]:
    kept = set(old.split("\n"))
    changed = "\n".join(line for line in new.split("\n") if line not in kept)
    return {name for match in _BINDS.finditer(changed) for name in match.groups() if name}


def _done(evidence: NameEvidence) -> Future[NameEvidence | None]:
    future: Future[NameEvidence | None] = Future()
    future.set_result(evidence)
    return future
