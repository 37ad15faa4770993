"""Near duplicates by exact line hashing: a file of lines seen before is not seen again."""

from __future__ import annotations

from collections.abc import Iterable

SHORTEST_LINE = 16  # characters; shorter lines (`else:`, `return x`) say nothing about copying
NEAR_DUPLICATE = 0.6  # share of a file's lines that were seen before
CONTAMINATED = 0.3  # share of a file's lines that occur in the held-out files


def significant_lines(text: str) -> set[int]:
    """Hashes of the lines that tell one file from another; equal within one process only."""
    stripped = (line.strip() for line in text.splitlines())
    return {hash(line) for line in stripped if len(line) >= SHORTEST_LINE}


class LineFilter:
    """Admits each file only if it is neither a near duplicate nor held out in disguise.

    The held-out lines catch copies of held-out packages under other names (vendored, renamed,
    forked).
    """

    def __init__(self, held_out_texts: Iterable[str] = ()) -> None:
        self._held_out: set[int] = set().union(*map(significant_lines, held_out_texts))
        self._seen: set[int] = set()

    def admits(self, text: str) -> bool:
        """Whether the text is new; if it is, its lines count as seen from now on."""
        lines = significant_lines(text)
        if (
            _share(lines, self._seen) >= NEAR_DUPLICATE
            or _share(lines, self._held_out) >= CONTAMINATED
        ):
            return False
        self._seen |= lines
        return True


def _share(lines: set[int], known: set[int]) -> float:
    return len(lines & known) / max(1, len(lines))
