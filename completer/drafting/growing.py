"""Grows a draft tree, best first, and cuts it where one more token no longer pays.

All occurrences of the context hang on the root, longest match first. Taking a token into the tree moves the occurrences
that continue with it on by one and sorts them by what comes next; `calibration` blends them into probabilities. The next
token taken is always the one with the likeliest path, so that the tree of n tokens is the best of its size, and the
expected number of tokens that a step yields is 1 + the sum of the tree's probabilities.

The cut maximises (expected tokens) - rate * (cost of the step), where the rate is the tokens per millisecond that
drafting has yielded of late: by the renewal-reward theorem that maximises the rate itself.
"""

from typing import NamedTuple

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
    LENGTH,
    LIVE,
    MAX_DEPENDENCIES,
    MAX_LIVE,
    MAX_OCCURRENCES,
    MAX_REPOSITORY,
    REPOSITORY,
    gather_live,
    gather_static,
    order_by_length,
)
from completer.drafting.recycling import recall
from completer.drafting.suffix_array import DEPTH
from completer.drafting.suffix_tree import NEXT, STREAM, TOKEN

Int32s = NDArray[np.int32]
Float64s = NDArray[np.float64]

MAX_TREE = 256
"""Most tokens in one tree."""
RECYCLED, SUFFIX = 3, 5
"""As in `tree.Source`."""

_LEAST_PROB = 0.004
"""Paths less likely than this are not followed."""
_MAX_CANDIDATES = 1024
_SIZE = _MAX_CANDIDATES + MAX_OCCURRENCES
_SLOTS = 256

SCRATCH = np.dtype(
    [
        ("context", np.int32, DEPTH),
        # occurrences: where the context stood before, chained by `link`
        ("found", np.int32, (MAX_OCCURRENCES, 3)),
        ("found_weight", np.float32, MAX_OCCURRENCES),
        ("link", np.int32, MAX_OCCURRENCES),
        ("heads", np.int32, DEPTH + 1),
        # candidates: tokens that might be taken, each with the chain of occurrences that go on with it
        ("token", np.int32, _SIZE),
        ("parent", np.int32, _SIZE),
        ("origin", np.int8, _SIZE),
        ("prob", np.float64, _SIZE),
        ("head", np.int32, _SIZE),
        ("tail", np.int32, _SIZE),
        ("slots", np.int32, _SLOTS),
        # what `calibration.blend` reads and writes, for one node's candidates
        ("evidence", np.int32, MAX_OCCURRENCES),
        ("evidence_source", np.int8, MAX_OCCURRENCES),
        ("evidence_order", np.int8, MAX_OCCURRENCES),
        ("evidence_weight", np.float64, MAX_OCCURRENCES),
        ("count", np.float64, (MAX_OCCURRENCES, SOURCES)),
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
        ("tree_depth", np.int32, MAX_TREE),
        ("match_len", np.int64),
    ],
    align=True,
)
"""Working memory of one session: an array of one such element."""


class Texts(NamedTuple):
    """Everything that can be drafted from, as the kernels see it."""

    nodes: Int32s
    """The live tree (`suffix_tree`)."""
    text: Int32s
    rows: Int32s
    starts: Int32s
    """The repository's suffix array."""
    other_text: Int32s
    other_rows: Int32s
    other_starts: Int32s
    """The dependencies' suffix array."""
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
    first = _gather(s, texts, history, length)
    s.match_len = s.found[first, LENGTH] if first >= 0 else 0
    s.slots[:] = -1
    last_token = history[length - 1] + 1 if length else 0
    count = _sprout(s, texts, first, last_token, -1, 1.0, 0, suffix_stream)
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
        if count <= _MAX_CANDIDATES:
            count = _sprout(
                s, texts, s.head[at], s.token[at], taken - 1, prob, count, suffix_stream
            )
    return best


@njit(cache=True, nogil=True)
def learn(texts: Texts, history: Int32s, length: int, scratch: NDArray[np.void]) -> None:
    """Adapt the factors to token history[length], knowing that it followed history[:length]."""
    s = scratch[0]
    came = history[length] + 1
    first = _gather(s, texts, history, length)
    s.slots[:] = -1
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
def _gather(s: np.void, texts: Texts, history: Int32s, length: int) -> int:
    """Find the occurrences of the context in all texts; return the first of their chain, or -1."""
    known = min(length, DEPTH)
    for i in range(known):
        s.context[i] = history[length - 1 - i] + 1
    context = s.context[:known]
    found, weight = s.found, s.found_weight
    count = gather_live(texts.nodes, context, MAX_LIVE, found, weight, 0)
    count = gather_static(
        texts.text, texts.rows, texts.starts, context,
        REPOSITORY, MAX_REPOSITORY, found, weight, count,
    )  # fmt: skip
    count = gather_static(
        texts.other_text, texts.other_rows, texts.other_starts, context,
        DEPENDENCIES, MAX_DEPENDENCIES, found, weight, count,
    )  # fmt: skip
    return order_by_length(found, count, s.heads, s.link)


