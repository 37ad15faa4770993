"""Completions that say nothing, only what syntax wants at a caret: one of them shows that it can be
written on there.
"""

import re
from collections.abc import Iterator
from itertools import chain, islice, product

from completer.context.brackets import OPENED_BY, closers_of, unmatched
from completer.context.lexical import without_text
from completer.context.surroundings import Surroundings

_EACH = 20
_MOST_OPENED = 3
_STEMS = ("x", "", " x", ": x", " in x", " for x in x", " else x", "=x")
_OPENING = ("", "x", "=x", " = x", " x")
_ENDS = ("", ",", " = x", ":", ": pass")
_ENDS_OF_HEAD = (":", ": pass", "", ",")
_ENDS_OF_IMPORT = ("", " import x", " as x", ",")
_ENDS_ELSEWHERE = ("", ";", ",", " {}", ": x", " = x;")
_HEAD = re.compile(
    r"\s*(?:async|case|class|def|elif|else|except|finally|for|if|match|try|while|with)\b"
)
_IMPORT = re.compile(r"\s*(?:from|import)\b")
_DEFINED = re.compile(r"\s*(?:async[ \t]+)?def[ \t]+\w*\Z")
_PARAMETERS = ("():", "(): pass", "x():", "x(): pass")
_TYPED = re.compile(r"\w+\Z")


def neutral_completions(around: Surroundings) -> Iterator[tuple[str, int]]:
    """Yield texts, each with how many characters of a word before the caret it takes the place of.

    They close the brackets and quotes that the suffix does not, or open those that it closes.
    """
    texts = list(islice(_texts(around), _EACH))
    yield from ((text, 0) for text in texts)
    if (typed := _TYPED.search(around.line)) is not None:
        yield from ((text, len(typed[0])) for text in texts)


def _texts(around: Surroundings) -> Iterator[str]:
    if around.language == "python" and _DEFINED.match(around.line):
        yield from _PARAMETERS
    quote = around.lexemes[-1].opening if around.where == "string" else ""
    stems = (quote, "}" + quote, "x}" + quote) if quote else _STEMS
    closers = _closers(around)
    closing = [stem + closers for stem in stems]
    opened = _missing(around)
    opening = (stem + opened for stem in _OPENING) if opened and not quote else ()
    closed = (stem + end for end, stem in product(_ends(around), closing))
    yield from dict.fromkeys(chain(opening, closed))


def _ends(around: Surroundings) -> tuple[str, ...]:
    if around.language != "python":
        return _ENDS_ELSEWHERE
    if _IMPORT.match(around.line):
        return _ENDS_OF_IMPORT
    above = len(around.before) - len(around.line)
    goes_on = any(each.position < above for each in unmatched(around.code)[0])
    begins_block = _HEAD.match(around.line) and not goes_on  # as `for` in brackets does not
    return _ENDS_OF_HEAD if begins_block else _ENDS


def _closers(around: Surroundings) -> str:
    """Return the brackets to close, the innermost first."""
    count = max(0, around.closable)
    return closers_of(unmatched(around.code)[0][-count:]) if count else ""


def _missing(around: Surroundings) -> str:
    """Return the brackets that the text behind the caret closes and nothing opens."""
    code = without_text(around.before + around.after, around.language)
    closers = unmatched(code)[1][:_MOST_OPENED]
    return "".join(OPENED_BY[each.character] for each in reversed(closers))
