"""Answers to what was asked before: a person who types a shown completion needs no model.

An answer holds for its caret and for every caret that typing its text leads to: then the rest of
the text is the answer. Bounded in bytes, the least recently used goes first.
"""

import sys
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace

from completer.request import Completion, CompletionRequest, DecodeStats, Sampling

TAIL = 1024  # characters before the caret that tell one place in a file from another
OBJECTS, NUMBER = 2500, 40  # bytes: of an entry's objects, of each number in it
_Key = tuple[CompletionRequest, Hashable]


@dataclass(slots=True)
class _Answers:
    """The answers to one question, by the text before their caret, as far as it is looked at."""

    by_tail: dict[str, Completion] = field(default_factory=dict)
    longest: int = 0

    def find(self, prefix: str) -> tuple[Completion, str] | None:
        """Return the answer to which typing led to a caret behind `prefix`, and what is left of it.

        However many answers there are, they are looked up: the longest text bounds the work.
        """
        for typed in range(min(self.longest, len(prefix) + 1)):
            caret = len(prefix) - typed
            known = self.by_tail.get(prefix[max(0, caret - TAIL) : caret])
            if (
                known is not None
                and typed < len(known.text)
                and known.text.startswith(prefix[caret:])
            ):
                return known, known.text[typed:]
        return None

    def put(self, tail: str, completion: Completion) -> Completion | None:
        """Add an answer; return the one in whose place it is."""
        former = self.by_tail.get(tail)
        self.by_tail[tail] = completion
        self.longest = max(self.longest, len(completion.text))
        return former


class ResultCache:
    """Completed answers per owner and place. Not locked: used from one event loop."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._entries: OrderedDict[_Key, _Answers] = OrderedDict()

    @property
    def nbytes(self) -> int:
        """Bytes held, about."""
        return self._bytes

    def get(self, request: CompletionRequest, owner: Hashable) -> Completion | None:
        """Find an answer that still holds; its statistics say that nothing was computed for it."""
        key = _key(request, owner)
        answers = self._entries.get(key)
        found = answers.find(request.prefix) if answers is not None else None
        if found is None:
            return None
        self._entries.move_to_end(key)
        return _shortened(*found)

    def put(self, request: CompletionRequest, owner: Hashable, completion: Completion) -> None:
        """Remember an answer, if asking again would give the same and it says something."""
        repeatable = request.sampling.greedy and request.n == 1
        ended = completion.finish_reason in ("stop", "length")
        first = completion.choices[0]  # with a problem it is for whoever asked by hand
        if not (repeatable and ended and first.text and first.problem is None):
            return
        key = _key(request, owner)
        tail, kept = request.prefix[-TAIL:], _kept(completion)
        former = self._entries.setdefault(key, _Answers()).put(tail, kept)
        self._entries.move_to_end(key)
        self._bytes += _size(key, tail, kept) - (_size(key, tail, former) if former else 0)
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def forget(self, is_gone: Callable[[Hashable], bool]) -> None:
        """Forget the answers of the owners that are gone."""
        for key in [key for key in self._entries if is_gone(key[1])]:
            self._drop(key)

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self._bytes = 0

    def _drop(self, key: _Key) -> None:
        answers = self._entries.pop(key).by_tail
        self._bytes -= sum(_size(key, tail, each) for tail, each in answers.items())


def _key(request: CompletionRequest, owner: Hashable) -> _Key:
    """Everything but the prefix that an answer depends on; greedy choice does not on a seed."""
    greedy = request.sampling.greedy
    sampling = Sampling() if greedy else request.sampling
    asked = replace(request, prefix="", deadline_ms=None, trigger="automatic", sampling=sampling)
    return replace(asked, read_as="", prediction=""), owner


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


def _size(key: _Key, tail: str, completion: Completion) -> int:
    """Bytes of an answer, about: its texts, its numbers, and the objects around them."""
    (request, _), choice = key, completion.choices[0]
    texts = [tail, choice.text, request.suffix]
    texts += [snippet.text for snippet in request.snippets]
    numbers = len(choice.token_ids) + sum(2 * len(step.features) for step in choice.confidence)
    return OBJECTS + NUMBER * numbers + sum(map(sys.getsizeof, texts))
