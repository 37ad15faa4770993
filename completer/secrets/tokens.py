"""Finds tokens that are known by their form."""

import re
from collections.abc import Iterator

from completer.secrets.ranges import Range
from completer.secrets.rules import RULES, SecretRule

_RUN = re.compile(r"[A-Za-z0-9_+/=-]*+")
_FARTHEST_BACK = 2_000
_SHORT = 1_000  # characters up to which one search for all rules costs less than one for each
_ANY = re.compile(
    "|".join(rule.pattern.pattern.replace("?P<secret>", "?:") for rule in RULES), re.A
)


def tokens(text: str) -> Iterator[Range]:
    """Yield where tokens stand; those of different rules may overlap."""
    if len(text) <= _SHORT and not _ANY.search(text):
        return
    for rule in RULES:
        yield from _matches(rule, text)


def _matches(rule: SecretRule, text: str) -> Iterator[Range]:
    position = 0
    while match := rule.pattern.search(text, position):
        begin, end = match.span("secret" if "secret" in rule.pattern.groupindex else 0)
        if rule.backwards:
            begin -= _run_length(text[max(position, begin - _FARTHEST_BACK) : begin][::-1])
        position = end + _run_length(text, end)
        yield begin, position


def _run_length(text: str, position: int = 0) -> int:
    """How many characters from `position` on could belong to a token."""
    match = _RUN.match(text, position)
    return match.end() - position if match else 0
