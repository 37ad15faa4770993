"""Gathers what is known about a context: its occurrences in all texts, by the token that followed.

The kernels of drafting work on two objects: `Texts`, everything that can be drafted from, and one
record of `SCRATCH`, the working memory of a session.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from completer.drafting.calibration import MAX_EXPERTS, SOURCES, order_class
from completer.drafting.matching import (
    CURSOR,
    DEPENDENCIES,
    KIND,
    KINDS,
    LENGTH,
    LIVE,
    REPOSITORY,
    SAVED,
    gather_live,
    gather_static,
    order_by_length,
)
from completer.drafting.suffix_array import DEPTH, TEXT, SortedText
from completer.drafting.suffix_tree import NEXT, RECENT_BIT, STREAM, TOKEN

Int32s = NDArray[np.int32]
Float64s = NDArray[np.float64]
Record: TypeAlias = Any
"""An element of an array of `SCRATCH`."""

MAX_TREE = 256
"""Most tokens in one tree."""
MAX_CANDIDATES = 1024
SLOTS = 256
SUFFIX = 5
"""As in `tree.Source`."""

_LIVE_ROOM, _SAVED_ROOM, _REPOSITORY_ROOM, _DEPENDENCIES_ROOM = 32, 32, 32, 16
NODE_SHARE = 2
"""Below the root, the room for occurrences is this many times smaller."""
MAX_OCCURRENCES = _LIVE_ROOM + _SAVED_ROOM + _REPOSITORY_ROOM + _DEPENDENCIES_ROOM
ROOT = MAX_CANDIDATES + MAX_OCCURRENCES
"""The candidate that led to the root: the token that was learned last."""
_SIZE = ROOT + 1

SCRATCH = np.dtype(
    [
        # about the session: the live stream after the caret, the positions of the document's folder
        ("suffix_stream", np.int64),
        ("near_begin", np.int64),
        ("near_end", np.int64),
        # the length of the context that candidate `ROOT` leads to; -1: of none
        ("root_length", np.int64),
        # the context of the root, and of the node that is being expanded, nearest token first
        ("root_context", np.int32, DEPTH),
        ("context", np.int32, DEPTH),
        # occurrences: where that context stood before, chained by `link`
        ("found", np.int32, (MAX_OCCURRENCES, 3)),
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
        ("slots", np.int32, SLOTS),
        # what `blending` reads and writes, for one node's candidates
        ("evidence", np.int32, MAX_OCCURRENCES),
        ("evidence_source", np.int8, MAX_OCCURRENCES),
        ("evidence_order", np.int8, MAX_OCCURRENCES),
        ("evidence_weight", np.float64, MAX_OCCURRENCES),
        ("evidence_close", np.int8, MAX_OCCURRENCES),
        ("support", np.int8, (MAX_OCCURRENCES, 2)),
        ("count", np.float64, (SOURCES, MAX_OCCURRENCES)),
        ("counted", np.float64, SOURCES),
        ("fresh", np.int8, SOURCES),
        ("score", np.float64, MAX_OCCURRENCES),
        ("experts", np.int64),
        ("expert", np.int32, (MAX_EXPERTS, 3)),
        ("expert_weight", np.float64, MAX_EXPERTS),
        ("expert_share", np.float64, MAX_EXPERTS),
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


class Texts(NamedTuple):
    """Everything that can be drafted from, as the kernels see it."""

    live: Int32s
    """Open documents and accepted completions (`suffix_tree`)."""
    saved: Int32s
    """Files saved since the repository was sorted (`suffix_tree`)."""
    repository: SortedText
    """The repository (`suffix_array`)."""
    dependencies: SortedText
    """Installed packages (`suffix_array`)."""
    recycled: Int32s
    """The table of `recycling`."""
    factors: Float64s
    """The factors of `calibration`."""


@njit(cache=True, nogil=True)
def read_context(s: Record, history: Int32s, length: int) -> int:
    """Write the root's context; return its length."""
    known = min(length, DEPTH)
    for i in range(known):
        s.root_context[i] = history[length - 1 - i] + 1
    return known


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def gather(s: Record, texts: Texts, length: int, candidate: int, share: int) -> int:
    """Find where s.context[:length] stood before; return the first of the chain, or -1.

    `candidate` leads to the context from its parent's, and its hints tell where to look; -1: none.
    `share`: the room for occurrences is this many times smaller than it could be.
    """
    context, found, weight = s.context[:length], s.found, s.found_weight
    live = saved = repository = dependencies = 0
    if candidate >= 0:
        hint = s.hint[candidate]
        live = texts.live[hint[LIVE], NEXT] if hint[LIVE] else 0
        saved = texts.saved[hint[SAVED], NEXT] if hint[SAVED] else 0
        repository = hint[REPOSITORY] + 1 if hint[REPOSITORY] else 0
        dependencies = hint[DEPENDENCIES] + 1 if hint[DEPENDENCIES] else 0
    known = s.hint_length[max(candidate, 0)]
    count = gather_live(
        texts.live, context, live, min(known[LIVE] + 1, length), LIVE, _LIVE_ROOM // share,
        found, weight, 0,
    )  # fmt: skip
    count = gather_live(
        texts.saved, context, saved, min(known[SAVED] + 1, length), SAVED, _SAVED_ROOM // share,
        found, weight, count,
    )  # fmt: skip
    count = gather_static(
        texts.repository, context, repository, min(known[REPOSITORY] + 1, length),
        REPOSITORY, _REPOSITORY_ROOM // share, found, weight, count,
    )  # fmt: skip
    count = gather_static(
        texts.dependencies, context, dependencies, min(known[DEPENDENCIES] + 1, length),
        DEPENDENCIES, _DEPENDENCIES_ROOM // share, found, weight, count,
    )  # fmt: skip
    return order_by_length(found, count, s.heads, s.link)


