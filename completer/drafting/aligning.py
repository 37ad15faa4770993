"""Goes on after a mismatch where a match broke off: a copied text in which a name is another.

A suffix match knows nothing across a token that differs. An alignment does: when the longest match
of a kind ends because another token came, its place is kept, and what follows there is a candidate
for what follows here. Where tokens were put in or left out, the next token that is found a little
further on sets it right again, as in a diff. How far it is to be trusted is learned, by how long
the match was before and for how long the texts have agreed again since.
"""

from completer.drafting.evidence import ALIGNED_LENGTH
from completer.drafting.jit import kernel
from completer.drafting.matching import Found
from completer.drafting.places import Texts, step_on, token_at
from completer.drafting.scratch import ALIGNED_KINDS, ROOT, Candidates, Scratch

_WINDOW = 8
"""So many tokens may have been left out."""
_MOST_MISSES = 12
_MISMATCH = -1


@kernel
def align(s: Scratch, texts: Texts, chain: int, came: int) -> None:
    """Move the root's alignments over the stored token that came after the occurrences `chain`."""
    occurrences, alignments, candidates = s.occurrences, s.alignments, s.candidates
    for kind in range(ALIGNED_KINDS):
        _move(s, texts, kind, came)
        longest = chain
        while longest >= 0 and occurrences.rows[longest, Found.KIND] != kind:
            longest = occurrences.link[longest]
        length = occurrences.rows[longest, Found.LENGTH] if longest >= 0 else 0
        known = alignments.length[kind] if candidates.aligned[ROOT, kind] else 0
        if length < ALIGNED_LENGTH or length <= known:
            continue
        cursor = occurrences.rows[longest, Found.CURSOR]
        candidates.aligned[ROOT, kind] = cursor
        alignments.length[kind], alignments.misses[kind] = length, 0
        candidates.aligned_length[ROOT, kind] = length
        if token_at(texts, cursor, kind) != came:
            alignments.misses[kind] = 1
            _set_right(candidates, texts, kind, came)


@kernel
def _move(s: Scratch, texts: Texts, kind: int, came: int) -> None:
    """Take an alignment one token on."""
    alignments, candidates = s.alignments, s.candidates
    last = candidates.aligned[ROOT, kind]
    cursor = step_on(texts, last, kind)
    token = token_at(texts, cursor, kind)
    if not last or not token:
        candidates.aligned[ROOT, kind] = 0
        return
    if token == came:
        candidates.aligned[ROOT, kind] = cursor
        candidates.aligned_length[ROOT, kind] += 1
        return
    alignments.misses[kind] += 1
    if alignments.misses[kind] > _MOST_MISSES:
        candidates.aligned[ROOT, kind] = 0
    elif candidates.aligned_length[ROOT, kind] == _MISMATCH and token_at(texts, last, kind) == came:
        candidates.aligned_length[ROOT, kind] = 0
    else:
        candidates.aligned[ROOT, kind] = cursor
        _set_right(candidates, texts, kind, came)


@kernel
def _set_right(candidates: Candidates, texts: Texts, kind: int, came: int) -> None:
    """Look a little further on for a token that differs at an alignment's place."""
    candidates.aligned_length[ROOT, kind] = _MISMATCH
    cursor = candidates.aligned[ROOT, kind]
    for _ in range(_WINDOW):
        cursor = step_on(texts, cursor, kind)
        token = token_at(texts, cursor, kind)
        if not token:
            return
        if token == came:
            candidates.aligned[ROOT, kind], candidates.aligned_length[ROOT, kind] = cursor, 0
            return
