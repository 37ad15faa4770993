"""Gathers what is known about a context: its occurrences in all texts, by the token that followed.

The kernels of drafting work on two objects: `Texts`, everything that can be drafted from, and one
record of `SCRATCH`, the working memory of a session.

Beside the places that match there are those that did, until a token was another: an alignment
(`aligning`) goes on there, past the mismatch.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from completer.drafting.calibration import (
    MAX_EXPERTS,
    SIDES,
    SOURCES,
    EvidenceSource,
    Side,
    order_class,
)
from completer.drafting.jit import kernel
from completer.drafting.matching import (
    CURSOR,
    KIND,
    LENGTH,
    TOKEN,
    gather_live,
    gather_static,
    order_by_length,
)
from completer.drafting.places import (
    KINDS,
    Kind,
    Texts,
    is_recent,
    origin_of,
    source_of,
    step_on,
    token_at,
)
from completer.drafting.suffix_array import DEPTH

Int32s = NDArray[np.int32]
Float64s = NDArray[np.float64]
Record: TypeAlias = Any
"""An element of an array of `SCRATCH`."""

MAX_TREE = 256
"""Most tokens in one tree."""
MAX_CANDIDATES = 1024
SLOTS = 256
_LIVE_ROOM, _SAVED_ROOM, _REPOSITORY_ROOM, _DEPENDENCIES_ROOM = 32, 32, 64, 16
ALIGNED_LENGTH = 4
"""Matches shorter than this are not worth going on from after a mismatch."""
ALL = DEPTH + 1
"""More tokens than any match has: no occurrence is left out for long ones' sake."""
NODE_SHARE = 2
"""Below the root, the room for occurrences is this many times smaller."""
ALIGNED_KINDS = 2
"""Alignments are with places of the first two kinds, the repository's and the session's own."""
MAX_OCCURRENCES = (
    2 * _LIVE_ROOM + _SAVED_ROOM + _REPOSITORY_ROOM + _DEPENDENCIES_ROOM + ALIGNED_KINDS
)
ROOT = MAX_CANDIDATES + MAX_OCCURRENCES
"""The candidate that led to the root: the token that was learned last."""
_SIZE = ROOT + 1

SCRATCH = np.dtype(
    [
        # about the session: the number of its text after the caret; what it sees of its own, the
        # open and the saved texts; the positions of the document's saved version, which it does not
        # see, and of the document's folder
        ("suffix_stream", np.int32),
        ("own_view", np.int32, 2),
        ("open_view", np.int32, 2),
        ("saved_view", np.int32, 2),
        ("hidden_begin", np.int64),
        ("hidden_end", np.int64),
        ("near_begin", np.int64),
        ("near_end", np.int64),
        # the length of the context that candidate `ROOT` leads to; -1: of none
        ("root_length", np.int64),
        # the context of the root, and of the node that is being expanded, nearest token first
        ("root_context", np.int32, DEPTH),
        ("context", np.int32, DEPTH),
        # occurrences: where that context stood before, chained by `link`
        ("found", np.int32, (MAX_OCCURRENCES, 4)),
        ("found_weight", np.float32, MAX_OCCURRENCES),
        ("link", np.int32, MAX_OCCURRENCES),
        ("heads", np.int32, DEPTH + 1),
        # candidates: tokens that might be taken, each with the best occurrence of each kind
        ("token", np.int32, _SIZE),
        ("parent", np.int32, _SIZE),
        ("origin", np.int8, _SIZE),
        ("prob", np.float64, _SIZE),
        ("hint", np.int32, (_SIZE, KINDS)),
        ("hint_length", np.int32, (_SIZE, KINDS)),
        ("certainty", np.float32, _SIZE),
        ("copied", np.int32, _SIZE),
        ("aligned", np.int32, (_SIZE, ALIGNED_KINDS)),
        ("aligned_length", np.int32, (_SIZE, ALIGNED_KINDS)),
        # alignments: how long the match was that they come from, their mismatches since
        ("aligned_from", np.int32, ALIGNED_KINDS),
        ("aligned_misses", np.int32, ALIGNED_KINDS),
        ("slots", np.int32, SLOTS),
        # what `blending` reads and writes, for one node's candidates
        ("evidence", np.int32, MAX_OCCURRENCES),
        ("evidence_source", np.int8, MAX_OCCURRENCES),
        ("evidence_order", np.int8, MAX_OCCURRENCES),
        ("evidence_weight", np.float64, MAX_OCCURRENCES),
        ("evidence_close", np.int8, MAX_OCCURRENCES),
        ("support", np.int8, (MAX_OCCURRENCES, SIDES)),
        ("count", np.float64, (SOURCES, MAX_OCCURRENCES)),
        ("counted", np.float64, SOURCES),
        ("fresh", np.int8, SOURCES),
        ("score", np.float64, MAX_OCCURRENCES),
        ("experts", np.int64),
        ("expert", np.int32, (MAX_EXPERTS, 3)),
        ("expert_weight", np.float64, MAX_EXPERTS),
        ("expert_share", np.float64, MAX_EXPERTS),
        # how likely what follows the node that was expanded last is among what may be drafted
        ("covered", np.float64),
        # the tree
        ("tree_token", np.int32, MAX_TREE),
        ("tree_parent", np.int32, MAX_TREE),
        ("tree_prob", np.float32, MAX_TREE),
        ("tree_source", np.int8, MAX_TREE),
        ("match_len", np.int64),
    ],
    align=True,
)
"""Working memory of one session: an array of one such element."""


