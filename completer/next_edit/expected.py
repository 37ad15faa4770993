"""What a region will probably become: its old text, in which the last edits are made as well.

To draft from, so that it may be wrong.
"""

import re
from collections.abc import Iterable

Replacement = tuple[str, str]
"""Of the words that an edit changed, the old ones and the new ones, whole."""
_WORD_END = re.compile(r"\w*\Z")
_WORD_START = re.compile(r"\w*")


def replacement(before: str, start: int, old: str, new: str) -> Replacement | None:
    """Return what was replaced when `old`, at `start` of a text, became `new`, up to word ends.

    `None` for what cannot be found again: more than a line, or nothing but an insertion between
    words.
    """
    end = start + len(old)
    ahead = _WORD_END.search(before[max(0, start - 200) : start])
    behind = _WORD_START.match(before, end, end + 200)
    left, right = ahead.group() if ahead else "", behind.group() if behind else ""
    whole = left + old + right
    return (whole, left + new + right) if whole.strip() and "\n" not in whole else None


def expected(region: str, replaced: Iterable[Replacement]) -> str:
    """Return a region with each replacement made in it, wherever whole words of it stand."""
    for old, new in replaced:
        ahead, behind = r"(?<!\w)" if old[0].isidentifier() else "", r"(?!\w)" * (old[-1] != " ")
        region = re.sub(f"{ahead}{re.escape(old)}{behind}", new.replace("\\", r"\\"), region)
    return region
