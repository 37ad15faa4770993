"""What a region will probably become: its old text, in which the last edits are made as well.

To draft from, so that it may be wrong.
"""

import re
from collections.abc import Iterable

Replacement = tuple[str, str]
"""The word that an edit changed, and what it became."""
_WORD_END = re.compile(r"\w*\Z")
_WORD_START = re.compile(r"\w*")
_LONGEST = 200


def replacement(before: str, start: int, old: str, new: str) -> Replacement | None:
    """Return what word was replaced when `old`, at `start` of a text, became `new`.

    `None` where it was no word, or one of a single character, which stands in too many places.
    """
    end = start + len(old)
    ahead = _WORD_END.search(before[max(0, start - _LONGEST) : start])
    behind = _WORD_START.match(before, end, end + _LONGEST)
    left, right = ahead.group() if ahead else "", behind.group() if behind else ""
    words = left + old + right, left + new + right
    are_words = len(words[0]) > 1 and all(re.fullmatch(r"\w+", word) for word in words)
    return words if are_words else None


def expected(region: str, replaced: Iterable[Replacement]) -> str:
    """Return a region with each replacement made in it, wherever the whole word stands."""
    for old, new in replaced:
        region = re.sub(rf"\b{re.escape(old)}\b", new, region)
    return region
