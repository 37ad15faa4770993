"""Contestants take turns, so that what else the machine does hits all of them alike."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")
Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


def turns(number: int, names: Sequence[T]) -> Sequence[T]:
    """Let another one begin each time: whoever comes first finds the caches cold."""
    start = number % len(names)
    return (*names[start:], *names[:start])


def take_turns(
    runs: Mapping[str, Callable[[Asked], Answer]],
    asked: Sequence[Asked],
    progress: Callable[[int, int], None],
) -> dict[str, list[Answer]]:
    """Ask each of `runs` everything, one after the other each time; their answers by name."""
    answers: dict[str, list[Answer]] = {name: [] for name in runs}
    for number, each in enumerate(asked):
        for name in turns(number, tuple(runs)):
            answers[name].append(runs[name](each))
        progress(number + 1, len(asked))
    return answers