@njit(cache=True, nogil=True)
def _sprout(
    s: np.void,
    texts: Texts,
    chain: int,
    token: int,
    node: int,
    prob: float,
    base: int,
    suffix_stream: int,
) -> int:
    """Add what may follow a node (its stored token and chain of occurrences) to the candidates.

    Returns the new number of candidates, of which there were `base`.
    """
    depth = s.tree_depth[node] if node >= 0 else 0
    n, end = _sort_out(s, texts, chain, depth, base)
    if n == 0:
        return _recycle(s, texts, token, node, prob, base)
    scale = prob / blend(s, texts.factors, n, end - base, -1)
    kept = base
    for i in range(base, end):
        likely = s.score[i - base] * scale
        if likely >= _LEAST_PROB:
            s.token[kept], s.head[kept] = s.token[i], s.head[i]
            s.parent[kept], s.prob[kept] = node, likely
            s.origin[kept] = _origin(s, texts, s.head[i], suffix_stream)
            kept += 1
    return kept


@njit(cache=True, nogil=True)
def _sort_out(s: np.void, texts: Texts, chain: int, depth: int, base: int) -> tuple[int, int]:
    """Sort a chain of occurrences by the token that follows, into candidates from `base` on.

    Moves each occurrence's cursor from the node's token (at `depth` > 0) to the one that follows. Leaves the evidence for
    `blend`; returns how much there is, and the end of the candidates.
    """
    n, end = 0, base
    while chain >= 0:
        following = s.link[chain]
        token = _next_token(s, texts, chain, depth)
        if token > 0:
            at = _candidate(s, token, base, end)
            if at == end:
                s.slots[token & (_SLOTS - 1)] = at
                s.token[at], s.head[at] = token, chain
                end += 1
            else:
                s.link[s.tail[at]] = chain
            s.tail[at] = chain
            s.link[chain] = -1
            s.evidence[n], s.evidence_source[n] = at - base, s.found[chain, KIND]
            s.evidence_order[n] = order_class(s.found[chain, LENGTH] + depth)
            s.evidence_weight[n] = s.found_weight[chain]
            n += 1
        chain = following
    return n, end


@njit(cache=True, nogil=True)
def _next_token(s: np.void, texts: Texts, at: int, depth: int) -> int:
    """Move an occurrence on (unless at the root) and return its stored token; 0 at the text's end."""
    cursor, kind = s.found[at, CURSOR], s.found[at, KIND]
    if kind == LIVE:
        cursor = texts.nodes[cursor, NEXT] if depth else cursor
        s.found[at, CURSOR] = cursor
        return int(texts.nodes[cursor, TOKEN])
    cursor += 1 if depth else 0
    s.found[at, CURSOR] = cursor
    return int(texts.text[cursor] if kind == REPOSITORY else texts.other_text[cursor])


@njit(cache=True, nogil=True)
def _candidate(s: np.void, token: int, base: int, end: int) -> int:
    """Return the candidate in [base, end) for a stored token, or `end`."""
    at = s.slots[token & (_SLOTS - 1)]
    if base <= at < end and s.token[at] == token:
        return int(at)
    for at in range(base, end):
        if s.token[at] == token:
            return at
    return end


@njit(cache=True, nogil=True)
def _origin(s: np.void, texts: Texts, at: int, suffix_stream: int) -> int:
    """Return the `Source` of the longest match behind a candidate."""
    kind = s.found[at, KIND]
    if kind == LIVE and suffix_stream and texts.nodes[s.found[at, CURSOR], STREAM] == suffix_stream:
        return SUFFIX
    return int(kind)


@njit(cache=True, nogil=True)
def _recycle(s: np.void, texts: Texts, token: int, node: int, prob: float, count: int) -> int:
    """Add the model's earlier candidates after a stored token to the candidates."""
    candidates = recall(texts.recycled, token)
    for rank in range(len(candidates)):
        likely = prob * texts.factors[BY_RANK + rank]
        if candidates[rank] >= 0 and likely >= _LEAST_PROB:
            s.token[count], s.head[count] = candidates[rank] + 1, -1
            s.parent[count], s.prob[count] = node, likely
            s.origin[count] = RECYCLED
            count += 1
    return count


@njit(cache=True, nogil=True)
def _likeliest(s: np.void, count: int, parent: int) -> int:
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
def _take(s: np.void, at: int, node: int) -> None:
    """Make a candidate the tree's next node."""
    parent = s.parent[at]
    s.tree_token[node], s.tree_parent[node] = s.token[at] - 1, parent
    s.tree_prob[node], s.tree_source[node] = s.prob[at], s.origin[at]
    s.tree_depth[node] = 1 + (s.tree_depth[parent] if parent >= 0 else 0)
    s.prob[at] = -1.0
