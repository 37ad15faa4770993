"""Brackets and quotes that editors close by themselves while a person types on in them.

They come and go at the start of the suffix. In front of a prompt that begins with it they would
have all of it computed anew, and they say nothing that the prefix does not.
"""

import re

from completer.context.brackets import closers_of, unmatched
from completer.context.surroundings import Surroundings

_CLOSERS = re.compile(r"""[)\]}"'`]+(?=\s*\Z)""")


def auto_closed(around: Surroundings) -> int:
    """Return how many characters right of the caret close what its line has opened, and no more.

    None, if anything else stands there.
    """
    found = _CLOSERS.match(around.rest)
    if found is None:
        return 0
    line_start = len(around.before) - len(around.line)
    opened = unmatched(around.code[line_start:])[0]
    expected = closers_of(opened)
    if around.where == "string" and around.lexemes[-1].start >= line_start:
        expected = around.lexemes[-1].opening[-1:] + expected
    return len(found[0]) if expected.startswith(found[0]) else 0
