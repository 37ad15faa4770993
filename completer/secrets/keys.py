r"""Finds private keys in PEM, OpenSSH, PGP and PuTTY form, also where only a part of one is there.

A key is what is base64 behind its first mark or before its last one, however it is broken into
lines: in a file of its own, in a literal with `\n`, in pieces that are added up, in a comment.
"""

import re
from collections.abc import Iterator

from completer.secrets.ranges import Range

_NAMES = ("PRIVATE KEY", "PuTTY-User-Key-File-", "Private-MAC:")
_BEGIN = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-[0-9]: [\w-]+"
)
_END = r"(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|Private-MAC: *[0-9a-f]+)"
_BREAK = r"""[\s"'`+,;#*()>|.\\-]"""
_BETWEEN = rf"(?:{_BREAK}|(?<=\\)[nrt])"  # lines: also `\n`, quotes, plus signs, comment signs
_BETWEEN_BACKWARDS = rf"(?:{_BREAK}|[nrt](?=\\))"
_DATA = r"[A-Za-z0-9+/=]"
_HEADER = rf"{_BETWEEN}{{0,80}}+[A-Z][A-Za-z-]{{2,24}}: [^\r\n\\]{{0,120}}+"
_LINE = rf"{_BETWEEN}{{0,80}}+{_DATA}{{16,}}+"
_LAST_LINE = rf"{_BETWEEN}{{1,80}}+{_DATA}{{1,15}}+(?=\s*(?:[\"'`\\]|-----|$))"
_FROM_BEGIN = re.compile(
    rf"(?:(?:{_HEADER}){{0,8}}+{_LINE})++(?:{_LAST_LINE}){{0,2}}+(?:{_BETWEEN}{{0,80}}?{_END})?",
    re.MULTILINE,
)
_LAST_MARK = re.compile(_END)
_FROM_END = re.compile(  # in reverse, where the last line, or two, may be short
    rf"(?:{_BETWEEN_BACKWARDS}*+{_DATA}{{1,15}}+(?!{_DATA})){{0,2}}+"
    rf"(?:{_BETWEEN_BACKWARDS}*+{_DATA}{{16,}}+)++"
)
PATTERNS = (_BEGIN, _LAST_MARK, _FROM_BEGIN, _FROM_END)


def private_keys(text: str) -> Iterator[Range]:
    """Yield where private keys stand, their marks included, in order."""
    if not any(name in text for name in _NAMES):
        return
    position = 0
    for first in _BEGIN.finditer(text):
        body = _FROM_BEGIN.match(text, first.end())
        if body:
            yield from _without_beginning(text, position, first.start())
            yield first.start(), body.end()
            position = body.end()
    yield from _without_beginning(text, position, len(text))


def _without_beginning(text: str, begin: int, end: int) -> Iterator[Range]:
    """Yield the ends of keys whose first mark is elsewhere, such as left of what is looked at."""
    for last in _LAST_MARK.finditer(text, begin, end):
        body = _FROM_END.match(text[begin : last.start()][::-1])
        if body:
            yield last.start() - body.end(), last.end()
        begin = last.end()
