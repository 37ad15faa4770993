"""Grows a draft tree, best first, and cuts it where one more token no longer pays.

All occurrences of the context hang on the root, longest match first. Taking a token into the tree moves the occurrences
that continue with it on by one and sorts them by what comes next; `calibration` blends them into probabilities. The next
token taken is always the one with the likeliest path, so that the tree of n tokens is the best of its size, and the
expected number of tokens that a step yields is 1 + the sum of the tree's probabilities.

The cut maximises (expected tokens) - rate * (cost of the step), where the rate is the tokens per millisecond that
drafting has yielded of late: by the renewal-reward theorem that maximises the rate itself.
"""

from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from completer.drafting.calibration import (
    BY_RANK,
    MAX_EXPERTS,
    SOURCES,
    adapt,
    adapt_rank,
    blend,
    order_class,
)
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
from completer.drafting.recycling import recall
from completer.drafting.suffix_array import DEPTH, TEXT
from completer.drafting.suffix_tree import NEXT, STREAM, TOKEN

Int32s = NDArray[np.int32]
Float64s = NDArray[np.float64]
Record: TypeAlias = Any
"""An element of an array of `SCRATCH`."""

MAX_TREE = 256
"""Most tokens in one tree."""
RECYCLED, SUFFIX = 3, 5
"""As in `tree.Source`."""

_LIVE_ROOM, _SAVED_ROOM, _REPOSITORY_ROOM, _DEPENDENCIES_ROOM = 32, 24, 32, 16
MAX_OCCURRENCES = _LIVE_ROOM + _SAVED_ROOM + _REPOSITORY_ROOM + _DEPENDENCIES_ROOM
_NODE_SHARE = 4
"""Below the root, the room for occurrences is this many times smaller."""
_LEAST_PROB = 0.004
"""Paths less likely than this are not followed."""
_MAX_CANDIDATES = 1024
_SIZE = _MAX_CANDIDATES + MAX_OCCURRENCES
_SLOTS = 256

