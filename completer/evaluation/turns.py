"""Contestants take turns, so that what else the machine does hits all of them alike."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")
Input = TypeVar("Input")
Result = TypeVar("Result")


def turns(number: int, names: Sequence[T]) -> Sequence[T]:
    """Let another one begin each time: whoever comes first finds the caches cold."""
    start = number % len(names)
    return (*names[start:], *names[:start])


def take_turns(
    runs: Mapping[str, Callable[[Input], Result]],
    inputs: Sequence[Input],
    progress: Callable[[int, int], None],
) -> dict[str, list[Result]]:
    """Run each of `runs` on every input, in turns; return their results by name."""
    results: dict[str, list[Result]] = {name: [] for name in runs}
    for number, each in enumerate(inputs):
        for name in turns(number, tuple(runs)):
            results[name].append(runs[name](each))
        progress(number + 1, len(inputs))
    return results
