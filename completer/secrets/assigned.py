"""Finds values that are given to a name such as `password` and look drawn at random.

After the keyword rules of detect-secrets 1.5.0, narrowed: what reads like words, an identifier, a
pattern or a placeholder is left alone, since ordinary code is full of names like `token`.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from completer.secrets.ranges import Range

_CONTEXT = 96  # characters before a value in which its name stands
_QUOTED = re.compile(r"[\"'`](?P<value>[^\s\"'`\\]{8,500}+)(?=[\"'`\\\r]|$)", re.MULTILINE)
_BARE = re.compile(
    r"[=:>][ \t]{0,4}(?P<value>[A-Za-z0-9_+/~!@#%^&*-]{8,500}+={0,2})(?=[\s<,;\"'`\\]|$)"
)
_STEMS = ("pass", "pwd", "secret", "token", "credential", "authorization", "key")
_NAME = re.compile(
    r"""(?:pass(?:w(?:or)?d|phrase|code)|pwd|secret|token(?!i[sz])|credential|authorization
    |(?:api|access|auth|account|private|service|client|db|database|encryption|signing|master|shared
       |subscription)[_-]?key|(?:db|database|key|user|root|admin)[_-]?pass)
    [\w-]{0,32}[\\"'\])]{0,5}
    (?:[ ]?:[ ]?[\w.\[\]|?]{1,32})?
    [ \t]{0,8}(?:=>|:=|[=!]=|[=:(,>])[ \t]{0,8}(?:\(?[a-z@]{0,2}\\{0,3}["'`])?\Z""",
    re.VERBOSE,
)
_HEADER = re.compile(r"(?:Bearer|Basic)[ ](?P<value>[A-Za-z0-9+/._~-]{16,500}+={0,2})")
_MIXED = re.compile(r"[A-Za-z][0-9]|[0-9][A-Za-z]|[a-z][A-Z]")
_WRITTEN_BY_HAND = re.compile(  # templates, regular expressions and placeholders
    r"\$[{(]|^\$|\{[\w.:!-]*\}|<[^<>]+>|%\(|%[sdr](?![A-Za-z0-9])|\*\*\*|\.\.\.|\(\?"
)
PATTERNS = (_QUOTED, _BARE, _NAME, _HEADER, _WRITTEN_BY_HAND)
_JOINTS = str.maketrans("", "", "_-./:=+ ")


def assigned_secrets(text: str) -> Iterator[Range]:
    """Yield where values stand that a name, or an `Authorization` header, gives away."""
    for pattern, changing in ((_QUOTED, 1 / 7), (_BARE, 1 / 4)):
        for match in pattern.finditer(text):
            begin, end = match.span("value")
            named = _MIXED.search(text, begin, end) and _has_name(text, begin)
            if named and looks_random(match["value"], changing):
                yield begin, end
    for match in _HEADER.finditer(text):
        if looks_random(match["value"]):
            yield match.span("value")


def _has_name(text: str, position: int) -> bool:
    before = text[max(0, position - _CONTEXT) : position].lower()
    return any(stem in before for stem in _STEMS) and _NAME.search(before) is not None


def looks_random(value: str, changing: float = 1 / 7) -> bool:
    """Whether letters, capitals, digits and signs change too often for words or numbers.

    `changing` is the share of characters that differ in kind from the one before; more is wanted
    where there is no digit, since identifiers change between letters and capitals.

    >>> looks_random("xK9mP2vL5nQ8"), looks_random("test_token_1234"), looks_random("2024-05-01T10")
    (True, False, False)
    """
    if _WRITTEN_BY_HAND.search(value):
        return False
    kinds = [_kind(character) for character in value.translate(_JOINTS)]
    changes = sum(one != other for one, other in pairwise(kinds))
    enough = max(3, changing * len(kinds)) if "digit" in kinds else max(5, 0.4 * len(kinds))
    return len(set(value)) >= 6 and changes >= enough


def _kind(character: str) -> str:
    if character.isdigit():
        return "digit"
    return ("upper" if character.isupper() else "lower") if character.isalpha() else "sign"