SCRATCH = np.dtype(
    [
        # the context of the root, and of the node that is being expanded, nearest token first
        ("root_context", np.int32, DEPTH),
        ("context", np.int32, DEPTH),
        # occurrences: where that context stood before, chained by `link`
        ("found", np.int32, (MAX_OCCURRENCES, 3)),
        ("found_weight", np.float32, MAX_OCCURRENCES),
        ("link", np.int32, MAX_OCCURRENCES),
        ("heads", np.int32, DEPTH + 1),
        # candidates: tokens that might be taken, each with the best occurrence of each kind that goes on with it
        ("token", np.int32, _SIZE),
        ("parent", np.int32, _SIZE),
        ("origin", np.int8, _SIZE),
        ("prob", np.float64, _SIZE),
        ("hint", np.int32, (_SIZE, KINDS)),
        ("slots", np.int32, _SLOTS),
        # what `calibration.blend` reads and writes, for one node's candidates
        ("evidence", np.int32, MAX_OCCURRENCES),
        ("evidence_source", np.int8, MAX_OCCURRENCES),
        ("evidence_order", np.int8, MAX_OCCURRENCES),
        ("evidence_weight", np.float64, MAX_OCCURRENCES),
        ("count", np.float64, (SOURCES, MAX_OCCURRENCES)),
        ("counted", np.float64, SOURCES),
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
    repository: Int32s
    repository_shared: NDArray[np.uint8]
    repository_starts: Int32s
    """The repository (`suffix_array`)."""
    dependencies: Int32s
    dependencies_shared: NDArray[np.uint8]
    dependencies_starts: Int32s
    """Installed packages (`suffix_array`)."""
    recycled: Int32s
    """The table of `recycling`."""
    factors: Float64s
    """The factors of `calibration`."""


@njit(cache=True, nogil=True)
def propose(
    texts: Texts,
    history: Int32s,
    length: int,
    step_cost: Float64s,
    rate: float,
    branching: bool,
    suffix_stream: int,
    scratch: NDArray[np.void],
) -> int:
    """Grow a tree of at most len(step_cost) - 1 tokens in scratch[0].tree_*; return its size.

    history[:length] are token ids in the document's order; `suffix_stream` is the live stream after the caret.
    """
    s = scratch[0]
    s.slots[:] = -1
    known = _read_context(s, history, length)
    count = _expand(s, texts, known, -1, -1, 1.0, 0, suffix_stream)
    taken, best = 0, 0
    expected, best_value = 1.0, 1.0 - rate * step_cost[0]
    while taken < len(step_cost) - 1:
        at = _likeliest(s, count, -2 if branching else taken - 1)
        if at < 0 or not _may_pay(step_cost, rate, taken, expected, s.prob[at], best_value):
            break
        prob = s.prob[at]
        _take(s, at, taken)
        taken += 1
        expected += prob
        if expected - rate * step_cost[taken] > best_value:
            best, best_value = taken, expected - rate * step_cost[taken]
        if count <= _MAX_CANDIDATES and taken < len(step_cost) - 1:
            count = _expand(s, texts, known, taken - 1, at, prob, count, suffix_stream)
    return best


@njit(cache=True, nogil=True)
def learn(texts: Texts, history: Int32s, length: int, scratch: NDArray[np.void]) -> None:
    """Adapt the factors to token history[length], knowing that it followed history[:length]."""
    s = scratch[0]
    s.slots[:] = -1
    known = _read_context(s, history, length)
    s.context[:known] = s.root_context[:known]
    came = history[length] + 1
    first = _gather(s, texts, known, -1)
    if first >= 0:
        n, count = _sort_out(s, texts, first, 0, 0)
        watched = _candidate(s, came, 0, count)
        total = blend(s, texts.factors, n, count, watched if watched < count else -1)
        if n:
            adapt(s, texts.factors, total, s.evidence_order[0])
    elif length:
        candidates = recall(texts.recycled, history[length - 1] + 1)
        for rank in range(len(candidates)):
            adapt_rank(texts.factors, rank, candidates[rank] + 1 == came)


@njit(cache=True, nogil=True)
def _read_context(s: Record, history: Int32s, length: int) -> int:
    """Write the root's context; return its length."""
    known = min(length, DEPTH)
    for i in range(known):
        s.root_context[i] = history[length - 1 - i] + 1
    return known


@njit(cache=True, nogil=True)
def _node_context(s: Record, known: int, node: int) -> int:
    """Write the context of a tree's node (-1: the root): its path, then the root's; return its length."""
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
def _gather(s: Record, texts: Texts, length: int, candidate: int) -> int:
    """Find where s.context[:length] stood before; return the first of the chain, or -1.

    `candidate` leads to the context, from its parent's: its hints tell where to look. -1: no candidate.
    """
    context, found, weight = s.context[:length], s.found, s.found_weight
    live = saved = repository = dependencies = 0
    share = 1
    if candidate >= 0:
        share = _NODE_SHARE
        hint = s.hint[candidate]
        live = texts.live[hint[LIVE], NEXT] if hint[LIVE] else 0
        saved = texts.saved[hint[SAVED], NEXT] if hint[SAVED] else 0
        repository = hint[REPOSITORY] + 1 if hint[REPOSITORY] else 0
        dependencies = hint[DEPENDENCIES] + 1 if hint[DEPENDENCIES] else 0
    count = gather_live(texts.live, context, live, LIVE, _LIVE_ROOM // share, found, weight, 0)
    count = gather_live(
        texts.saved, context, saved, SAVED, _SAVED_ROOM // share, found, weight, count
    )
    count = gather_static(
        texts.repository, texts.repository_shared, texts.repository_starts, context, repository,
        REPOSITORY, _REPOSITORY_ROOM // share, found, weight, count,
    )  # fmt: skip
    count = gather_static(
        texts.dependencies, texts.dependencies_shared, texts.dependencies_starts, context, dependencies,
        DEPENDENCIES, _DEPENDENCIES_ROOM // share, found, weight, count,
    )  # fmt: skip
    return order_by_length(found, count, s.heads, s.link)


@njit(cache=True, nogil=True)
def _expand(
    s: Record,
    texts: Texts,
    known: int,
    node: int,
    candidate: int,
    prob: float,
    base: int,
    suffix_stream: int,
) -> int:
    """Add what may follow a tree's node, once a candidate, to the candidates; the root is node -1.

    Returns the new number of candidates, of which there were `base`.
    """
    length = _node_context(s, known, node)
    first = _gather(s, texts, length, candidate)
    if node < 0:
        s.match_len = s.found[first, LENGTH] if first >= 0 else 0
    if first < 0:
        return _recycle(s, texts, s.context[0] if length else 0, node, prob, base)
    n, end = _sort_out(s, texts, first, base, suffix_stream)
    scale = prob / blend(s, texts.factors, n, end - base, -1)
    kept = base
    for i in range(base, end):
        likely = s.score[i - base] * scale
        if likely >= _LEAST_PROB:
            s.token[kept], s.origin[kept] = s.token[i], s.origin[i]
            s.hint[kept] = s.hint[i]
            s.parent[kept], s.prob[kept] = node, likely
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def _sort_out(
    s: Record, texts: Texts, chain: int, base: int, suffix_stream: int
) -> tuple[int, int]:
    """Sort a chain of occurrences by the token that follows, into candidates from `base` on.

    Leaves the evidence for `blend`; returns how much there is, and the end of the candidates.
    """
    n, end = 0, base
    while chain >= 0:
        cursor, kind = s.found[chain, CURSOR], s.found[chain, KIND]
        token = _token(texts, cursor, kind)
        at = _candidate(s, token, base, end)
        if at == end:
            s.slots[token & (_SLOTS - 1)] = at
            s.token[at], s.hint[at] = token, 0
            s.origin[at] = _origin(texts, cursor, kind, suffix_stream)
            end += 1
        if not s.hint[at, kind]:
            s.hint[at, kind] = cursor
        s.evidence[n], s.evidence_order[n] = at - base, order_class(s.found[chain, LENGTH])
        s.evidence_source[n] = REPOSITORY if kind == SAVED else kind
        s.evidence_weight[n] = s.found_weight[chain]
        n += 1
        chain = s.link[chain]
    return n, end


@njit(cache=True, nogil=True)
def _token(texts: Texts, cursor: int, kind: int) -> int:
    """Return the stored token at an occurrence's cursor."""
    if kind == LIVE:
        return int(texts.live[cursor, TOKEN])
    if kind == SAVED:
        return int(texts.saved[cursor, TOKEN])
    return int((texts.repository if kind == REPOSITORY else texts.dependencies)[TEXT, cursor])


@njit(cache=True, nogil=True)
def _origin(texts: Texts, cursor: int, kind: int, suffix_stream: int) -> int:
    """Return the `Source` of an occurrence."""
    if kind == LIVE and suffix_stream and texts.live[cursor, STREAM] == suffix_stream:
        return SUFFIX
    return REPOSITORY if kind == SAVED else int(kind)


@njit(cache=True, nogil=True)
def _candidate(s: Record, token: int, base: int, end: int) -> int:
    """Return the candidate in [base, end) for a stored token, or `end`."""
    at = s.slots[token & (_SLOTS - 1)]
    if base <= at < end and s.token[at] == token:
        return int(at)
    for at in range(base, end):
        if s.token[at] == token:
            return at
    return end


@njit(cache=True, nogil=True)
def _recycle(s: Record, texts: Texts, token: int, node: int, prob: float, count: int) -> int:
    """Add the model's earlier candidates after a stored token to the candidates."""
    candidates = recall(texts.recycled, token)
    for rank in range(len(candidates)):
        likely = prob * texts.factors[BY_RANK + rank]
        if candidates[rank] >= 0 and likely >= _LEAST_PROB:
            s.token[count], s.origin[count] = candidates[rank] + 1, RECYCLED
            s.parent[count], s.prob[count] = node, likely
            s.hint[count] = 0
            count += 1
    return count


@njit(cache=True, nogil=True)
def _likeliest(s: Record, count: int, parent: int) -> int:
    """Return the likeliest candidate not yet taken, below `parent` unless that is -2; -1: none."""
    best, best_prob = -1, 0.0
    for at in range(count):
        if s.prob[at] > best_prob and (parent == -2 or s.parent[at] == parent):
            best, best_prob = at, s.prob[at]
    return best


@njit(cache=True, nogil=True)
def _may_pay(
    step_cost: Float64s, rate: float, taken: int, expected: float, prob: float, best_value: float
) -> bool:
    """Whether some larger tree could beat the best so far, if all further tokens were this likely."""
    for n in range(taken + 1, len(step_cost)):
        if expected + (n - taken) * prob - rate * step_cost[n] > best_value:
            return True
    return False


@njit(cache=True, nogil=True)
def _take(s: Record, at: int, node: int) -> None:
    """Make a candidate the tree's next node."""
    s.tree_token[node], s.tree_parent[node] = s.token[at] - 1, s.parent[at]
    s.tree_prob[node], s.tree_source[node] = s.prob[at], s.origin[at]
    s.prob[at] = -1.0
