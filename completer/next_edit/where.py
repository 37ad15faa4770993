"""Where the next edit is: the places that the last edits leave behind, in the order of a person.

No model is asked. A place is offered if its syntax makes it certain, or if the same was done at
places that are like it, and if the file still parses with the edit.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from completer.context.languages import language_of_name
from completer.next_edit.by_example import candidates, scorecard
from completer.next_edit.edits import Hunk, NextEdit, NextEditRequest, point_at
from completer.next_edit.examples import examples
from completer.next_edit.literals import after_literal, may_be_in_literal
from completer.next_edit.locals import after_local_rename
from completer.next_edit.parsing import errors, errors_of, parses_no_worse
from completer.next_edit.python_module import PythonModule
from completer.next_edit.renames import after_rename, renamed
from completer.next_edit.signatures import after_signature, may_be_in_signature
from completer.next_edit.snapshot import Candidate, Files, Modules, Snapshot
from completer.place import Place

MOST_TRIED = 12
OLDEST_S = 600.0
MOST_CHECKED = 40
SHOWN_FROM, BY_HAND_FROM = 0.6, 0.2
"""The probability from which on an edit is made again, unasked and by hand."""
_LONGEST = 400_000

Rule = Callable[[Snapshot, PythonModule], Iterator[Candidate]]


class NextEdits:
    """Finds next edits in `files`. May be used from several threads."""

    def __init__(self, files: Files, clock: Callable[[], float] = time.time) -> None:
        self._files = files
        self._clock = clock
        self._modules = Modules()
        self._lock = threading.Lock()

    def find(
        self, request: NextEditRequest, history: Sequence[Hunk], shown_from: float = SHOWN_FROM
    ) -> tuple[NextEdit, ...]:
        """Return what would be edited next, the first first.

        The edits go on with the latest of the `history` that leaves any behind; where none does,
        the last is made again, at places where that is probably wanted: from `shown_from` on, or
        `BY_HAND_FROM`, the likeliest first, if asked for by hand.
        """
        files = _Asked(self._files, request)
        now = self._clock()
        recent = [each for each in history if not each.time or now - each.time <= OLDEST_S]
        with self._lock:
            try:
                known: set[tuple[str, str]] = set()
                for index in reversed(range(max(0, len(recent) - MOST_TRIED), len(recent))):
                    if found := self._after(files, recent, index, request, known):
                        return found
                return self._again(files, recent, request, shown_from, known)
            finally:
                self._modules.forget()

    def _again(
        self,
        files: Files,
        history: Sequence[Hunk],
        request: NextEditRequest,
        shown_from: float,
        known: set[tuple[str, str]],
    ) -> tuple[NextEdit, ...]:
        """Return where the last edit may be wanted again; not if rules `know` all places of it."""
        if len(request.text) >= _LONGEST or language_of_name(request.path.name) != "python":
            return ()
        by_hand = request.trigger == "manual"
        for of_lines in (True, False):
            made = examples(history, files, of_lines=of_lines)
            if made and known.issuperset(made[0].changes):
                return ()
            found = [
                (scorecard().probability(features), each)
                for each, features in candidates(request, made, self._modules)
            ]
            if by_hand:
                found.sort(key=lambda each: -each[0])
            least = min(shown_from, BY_HAND_FROM) if by_hand else shown_from
            likely = (each for p, each in found if p >= least)
            if edits := self._offered(files, likely, request):
                return edits
        return ()

    def _after(
        self,
        files: Files,
        history: Sequence[Hunk],
        index: int,
        request: NextEditRequest,
        known: set[tuple[str, str]],
    ) -> tuple[NextEdit, ...]:
        snapshot = Snapshot(files, history, index, self._modules)
        edits = self._current(snapshot, _found(snapshot), known)
        return self._offered(files, sorted(edits, key=lambda e: _distance(e, request)), request)

    def _offered(
        self, files: Files, edits: Iterable[Candidate], request: NextEditRequest
    ) -> tuple[NextEdit, ...]:
        """Return those of some edits with which their files still parse, in their order."""
        tried = islice(edits, MOST_CHECKED)
        checked = (each for each in tried if self._still_parses(files, each))
        return tuple(_as_offered(files, each) for each in islice(checked, request.most))

    def _current(
        self, snapshot: Snapshot, found: Iterable[Candidate], known: set[tuple[str, str]]
    ) -> set[Candidate]:
        """Where candidates are now; without those that were edited since. Adds to what is `known`:
        the old and the new text of them all."""
        current: set[Candidate] = set()
        for each in found:
            before, text = snapshot.text(each.path), snapshot.files.text(each.path)
            known.add(((before or "")[each.start : each.end], each.new))
            place = snapshot.now(each)
            if before is None or text is None or place is None:
                continue
            old = before[each.start : each.end]
            if text[place[0] : place[1]] == old and _is_whole(text, *place):
                current.add(Candidate(each.path, *place, each.new, each.why))
        return current

    def _still_parses(self, files: Files, edit: Candidate) -> bool:
        """Whether a file has no more errors with the edit than without."""
        before = files.text(edit.path) or ""
        text = before[: edit.start] + edit.new + before[edit.end :]
        language = language_of_name(edit.path.name)
        if language != "python":
            return parses_no_worse(before, text, language)
        module = self._modules.of(before)
        if module is None:
            return False
        found = errors_of(text, "python")
        return found is not None and found <= errors(module.root)


class _Asked:
    """The files, of which the one that is asked about is as the request has it."""

    def __init__(self, files: Files, request: NextEditRequest) -> None:
        self._files = files
        self._request = request
        self.name, self.importing, self.defining = files.name, files.importing, files.defining

    def text(self, path: Place) -> str | None:
        """See `Files`."""
        return self._request.text if path == self._request.path else self._files.text(path)


def _found(snapshot: Snapshot) -> Iterable[Candidate]:
    """Find what would go on with an edit."""
    hunk = snapshot.hunk
    before, language = snapshot.text(hunk.path), language_of_name(hunk.path.name)
    if before is None or len(before) >= _LONGEST:
        return ()
    if language != "python":
        return after_local_rename(snapshot, language)
    rule = _rule_for(hunk, before)
    module = snapshot.module(hunk.path) if rule is not None else None
    return () if rule is None or module is None else rule(snapshot, module)


def _rule_for(hunk: Hunk, before: str) -> Rule | None:
    """Return the rule that an edit may be one for; `None` for an edit that nothing follows."""
    name = renamed(hunk, before)
    if may_be_in_literal(hunk, before):
        return _literal_or_rename if name else after_literal
    if name:
        return after_rename
    return after_signature if may_be_in_signature(hunk, before) else None


def _literal_or_rename(snapshot: Snapshot, module: PythonModule) -> Iterator[Candidate]:
    yield from after_rename(snapshot, module)
    yield from after_literal(snapshot, module)


def _distance(edit: Candidate, request: NextEditRequest) -> tuple[int, str, int]:
    """Below the caret, then above, then in other files."""
    if edit.path != request.path:
        return 2, str(edit.path), edit.start
    return int(edit.start < request.offset), "", edit.start


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether a name does not go on before or behind these characters."""
    if start == end:
        return True
    around = text[max(0, start - 1) : start + 1], text[end - 1 : end + 1]
    return not any(len(pair) == 2 and f"_{pair}".isidentifier() for pair in around)


def _as_offered(files: Files, edit: Candidate) -> NextEdit:
    text = files.text(edit.path) or ""
    start, end = point_at(text, edit.start), point_at(text, edit.end)
    return NextEdit(edit.path, start, end, text[edit.start : edit.end], edit.new, edit.why)