@njit(cache=True, nogil=True)
def sort_out(s: Record, texts: Texts, chain: int, base: int) -> tuple[int, int]:
    """Sort a chain of occurrences by the token that follows, into candidates from `base` on.

    Leaves the evidence for `blend`; returns how much there is, and the end of the candidates.
    """
    n, end = 0, base
    while chain >= 0:
        cursor, kind = s.found[chain, CURSOR], s.found[chain, KIND]
        token = _token(texts, cursor, kind)
        at = find_candidate(s, token, base, end)
        if at == end:
            s.token[at] = token
            for other in range(KINDS):
                s.hint[at, other] = 0
            s.origin[at] = _origin(texts, cursor, kind, s.suffix_stream)
            s.support[at - base, 0] = s.support[at - base, 1] = 0
            end += 1
        if not s.hint[at, kind]:
            s.hint[at, kind], s.hint_length[at, kind] = cursor, s.found[chain, LENGTH]
        order = order_class(s.found[chain, LENGTH])
        side = 0 if kind == LIVE else 1
        s.support[at - base, side] = max(s.support[at - base, side], order + 1)
        s.evidence[n], s.evidence_order[n] = at - base, order
        s.evidence_close[n] = _is_close(s, texts, cursor, kind)
        s.evidence_source[n] = REPOSITORY if kind == SAVED else kind
        s.evidence_weight[n] = s.found_weight[chain]
        n += 1
        chain = s.link[chain]
    return n, end


@njit(cache=True, nogil=True)
def lead_to_root(s: Record, candidate: int, length: int) -> None:
    """Note that a candidate (-1: one that is unknown) is the last token of history[:length].

    Only where it stood in sorted texts: nodes of the live ones may be gone when it is used.
    """
    s.root_length = length if candidate >= 0 else -1
    s.hint[ROOT, LIVE] = s.hint[ROOT, SAVED] = 0
    if candidate >= 0:
        for kind in (REPOSITORY, DEPENDENCIES):
            s.hint[ROOT, kind] = s.hint[candidate, kind]
            s.hint_length[ROOT, kind] = s.hint_length[candidate, kind]


@njit(cache=True, nogil=True)
def copy_on(s: Record, texts: Texts, candidate: int, to: int) -> int:
    """Make candidate `to` what follows a candidate in all its known places; return its token.

    Returns 0 where these places go on differently, or not at all.
    """
    token = 0
    for kind in range(KINDS):
        cursor = s.hint[candidate, kind]
        s.hint[to, kind] = 0
        if not cursor:
            continue
        if kind == LIVE:
            cursor = texts.live[cursor, NEXT]
        elif kind == SAVED:
            cursor = texts.saved[cursor, NEXT]
        else:
            cursor += 1
        following = _token(texts, cursor, kind)
        if following <= 0 or (token and following != token):
            return 0
        token = following
        s.hint[to, kind], s.hint_length[to, kind] = cursor, s.hint_length[candidate, kind] + 1
    s.token[to] = token
    return token


@njit(cache=True, nogil=True)
def _token(texts: Texts, cursor: int, kind: int) -> int:
    """Return the stored token at an occurrence's cursor."""
    if kind == LIVE:
        return int(texts.live[cursor, TOKEN])
    if kind == SAVED:
        return int(texts.saved[cursor, TOKEN])
    return int(
        (texts.repository if kind == REPOSITORY else texts.dependencies).columns[TEXT, cursor]
    )


@njit(cache=True, nogil=True)
def _origin(texts: Texts, cursor: int, kind: int, suffix_stream: int) -> int:
    """Return the `Source` of an occurrence."""
    if kind == LIVE and texts.live[cursor, STREAM] == suffix_stream:
        return SUFFIX
    return REPOSITORY if kind == SAVED else int(kind)


@njit(cache=True, nogil=True)
def _is_close(s: Record, texts: Texts, cursor: int, kind: int) -> bool:
    """Whether an occurrence is in the document's folder, or shortly before the caret."""
    if kind == LIVE:
        return bool(texts.live[cursor, STREAM] & RECENT_BIT)
    return kind == REPOSITORY and s.near_begin <= cursor < s.near_end


@njit(cache=True, nogil=True)
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
