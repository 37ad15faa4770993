"""Gathers what is known about a context: its occurrences in all texts, by the token that followed.

The kernels of drafting work on two objects: `Texts`, everything that can be drafted from, and a
session's working memory (`scratch`).

Beside the places that match there are those that did, until a token was another: an alignment
(`aligning`) goes on there, past the mismatch.
"""

import numpy as np
from numpy.typing import NDArray

from completer.drafting.calibration import EvidenceSource, Side, order_class
from completer.drafting.jit import kernel
from completer.drafting.matching import (
    Found,
    gather_live,
    gather_static,
    order_by_length,
)
from completer.drafting.places import (
    KINDS,
    TextKind,
    Texts,
    is_recent,
    origin_of,
    source_of,
    step_on,
    token_at,
)
from completer.drafting.scratch import (
    ALIGNED_KINDS,
    DEPENDENCIES_ROOM,
    LIVE_ROOM,
    REPOSITORY_ROOM,
    ROOT,
    SAVED_ROOM,
    SLOTS,
    Candidates,
    Contexts,
    Occurrences,
    Scratch,
    Sight,
)
from completer.drafting.suffix_array import DEPTH

Int32s = NDArray[np.int32]
ALIGNED_LENGTH = 4
"""Shorter matches are not continued after a mismatch."""
ALL = DEPTH + 1
"""More tokens than any match has: no occurrence is left out for long ones' sake."""
NODE_SHARE = 2
"""Below the root, the room for occurrences is this many times smaller."""


@kernel
def read_context(contexts: Contexts, history: Int32s, length: int) -> int:
    """Write the root's context; return its length."""
    known = min(length, DEPTH)
    for i in range(known):
        contexts.root[i] = history[length - 1 - i] + 1
    return known


@kernel
def node_context(s: Scratch, known: int, node: int) -> int:
    """Write the context of a tree's node (-1: the root), its path before it; return its length."""
    length = 0
    while node >= 0 and length < DEPTH:
        s.contexts.node[length] = s.tree.token[node] + 1
        node = s.tree.parent[node]
        length += 1
    rest = min(known, DEPTH - length)
    for i in range(rest):
        s.contexts.node[length + i] = s.contexts.root[i]
    return length + rest


@kernel
def gather(s: Scratch, texts: Texts, length: int, candidate: int, share: int, enough: int) -> int:
    """Find where the node's context stood before; return the first of the chain, or -1.

    length: of the context. `candidate` leads to it from its parent's, and its hints tell where to
    look; -1: none. `share`: the room for occurrences is this many times smaller than it could be.
    `enough`: see `matching.gather_static`.
    """
    context, found, weight = s.contexts.node[:length], s.occurrences.rows, s.occurrences.weight
    own = opened = saved = repository = dependencies = 0
    if candidate >= 0:
        hint = s.candidates.hint[candidate]
        own = step_on(texts, hint[TextKind.OWN], TextKind.OWN)
        opened = step_on(texts, hint[TextKind.OPEN], TextKind.OPEN)
        saved = step_on(texts, hint[TextKind.SAVED], TextKind.SAVED)
        repository = step_on(texts, hint[TextKind.REPOSITORY], TextKind.REPOSITORY)
        dependencies = step_on(texts, hint[TextKind.DEPENDENCIES], TextKind.DEPENDENCIES)
    known = s.candidates.hint_length[max(candidate, 0)]
    count = gather_live(
        texts.own, context, own, min(known[TextKind.OWN] + 1, length),
        TextKind.OWN, LIVE_ROOM // share, s.sight.own, found, weight, 0,
    )  # fmt: skip
    count = gather_live(
        texts.live, context, opened, min(known[TextKind.OPEN] + 1, length),
        TextKind.OPEN, LIVE_ROOM // share, s.sight.opened, found, weight, count,
    )  # fmt: skip
    count = gather_live(
        texts.saved, context, saved, min(known[TextKind.SAVED] + 1, length),
        TextKind.SAVED, SAVED_ROOM // share, s.sight.saved, found, weight, count,
    )  # fmt: skip
    count = gather_static(
        texts.repository, context, repository, min(known[TextKind.REPOSITORY] + 1, length),
        TextKind.REPOSITORY, REPOSITORY_ROOM // share, enough,
        s.sight.hidden_begin, s.sight.hidden_end, found, weight, count,
    )  # fmt: skip
    count = gather_static(
        texts.dependencies, context, dependencies, min(known[TextKind.DEPENDENCIES] + 1, length),
        TextKind.DEPENDENCIES, DEPENDENCIES_ROOM // share, enough, 0, 0, found, weight, count,
    )  # fmt: skip
    if candidate >= 0:
        count = _add_aligned(s, texts, candidate, count)
    return order_by_length(found, count, s.occurrences.heads, s.occurrences.link)


@kernel
def _add_aligned(s: Scratch, texts: Texts, candidate: int, count: int) -> int:
    """Add where a candidate's alignments go on; return the new number of occurrences."""
    occurrences, candidates = s.occurrences, s.candidates
    for kind in range(ALIGNED_KINDS):
        if not candidates.aligned[candidate, kind] or not s.alignments.misses[kind]:
            continue
        cursor = step_on(texts, candidates.aligned[candidate, kind], kind)
        token = token_at(texts, cursor, kind)
        if token > 0:
            row = occurrences.rows[count]
            row[Found.CURSOR], row[Found.KIND], row[Found.TOKEN] = cursor, KINDS + kind, token
            row[Found.LENGTH] = min(candidates.aligned_length[candidate, kind] + 2, DEPTH)
            occurrences.weight[count] = s.alignments.length[kind] / ALIGNED_LENGTH
            count += 1
    return count


