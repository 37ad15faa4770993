"""Evidence of names for a service: asked in the background, remembered by scope."""

import hashlib
import re
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from pathlib import Path

from completer.context.lexical import indentation
from completer.names.document import Document
from completer.names.evidence import NameEvidence, NameKind, Names
from completer.names.process import NameProcess
from completer.names.question import Part, Question

_LONGEST = 400_000  # characters: longer files are data
_REMEMBERED = 128  # answers; 64 take 2 MB, as most of them have the same sets of names
_DOCUMENTS = 32  # whose last answer is remembered, with the text that it was for
_MOST_S = 0.4
_AT_LEISURE_S = 1.5  # for what had no time before: at first, nothing is read yet
_BINDS = re.compile(
    r"(?:\b(?:as|import|for|def|class|lambda)\s+|,\s*)([^\W\d]\w*)"
    r"|\b([^\W\d]\w*+)\s*+(?::=|=(?!=))"
)
_DEFINES = re.compile(r"\s*(?:class|(?:async\s+)?def)\s")

Key = tuple[str, int, str]
"""A workspace, how often it was renewed, and a hash of all else that an answer depends on."""


class NameFinder:
    """Finds which names may stand at carets. Thread-safe; one process serves all workspaces.

    Of each document only the newest question is worked on. At most 128 answers are remembered.
    `cache` is a private folder for syntax trees; empty for none.
    """

    def __init__(self, cache: str = "", process: NameProcess | None = None) -> None:
        self._process = process or NameProcess(cache)
        self._lock = threading.Condition()
        self._renewals: Counter[str] = Counter()
        self._known: OrderedDict[Key, NameEvidence] = OrderedDict()
        self._last: OrderedDict[tuple[str, str], tuple[str, NameEvidence]] = OrderedDict()
        self._waiting: OrderedDict[tuple[str, str, Part], tuple[Key, Question]] = OrderedDict()
        self._futures: dict[Key, Future[NameEvidence | None]] = {}
        self._thread: threading.Thread | None = None
        self._closed = False

    def evidence(
        self, before: str, after: str, language: str | None, path: Path | None, root: Path,
        *, whole: bool = True, wait_s: float | None = 0.01, cache: str = "",
    ) -> NameEvidence | None:  # fmt: skip
        """Return what may stand between `before` and `after`; `None` where it is not known in time.

        `whole`: the two are all of the document. With `wait_s` `None` the answer is waited for and
        depends on the texts and the workspace's files alone; otherwise it comes for a later one.
        `cache`: see `Question`.
        """
        questions = _questions(before, after, language, path, root, whole, cache)
        if not questions or self._closed:
            return None
        around, *caret = self._answers(questions, wait_s)
        return around and _merged(before, around, *caret)

    def named(
        self, before: str, after: str, language: str | None, path: Path | None, root: Path,
        owners: Sequence[str], modules: Sequence[str], *,
        wait_s: float | None = 0.01, cache: str = "",
    ) -> NameEvidence | None:  # fmt: skip
        """Return the members of the dotted names `owners`, and what may be imported from `modules`.

        They are those that an answer at the caret names. Else as `evidence`.
        """
        questions = _questions(before, after, language, path, root, True, cache)[:1]
        if not questions or self._closed:
            return None
        asked = replace(questions[0], part="named", owners=tuple(owners), modules=tuple(modules))
        return self._answers([asked], wait_s)[0]

    def renew(self, root: Path) -> None:
        """Ask anew from now on: a workspace's files changed. Until it is there, the last serves."""
        with self._lock:
            self._renewals[str(root)] += 1

    def forget(self, root: Path) -> None:
        """Keep nothing of a workspace, nor what is being worked on."""
        with self._lock:
            self.renew(root)
            for key in [key for key in self._known if key[0] == str(root)]:
                del self._known[key]
            for place in [place for place in self._last if place[0] == str(root)]:
                del self._last[place]

    def close(self) -> None:
        """End the process; who waits gets nothing."""
        with self._lock:
            self._closed = True
            self._lock.notify_all()
            for key in list(self._futures):
                self._answer(key, None)
        self._process.close()

    def _answers(
        self, questions: list[Question], wait_s: float | None
    ) -> list[NameEvidence | None]:
        if wait_s is None:
            return [self._process.ask(question) for question in questions]
        return self._in_time(questions, wait_s)

    def _in_time(self, questions: list[Question], wait_s: float) -> list[NameEvidence | None]:
        with self._lock:
            futures = [self._ask(question) for question in questions]
        wait(futures, wait_s)
        return [
            (future.result() if future.done() else None) or self._earlier(question)
            for question, future in zip(questions, futures, strict=True)
        ]

    def _ask(self, question: Question) -> Future[NameEvidence | None]:
        key = (question.root, self._renewals[question.root], _digest(question))
        if key in self._known:
            self._known.move_to_end(key)
            known: Future[NameEvidence | None] = Future()
            known.set_result(self._known[key])
            return known
        if key not in self._futures:
            self._futures[key] = Future()
            place = (question.root, question.path, question.part)
            if place in self._waiting:
                self._answer(self._waiting.pop(place)[0], None)
            self._waiting[place] = (key, replace(question, most_s=_MOST_S))
            self._start()
            self._lock.notify()
        return self._futures[key]

    def _answer(self, key: Key, answer: NameEvidence | None) -> None:
        if future := self._futures.pop(key, None):
            future.set_result(answer)

    def _start(self) -> None:
        if self._thread is None and not self._closed:
            self._thread = threading.Thread(target=self._work, name="names", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                self._lock.wait_for(lambda: self._waiting or self._closed)
                if self._closed:
                    return
                place, (key, question) = self._waiting.popitem(last=True)
            started = time.monotonic()
            answer = self._process.ask(question)
            cut_short = time.monotonic() - started >= _MOST_S
            with self._lock:
                if cut_short and question.most_s == _MOST_S and answer is not None:
                    self._waiting.setdefault(place, (key, replace(question, most_s=_AT_LEISURE_S)))
                if answer is not None and key[1] == self._renewals[question.root]:
                    self._remember(key, question, answer)
                self._answer(key, answer)

    def _remember(self, key: Key, question: Question, answer: NameEvidence) -> None:
        self._known[key] = answer
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        if question.part == "around" and question.path:
            self._last[question.root, question.path] = (question.before, answer)
            self._last.move_to_end((question.root, question.path))
            if len(self._last) > _DOCUMENTS:
                self._last.popitem(last=False)

    def _earlier(self, question: Question) -> NameEvidence | None:
        """Return the last answer in the same function, less what changed lines bind anew."""
        with self._lock:
            before, answer = self._last.get((question.root, question.path), ("", None))
        if answer is None or question.part != "around":
            return None
        if _definitions(before) != _definitions(question.before):
            return None
        return _less(answer, _changed_names(before, question.before))


def _questions(
    before: str,
    after: str,
    language: str | None,
    path: Path | None,
    root: Path,
    whole: bool,
    cache: str,
) -> list[Question]:
    if language != "python" or len(before) + len(after) > _LONGEST:
        return []
    document = Document(before.replace("\r\n", "\n"), after.replace("\r\n", "\n"))
    around, caret = document.around, document.at_caret
    place = (language, "" if path is None else str(path), str(root), whole, None, cache)
    found = [Question("around", around.before, around.after, *place)]
    return [*found, Question("caret", caret.before, caret.after, *place)] if caret else found


def _digest(question: Question) -> str:
    fields = (question.part, question.path, question.before, question.after, str(question.whole))
    text = "\0".join((*fields, *question.owners, "", *question.modules)).encode(
        "utf-8", "surrogatepass"
    )
    return hashlib.blake2b(text, digest_size=16).hexdigest()


def _merged(before: str, around: NameEvidence, caret: NameEvidence | None = None) -> NameEvidence:
    """Add what the caret's line itself says."""
    line = before[before.rfind("\n") + 1 :]
    bound = _bound_in(line)
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


def _definitions(before: str) -> list[str]:
    """Return the lines that begin the last definition before a caret's line, and those around it.

    The innermost comes first.
    """
    found: list[str] = []
    for line in reversed(before.split("\n")[:-1]):
        depth = len(indentation(found[-1])) if found else 1_000
        if len(indentation(line)) < depth and _DEFINES.match(line):
            found.append(line)
        if depth == 0:
            break
    return found


def _changed_names(old: str, new: str) -> set[str]:
    kept = set(old.split("\n"))
    changed = "\n".join(line for line in new.split("\n") if line not in kept)
    return _bound_in(changed)


def _bound_in(code: str) -> set[str]:
    return {name for match in _BINDS.finditer(code) for name in match.groups() if name}
