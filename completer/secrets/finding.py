"""Where secrets stand in a text, and the text without them."""

import hashlib
from collections.abc import Sequence

from completer.secrets import assigned, keys
from completer.secrets.assigned import assigned_secrets
from completer.secrets.keys import private_keys
from completer.secrets.ranges import Range, merged
from completer.secrets.rules import RULES
from completer.secrets.tokens import tokens


def find_secrets(text: str) -> list[Range]:
    """Return where secrets stand, in order, apart from one another. Takes linear time."""
    return merged([*private_keys(text), *find_in_lines(text)])


def find_in_lines(text: str) -> list[Range]:
    """Return where secrets stand that are no private keys: none of them goes over a line's end."""
    return merged([*tokens(text), *assigned_secrets(text)])


def cut(text: str, ranges: Sequence[Range]) -> str:
    r"""Take ranges out of a text. What went over lines leaves a line end, so that none are joined.

    >>> cut("key = 'abc'\n", [(7, 10)])
    "key = ''\n"
    """
    if not ranges:
        return text
    pieces, position = [], 0
    for begin, end in ranges:
        pieces += [text[position:begin], "\n" if "\n" in text[begin:end] else ""]
        position = end
    return "".join([*pieces, text[position:]])


def without_secrets(text: str) -> str:
    """Return a text without its secrets; the very same one if it has none."""
    return cut(text, find_secrets(text))


def rules_digest() -> str:
    """Name the rules: what was read under others may hold what these cut out."""
    patterns = [rule.pattern.pattern for rule in RULES]
    patterns += [each.pattern for each in (*keys.PATTERNS, *assigned.PATTERNS)]
    return hashlib.sha256("\n".join(patterns).encode()).hexdigest()[:16]