@kernel
def sort_out(s: Scratch, texts: Texts, chain: int, base: int) -> tuple[int, int]:
    """Sort a chain of occurrences by the token that follows, into candidates from `base` on.

    Leaves the evidence for `blend`; returns how much there is, and the end of the candidates.
    """
    occurrences, candidates, evidence = s.occurrences, s.candidates, s.evidence
    n, end = 0, base
    while chain >= 0:
        row = occurrences.rows[chain]
        cursor, kind = row[Found.CURSOR], row[Found.KIND]
        token, length = row[Found.TOKEN], row[Found.LENGTH]
        is_aligned = kind >= KINDS
        if is_aligned:
            kind -= KINDS
        at = find_candidate(candidates, token, base, end)
        if at == end:
            origin = origin_of(texts, cursor, kind, s.sight.suffix_stream)
            begin_candidate(candidates, at, token, origin)
            evidence.support[at - base] = 0
            end += 1
        order = order_class(length)
        evidence.candidate[n], evidence.order[n] = at - base, order
        evidence.weight[n] = occurrences.weight[chain]
        if is_aligned:
            candidates.aligned[at, kind], candidates.aligned_length[at, kind] = cursor, length - 1
            evidence.source[n] = EvidenceSource.ALIGNED_REPOSITORY + kind
            evidence.close[n] = False
            side = Side.ALIGNED
        else:
            if not candidates.hint[at, kind]:
                candidates.hint[at, kind], candidates.hint_length[at, kind] = cursor, length
            side = Side.LIVE if kind in (TextKind.OWN, TextKind.OPEN) else Side.OTHERS
            evidence.source[n] = source_of(kind)
            evidence.close[n] = _is_close(s.sight, texts, cursor, kind)
        evidence.support[at - base, side] = max(evidence.support[at - base, side], order + 1)
        n += 1
        chain = occurrences.link[chain]
    return n, end


@kernel
def longest_match(occurrences: Occurrences, chain: int) -> int:
    """Return the length of the longest match in a chain of occurrences; 0 if there is none."""
    while chain >= 0 and occurrences.rows[chain, Found.KIND] >= KINDS:
        chain = occurrences.link[chain]
    return int(occurrences.rows[chain, Found.LENGTH]) if chain >= 0 else 0


@kernel
def hinted_match(candidates: Candidates, candidate: int) -> int:
    """Return how many tokens, the candidate the last, have stood so before; 0 if it did nowhere."""
    length = 0
    for kind in range(KINDS):
        if candidates.hint[candidate, kind]:
            length = max(length, candidates.hint_length[candidate, kind] + 1)
    return length


@kernel
def begin_candidate(candidates: Candidates, at: int, token: int, origin: int) -> None:
    """Make a candidate of a stored token, one with no known place."""
    candidates.token[at], candidates.origin[at] = token, origin
    for kind in range(KINDS):
        candidates.hint[at, kind] = 0
    for kind in range(ALIGNED_KINDS):
        candidates.aligned[at, kind] = 0


@kernel
def _is_close(sight: Sight, texts: Texts, cursor: int, kind: int) -> bool:
    """Whether an occurrence is in the document's folder, or shortly before the caret."""
    if kind == TextKind.OWN:
        return is_recent(texts, cursor)
    return kind == TextKind.REPOSITORY and sight.near_begin <= cursor < sight.near_end


@kernel
def lead_to_root(candidates: Candidates, candidate: int, length: int) -> None:
    """Note that a candidate (-1: one that is unknown) is the last token of history[:length].

    Only where it stood in sorted texts and the session's own: nodes of the other live ones may be
    gone when it is used.
    """
    candidates.root_length = length
    for kind in range(KINDS):
        candidates.hint[ROOT, kind] = 0
    if candidate >= 0:
        for kind in (TextKind.REPOSITORY, TextKind.DEPENDENCIES, TextKind.OWN):
            candidates.hint[ROOT, kind] = candidates.hint[candidate, kind]
            candidates.hint_length[ROOT, kind] = candidates.hint_length[candidate, kind]


@kernel
def copy_on(candidates: Candidates, texts: Texts, candidate: int, to: int) -> int:
    """Make candidate `to` what follows a candidate in all its known places; return its token.

    Returns 0 where these places go on differently, or not at all.
    """
    token = 0
    for kind in range(KINDS):
        cursor = step_on(texts, candidates.hint[candidate, kind], kind)
        candidates.hint[to, kind] = 0
        if not candidates.hint[candidate, kind]:
            continue
        following = token_at(texts, cursor, kind)
        if following <= 0 or (token and following != token):
            return 0
        token = following
        candidates.hint[to, kind] = cursor
        candidates.hint_length[to, kind] = candidates.hint_length[candidate, kind] + 1
    for kind in range(ALIGNED_KINDS):
        candidates.aligned[to, kind] = 0
    candidates.token[to] = token
    return token


@kernel
def find_candidate(candidates: Candidates, token: int, base: int, end: int) -> int:
    """Return the candidate in [base, end) for a stored token, or `end`, its slot then reserved.

    Slots that point elsewhere count as empty, so that none has to be cleared between nodes.
    """
    slot = token & (SLOTS - 1)
    while base <= candidates.slots[slot] < end:
        if candidates.token[candidates.slots[slot]] == token:
            return int(candidates.slots[slot])
        slot = (slot + 1) & (SLOTS - 1)
    candidates.slots[slot] = end
    return end
