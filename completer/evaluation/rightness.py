"""Whether what is shown is right as far as it goes: what a person could accept and type on from.

It is right if it is all of what stood there, or a beginning of it that ends where something ends:
a line, or a syntax node that is not a mere part of what follows it (`reader` of `reader.close()` is
one), with all brackets closed that it opens. White space at the ends of lines counts for nothing.
"""

import re

from completer.context.brackets import open_brackets
from completer.evaluation.scoring import without_line_ends
from completer.evaluation.spans import Span

_GOES_ON = re.compile(r"[\w.(\[]")


def is_right(span: Span, text: str) -> bool:
    """Whether `text`, shown instead of the span, is right; an empty one is not."""
    said, wanted = without_line_ends(text).strip(), without_line_ends(span.truth).strip()
    if not said or not wanted.startswith(said):
        return False
    rest = wanted[len(said) :]
    return not rest or rest.startswith("\n") or _ends_a_node(span, text.rstrip(), rest)


def _ends_a_node(span: Span, text: str, rest: str) -> bool:
    """Whether a syntax node of the file ends with `text`; `rest` is what follows it."""
    lead = len(span.truth) - len(span.truth.lstrip())
    at = span.start + lead + len(text.lstrip())
    whole = span.source.text[span.start + lead : at] == text.lstrip()  # offsets are as in the file
    unclosed = open_brackets(text, span.source.language)
    if not whole or unclosed or _GOES_ON.match(rest):
        return False
    return any(end == at for _, end in span.source.nodes_at(at - 1))
