"""How sure evidence of names is: how often the name that stands there is one of those known."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from completer.names.evidence import NameKind, NameWeights
from completer.names.guide import NameGuide

Found = tuple[NameKind, bool]
"""What kind of names were known at a place, and whether the true one was among them."""

_HIGHEST = 0.98  # evidence may be wrong where the model is sure
_FEWEST = 20  # places from which a share can be told
_NAME = re.compile(r"[^\W\d]\w*")


def names_found(guide: NameGuide, truth: str) -> Iterator[Found]:
    """Say for each name of a true answer whether the evidence had it, where it had any."""
    text = guide.line + truth
    for name in _NAME.finditer(text):
        if name.end() > len(guide.line):
            known = guide.names_after(text[len(guide.line) : name.start()])
            if known is not None:
                yield known.kind, name[0] in known.names


def fit_name_weights(found: Iterable[Found]) -> NameWeights:
    """Return the share of true names in the sets of each kind that was seen often enough.

    That is the likeliest weight where a model gives the known names little; it holds for all
    models, and for one that knows them a larger or smaller one makes no difference.
    """
    seen = Counter(found)
    weights = {}
    for kind in NameKind:
        there, missing = seen[kind, True], seen[kind, False]
        if there + missing >= _FEWEST:
            weights[kind] = round(min(_HIGHEST, (there + 1) / (there + missing + 2)), 3)
    return weights