@kernel
def read_context(s: Record, history: Int32s, length: int) -> int:
    """Write the root's context; return its length."""
    known = min(length, DEPTH)
    for i in range(known):
        s.root_context[i] = history[length - 1 - i] + 1
    return known


@kernel
def node_context(s: Record, known: int, node: int) -> int:
    """Write the context of a tree's node (-1: the root), its path before it; return its length."""
    length = 0
    while node >= 0 and length < DEPTH:
        s.context[length] = s.tree_token[node] + 1
        node = s.tree_parent[node]
        length += 1
    rest = min(known, DEPTH - length)
    for i in range(rest):
        s.context[length + i] = s.root_context[i]
    return length + rest


@kernel
def gather(s: Record, texts: Texts, length: int, candidate: int, share: int, enough: int) -> int:
    """Find where s.context[:length] stood before; return the first of the chain, or -1.

    `candidate` leads to the context from its parent's, and its hints tell where to look; -1: none.
    `share`: the room for occurrences is this many times smaller than it could be. `enough`: see
    `matching.gather_static`.
    """
    context, found, weight = s.context[:length], s.found, s.found_weight
    own = opened = saved = repository = dependencies = 0
    if candidate >= 0:
        hint = s.hint[candidate]
        own = step_on(texts, hint[Kind.OWN], Kind.OWN)
        opened = step_on(texts, hint[Kind.OPEN], Kind.OPEN)
        saved = step_on(texts, hint[Kind.SAVED], Kind.SAVED)
        repository = step_on(texts, hint[Kind.REPOSITORY], Kind.REPOSITORY)
        dependencies = step_on(texts, hint[Kind.DEPENDENCIES], Kind.DEPENDENCIES)
    known = s.hint_length[max(candidate, 0)]
    count = gather_live(
        texts.own, context, own, min(known[Kind.OWN] + 1, length),
        Kind.OWN, _LIVE_ROOM // share, s.own_view, found, weight, 0,
    )  # fmt: skip
    count = gather_live(
        texts.live, context, opened, min(known[Kind.OPEN] + 1, length),
        Kind.OPEN, _LIVE_ROOM // share, s.open_view, found, weight, count,
    )  # fmt: skip
    count = gather_live(
        texts.saved, context, saved, min(known[Kind.SAVED] + 1, length),
        Kind.SAVED, _SAVED_ROOM // share, s.saved_view, found, weight, count,
    )  # fmt: skip
    count = gather_static(
        texts.repository, context, repository, min(known[Kind.REPOSITORY] + 1, length),
        Kind.REPOSITORY, _REPOSITORY_ROOM // share, enough, s.hidden_begin, s.hidden_end,
        found, weight, count,
    )  # fmt: skip
    count = gather_static(
        texts.dependencies, context, dependencies, min(known[Kind.DEPENDENCIES] + 1, length),
        Kind.DEPENDENCIES, _DEPENDENCIES_ROOM // share, enough, 0, 0, found, weight, count,
    )  # fmt: skip
    if candidate >= 0:
        count = _add_aligned(s, texts, candidate, count)
    return order_by_length(found, count, s.heads, s.link)


@kernel
def _add_aligned(s: Record, texts: Texts, candidate: int, count: int) -> int:
    """Add where a candidate's alignments go on; return the new number of occurrences."""
    for kind in range(ALIGNED_KINDS):
        if not s.aligned[candidate, kind] or not s.aligned_misses[kind]:
            continue
        cursor = step_on(texts, s.aligned[candidate, kind], kind)
        token = token_at(texts, cursor, kind)
        if token > 0:
            s.found[count, CURSOR], s.found[count, KIND] = cursor, KINDS + kind
            s.found[count, TOKEN] = token
            s.found[count, LENGTH] = min(s.aligned_length[candidate, kind] + 2, DEPTH)
            s.found_weight[count] = s.aligned_from[kind] / ALIGNED_LENGTH
            count += 1
    return count


