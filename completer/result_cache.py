"""Answers to what was asked before: a person who types a shown completion needs no model.

An answer holds for its caret and for every caret that typing its text leads to: then the rest of
the text is the answer. Bounded in bytes, the least recently used goes first.
"""

import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace

from completer.request import Completion, CompletionRequest, DecodeStats, Sampling

TAIL = 1024  # characters before the caret that tell one place in a file from another
OBJECTS, NUMBER = 2500, 40  # bytes: of an entry's objects, of each number in it
_Key = tuple[CompletionRequest, Hashable]


@dataclass(frozen=True, slots=True)
class _Entry:
    """An answer and the text before its caret, as far as it is looked at."""

    tail: str
    completion: Completion

    def rest_at(self, prefix: str) -> str | None:
        """Return what is left of the answer for a caret behind `prefix`, if typing led there."""
        text = self.completion.text
        for typed in range(len(text)):
            if prefix.endswith(text[:typed]) and self._stands_before(prefix, typed):
                return text[typed:]
        return None

    def _stands_before(self, prefix: str, typed: int) -> bool:
        before = prefix[max(0, len(prefix) - typed - TAIL) : len(prefix) - typed]
        return before == self.tail


class ResultCache:
    """Completed answers per owner and place. Not locked: used from one event loop."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[_Key, list[_Entry]] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Bytes held, about."""
        return self._bytes

    def get(self, request: CompletionRequest, owner: Hashable) -> Completion | None:
        """Find an answer that still holds; its statistics say that nothing was computed for it."""
        key = _key(request, owner)
        for entry in reversed(self._entries.get(key, ())):
            rest = entry.rest_at(request.prefix)
            if rest is not None:
                self._entries.move_to_end(key)
                return _shortened(entry.completion, rest)
        return None

    def put(self, request: CompletionRequest, owner: Hashable, completion: Completion) -> None:
        """Remember an answer, if asking again would give the same and it says something."""
        repeatable = request.sampling.greedy and request.n == 1
        ended = completion.finish_reason in ("stop", "length")
        if not (repeatable and ended and completion.text):
            return
        key = _key(request, owner)
        entry = _Entry(request.prefix[-TAIL:], _kept(completion))
        self._entries.setdefault(key, []).append(entry)
        self._entries.move_to_end(key)
        self._bytes += _size(key, entry)
        while self._bytes > self._max_bytes:
            oldest, entries = self._entries.popitem(last=False)
            self._bytes -= sum(_size(oldest, entry) for entry in entries)

    def forget(self, is_gone: Callable[[Hashable], bool]) -> None:
        """Forget the answers of the owners that are gone."""
        for key in [key for key in self._entries if is_gone(key[1])]:
            self._bytes -= sum(_size(key, entry) for entry in self._entries.pop(key))

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0


def _key(request: CompletionRequest, owner: Hashable) -> _Key:
    """Everything but the prefix that an answer depends on; greedy choice does not on a seed."""
    greedy = request.sampling.greedy
    sampling = Sampling() if greedy else request.sampling
    asked = replace(request, prefix="", deadline_ms=None, trigger="automatic", sampling=sampling)
    return asked, owner


def _shortened(completion: Completion, rest: str) -> Completion:
    first = completion.choices[0]
    choice = replace(first, text=rest, token_ids=first.token_ids if rest == first.text else ())
    prompt = completion.stats.prompt_tokens
    stats = DecodeStats(prompt_tokens=prompt, reused_tokens=prompt, cached=True)
    return replace(completion, choices=(choice,), stats=stats)


def _kept(completion: Completion) -> Completion:
    """What of an answer may be given again: of its certainty, the last step's."""
    first = completion.choices[0]
    choice = replace(first, confidence=first.confidence[-1:])
    stats = DecodeStats(prompt_tokens=completion.stats.prompt_tokens)
    return replace(completion, choices=(choice,), stats=stats)


def _size(key: _Key, entry: _Entry) -> int:
    """Bytes of an entry, about: its texts, its numbers, and the objects around them."""
    (request, _), choice = key, entry.completion.choices[0]
    texts = [entry.tail, choice.text, request.suffix]
    texts += [snippet.text for snippet in request.snippets]
    numbers = len(choice.token_ids) + sum(2 * len(step.features) for step in choice.confidence)
    return OBJECTS + NUMBER * numbers + sum(map(sys.getsizeof, texts))
