"""Goes on after a mismatch where a match broke off: a copied text in which a name is another.

A suffix match knows nothing across a token that differs. An alignment does: when the longest match
of a kind ends because another token came, its place is kept, and what follows there is a candidate
for what follows here. Where tokens were put in or left out, the next token that is found a little
further on sets it right again, as in a diff. How far it is to be trusted is learned, by how long
the match was before and for how long the texts have agreed again since.
"""

from completer.drafting.evidence import ALIGNED_KINDS, ALIGNED_LENGTH, ROOT, Record
from completer.drafting.jit import kernel
from completer.drafting.matching import CURSOR, KIND, LENGTH
from completer.drafting.places import Texts, step_on, token_at

_WINDOW = 8
"""So many tokens may have been left out."""
_MOST_MISSES = 12
_MISMATCH = -1


@kernel
def align(s: Record, texts: Texts, chain: int, came: int) -> None:
    """Move the root's alignments over the stored token that came after the occurrences `chain`."""
    for kind in range(ALIGNED_KINDS):
        _move(s, texts, kind, came)
        longest = chain
        while longest >= 0 and s.found[longest, KIND] != kind:
            longest = s.link[longest]
        length = s.found[longest, LENGTH] if longest >= 0 else 0
        known = s.aligned_from[kind] if s.aligned[ROOT, kind] else 0
        if length < ALIGNED_LENGTH or length <= known:
            continue
        cursor = s.found[longest, CURSOR]
        s.aligned[ROOT, kind] = cursor
        s.aligned_from[kind], s.aligned_misses[kind] = length, 0
        s.aligned_length[ROOT, kind] = length
        if token_at(texts, cursor, kind) != came:
            s.aligned_misses[kind] = 1
            _set_right(s, texts, kind, came)


@kernel
def _move(s: Record, texts: Texts, kind: int, came: int) -> None:
    """Take an alignment one token on."""
    last = s.aligned[ROOT, kind]
    cursor = step_on(texts, last, kind)
    token = token_at(texts, cursor, kind)
    if not last or not token:
        s.aligned[ROOT, kind] = 0
        return
    if token == came:
        s.aligned[ROOT, kind] = cursor
        s.aligned_length[ROOT, kind] += 1
        return
    s.aligned_misses[kind] += 1
    if s.aligned_misses[kind] > _MOST_MISSES:
        s.aligned[ROOT, kind] = 0
    elif s.aligned_length[ROOT, kind] == _MISMATCH and token_at(texts, last, kind) == came:
        s.aligned_length[ROOT, kind] = 0
    else:
        s.aligned[ROOT, kind] = cursor
        _set_right(s, texts, kind, came)


@kernel
def _set_right(s: Record, texts: Texts, kind: int, came: int) -> None:
    """Look a little further on for a token that differs at an alignment's place."""
    s.aligned_length[ROOT, kind] = _MISMATCH
    cursor = s.aligned[ROOT, kind]
    for _ in range(_WINDOW):
        cursor = step_on(texts, cursor, kind)
        token = token_at(texts, cursor, kind)
        if not token:
            return
        if token == came:
            s.aligned[ROOT, kind], s.aligned_length[ROOT, kind] = cursor, 0
            return