@kernel
def sort_out(s: Record, texts: Texts, chain: int, base: int) -> tuple[int, int]:
    """Sort a chain of occurrences by the token that follows, into candidates from `base` on.

    Leaves the evidence for `blend`; returns how much there is, and the end of the candidates.
    """
    n, end = 0, base
    while chain >= 0:
        cursor, kind = s.found[chain, CURSOR], s.found[chain, KIND]
        is_aligned = kind >= KINDS
        if is_aligned:
            kind -= KINDS
        token = s.found[chain, TOKEN]
        at = find_candidate(s, token, base, end)
        if at == end:
            _begin_candidate(s, at, token, origin_of(texts, cursor, kind, s.suffix_stream))
            s.support[at - base] = 0
            end += 1
        order = order_class(s.found[chain, LENGTH])
        s.evidence[n], s.evidence_order[n] = at - base, order
        s.evidence_weight[n] = s.found_weight[chain]
        if is_aligned:
            s.aligned[at, kind], s.aligned_length[at, kind] = cursor, s.found[chain, LENGTH] - 1
            s.evidence_source[n] = EvidenceSource.ALIGNED_REPOSITORY + kind
            s.evidence_close[n] = False
            side = Side.ALIGNED
        else:
            if not s.hint[at, kind]:
                s.hint[at, kind], s.hint_length[at, kind] = cursor, s.found[chain, LENGTH]
            side = Side.LIVE if kind in (Kind.OWN, Kind.OPEN) else Side.OTHERS
            s.evidence_source[n] = source_of(kind)
            s.evidence_close[n] = _is_close(s, texts, cursor, kind)
        s.support[at - base, side] = max(s.support[at - base, side], order + 1)
        n += 1
        chain = s.link[chain]
    return n, end


@kernel
def longest_match(s: Record, chain: int) -> int:
    """Return the length of the longest match in a chain of occurrences; 0 if there is none."""
    while chain >= 0 and s.found[chain, KIND] >= KINDS:
        chain = s.link[chain]
    return int(s.found[chain, LENGTH]) if chain >= 0 else 0


@kernel
def hinted_match(s: Record, candidate: int) -> int:
    """Return how many tokens, the candidate the last, have stood so before; 0 if it did nowhere."""
    length = 0
    for kind in range(KINDS):
        if s.hint[candidate, kind]:
            length = max(length, s.hint_length[candidate, kind] + 1)
    return length


@kernel
def _begin_candidate(s: Record, at: int, token: int, origin: int) -> None:
    s.token[at], s.origin[at] = token, origin
    for kind in range(KINDS):
        s.hint[at, kind] = 0
    for kind in range(ALIGNED_KINDS):
        s.aligned[at, kind] = 0


@kernel
def _is_close(s: Record, texts: Texts, cursor: int, kind: int) -> bool:
    """Whether an occurrence is in the document's folder, or shortly before the caret."""
    if kind == Kind.OWN:
        return is_recent(texts, cursor)
    return kind == Kind.REPOSITORY and s.near_begin <= cursor < s.near_end


@kernel
def lead_to_root(s: Record, candidate: int, length: int) -> None:
    """Note that a candidate (-1: one that is unknown) is the last token of history[:length].

    Only where it stood in sorted texts: nodes of the live ones may be gone when it is used.
    """
    s.root_length = length
    for kind in range(KINDS):
        s.hint[ROOT, kind] = 0
    if candidate >= 0:
        for kind in (Kind.REPOSITORY, Kind.DEPENDENCIES):
            s.hint[ROOT, kind] = s.hint[candidate, kind]
            s.hint_length[ROOT, kind] = s.hint_length[candidate, kind]


@kernel
def copy_on(s: Record, texts: Texts, candidate: int, to: int) -> int:
    """Make candidate `to` what follows a candidate in all its known places; return its token.

    Returns 0 where these places go on differently, or not at all.
    """
    token = 0
    for kind in range(KINDS):
        cursor = step_on(texts, s.hint[candidate, kind], kind)
        s.hint[to, kind] = 0
        if not s.hint[candidate, kind]:
            continue
        following = token_at(texts, cursor, kind)
        if following <= 0 or (token and following != token):
            return 0
        token = following
        s.hint[to, kind], s.hint_length[to, kind] = cursor, s.hint_length[candidate, kind] + 1
    for kind in range(ALIGNED_KINDS):
        s.aligned[to, kind] = 0
    s.token[to] = token
    return token


@kernel
def find_candidate(s: Record, token: int, base: int, end: int) -> int:
    """Return the candidate in [base, end) for a stored token, or `end`, its slot then reserved.

    Slots that point elsewhere count as empty, so that none has to be cleared between nodes.
    """
    slot = token & (SLOTS - 1)
    while base <= s.slots[slot] < end:
        if s.token[s.slots[slot]] == token:
            return int(s.slots[slot])
        slot = (slot + 1) & (SLOTS - 1)
    s.slots[slot] = end
    return end
