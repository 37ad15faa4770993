"""Grows a draft tree, best first, and cuts it where one more token no longer pays.

All occurrences of the context hang on the root, longest match first. Taking a token into the tree
moves the occurrences that continue with it on by one and sorts them by what comes next;
`calibration` blends them into probabilities. The next token taken is always the one with the
likeliest path, so that the tree of n tokens is the best of its size, and the expected number of
tokens that a step yields is 1 + the sum of the tree's probabilities.

The cut maximises (expected tokens) - rate * (cost of the step), where the rate is the tokens per
millisecond that drafting has yielded of late: by the renewal-reward theorem that maximises the rate
itself. Tokens count for what they save (`worth`).
"""

import numpy as np
from numpy.typing import NDArray

from completer.drafting.aligning import align
from completer.drafting.blending import adapt, adapt_rank, agree, blend
from completer.drafting.calibration import BY_RANK, RANKS
from completer.drafting.evidence import (
    ALIGNED_KINDS,
    ALL,
    MAX_CANDIDATES,
    NODE_SHARE,
    ROOT,
    Record,
    copy_on,
    find_candidate,
    gather,
    hinted_match,
    lead_to_root,
    longest_match,
    node_context,
    read_context,
    sort_out,
)
from completer.drafting.jit import kernel
from completer.drafting.matching import DRAFTING
from completer.drafting.places import KINDS, Texts
from completer.drafting.recycling import recall
from completer.drafting.tree import Source
from completer.drafting.worth import COVERED, foresee, learn_covered, worth

Int32s = NDArray[np.int32]
Float64s = NDArray[np.float64]

_LEAST_PROB = 0.004
"""Paths less likely than this are not followed."""
_LIKELY_NEXT = 0.9
"""What follows a token is looked up if it pays though no likelier than so much of its cover."""
_USUALLY = 3
"""A step drafts about so many tokens."""
_MOST_WORTH = 1.5
"""Growth goes on while tokens that are worth this much would pay."""
_ENOUGH = 8
"""For a draft, matches of one or two tokens say nothing worth their time beside one so long."""
_COPY_LENGTH, _CERTAIN, _COPIES = 20, 0.9, 7
"""After so long a match and so certain a token, so many tokens are copied without another look."""


@kernel
def propose(
    texts: Texts,
    history: Int32s,
    length: int,
    step_cost: Float64s,
    rate: float,
    scratch: NDArray[np.void],
) -> int:
    """Grow a tree of at most len(step_cost) - 1 tokens in scratch[0].tree_*; return its size.

    history[:length] are token ids in the document's order.
    """
    s = scratch[0]
    s.slots[:] = -1
    s.open_view[DRAFTING] = 1
    known = read_context(s, history, length)
    led = ROOT if s.root_length == length else -1
    count = _expand(s, texts, known, -1, led, 1.0, 0, _ENOUGH)
    taken, best, last = 0, 0, len(step_cost) - 1
    saved = rate * (step_cost[last] - step_cost[0]) / max(1, last)
    step = rate * step_cost[min(_USUALLY, last)]
    expected, best_value = 1.0, 1.0 - rate * step_cost[0]
    while taken < last:
        at = _likeliest(s, count)
        if at < 0:
            break
        prob = s.prob[at]
        if not _may_pay(step_cost, rate, taken, expected, _MOST_WORTH * prob, best_value):
            break
        before = s.tree_token[s.parent[at]] if s.parent[at] >= 0 else s.root_context[0] - 1
        covered = foresee(texts.foresight, before, s.token[at] - 1, hinted_match(s, at))
        likely_next = _LIKELY_NEXT * covered * prob
        _take(s, at, taken)
        if (
            count <= MAX_CANDIDATES
            and taken + 1 < last
            and _may_pay(step_cost, rate, taken, expected, likely_next, best_value)
        ):
            count = _expand(s, texts, known, taken, at, prob, count, _ENOUGH)
            covered = s.covered
        taken += 1
        expected += prob * worth(covered, saved, step)
        if expected - rate * step_cost[taken] > best_value:
            best, best_value = taken, expected - rate * step_cost[taken]
    return best


@kernel
def predict(texts: Texts, history: Int32s, length: int, scratch: NDArray[np.void]) -> int:
    """Leave what may follow in scratch[0].token (id + 1) and .prob; return how many there are."""
    s = scratch[0]
    s.slots[:] = -1
    s.open_view[DRAFTING] = 0
    return _expand(s, texts, read_context(s, history, length), -1, -1, 1.0, 0, ALL)


@kernel
def learn(texts: Texts, history: Int32s, length: int, scratch: NDArray[np.void]) -> None:
    """Adapt the factors to token history[length], knowing that it followed history[:length]."""
    s = scratch[0]
    s.slots[:] = -1
    s.open_view[DRAFTING] = 1
    known = node_context(s, read_context(s, history, length), -1)
    came = history[length] + 1
    led, watched, likely = ROOT, -1, 0.0
    if s.root_length != length:
        led = -1
        s.aligned[ROOT] = 0
    first = gather(s, texts, known, led, 1, ALL)
    if first >= 0:
        n, count = sort_out(s, texts, first, 0)
        watched = find_candidate(s, came, 0, count)
        watched = watched if watched < count else -1
        total = blend(s, texts.factors, n, count, watched)
        if watched >= 0:
            likely = agree(texts.factors, s.score[watched] / total, s.support[watched])
        adapt(s, texts.factors, total, count, watched)
    elif length:
        row = recall(texts.recycled, history[length - 1] + 1)
        if row >= 0:
            for rank in range(RANKS):
                hit = texts.recycled[row, 1 + rank] + 1 == came
                adapt_rank(texts.factors, rank, hit)
    if length:
        before, match_len = s.root_context[1] - 1, longest_match(s, first)
        learn_covered(texts.foresight, before, history[length - 1], match_len, likely >= COVERED)
    lead_to_root(s, watched, length + 1)
    align(s, texts, first, came)


@kernel
def _expand(
    s: Record,
    texts: Texts,
    known: int,
    node: int,
    candidate: int,
    prob: float,
    base: int,
    enough: int,
) -> int:
    """Add what may follow a tree's node, once a candidate, to the candidates; the root is node -1.

    Returns the new number of candidates, of which there were `base`. Leaves in s.covered how likely
    one of them comes that is itself likely enough to be drafted.
    """
    if node >= 0 and _may_copy(s, candidate) and copy_on(s, texts, candidate, base):
        s.parent[base], s.prob[base] = node, prob * s.certainty[candidate]
        s.covered = s.certainty[candidate]
        s.origin[base], s.certainty[base] = s.origin[candidate], s.certainty[candidate]
        s.copied[base] = s.copied[candidate] + 1
        return base + 1
    s.covered = 0.0
    length = node_context(s, known, node)
    first = gather(s, texts, length, candidate, NODE_SHARE if node >= 0 else 1, enough)
    if node < 0:
        s.match_len = longest_match(s, first)
    if first < 0:
        return _recycle(s, texts, s.context[0] if length else 0, node, prob, base)
    longest = longest_match(s, first)
    n, end = sort_out(s, texts, first, base)
    total = blend(s, texts.factors, n, end - base, -1)
    kept = base
    for i in range(base, end):
        blended = s.score[i - base] / total
        if prob * blended < _LEAST_PROB:
            continue
        certainty = agree(texts.factors, blended, s.support[i - base])
        s.covered += certainty if certainty >= COVERED else 0.0
        s.token[kept], s.origin[kept] = s.token[i], s.origin[i]
        for kind in range(KINDS):
            s.hint[kept, kind] = s.hint[i, kind]
            s.hint_length[kept, kind] = s.hint_length[i, kind]
        for kind in range(ALIGNED_KINDS):
            s.aligned[kept, kind] = s.aligned[i, kind]
            s.aligned_length[kept, kind] = s.aligned_length[i, kind]
        s.parent[kept], s.prob[kept] = node, prob * certainty
        copies = longest >= _COPY_LENGTH and certainty >= _CERTAIN
        s.certainty[kept], s.copied[kept] = certainty if copies else 0.0, 0
        kept += 1
    return kept


@kernel
def _may_copy(s: Record, candidate: int) -> bool:
    return bool(s.certainty[candidate] > 0 and s.copied[candidate] < _COPIES)


@kernel
def _recycle(s: Record, texts: Texts, token: int, node: int, prob: float, count: int) -> int:
    """Add the model's earlier candidates after a stored token to the candidates."""
    row = recall(texts.recycled, token)
    if row < 0:
        return count
    for rank in range(RANKS):
        candidate = texts.recycled[row, 1 + rank]
        likely = prob * texts.factors[BY_RANK + rank]
        if candidate >= 0 and likely >= _LEAST_PROB:
            s.token[count], s.origin[count] = candidate + 1, Source.RECYCLED
            s.parent[count], s.prob[count] = node, likely
            for kind in range(KINDS):
                s.hint[count, kind] = 0
            for kind in range(ALIGNED_KINDS):
                s.aligned[count, kind] = 0
            s.certainty[count] = 0.0
            count += 1
    return count


@kernel
def _likeliest(s: Record, count: int) -> int:
    """Return the likeliest candidate not yet taken; -1: none."""
    best, best_prob = -1, 0.0
    for at in range(count):
        if s.prob[at] > best_prob:
            best, best_prob = at, s.prob[at]
    return best


@kernel
def _may_pay(
    step_cost: Float64s, rate: float, taken: int, expected: float, prob: float, best_value: float
) -> bool:
    """Whether a larger tree could beat the best so far, were all further tokens this likely."""
    for n in range(taken + 1, len(step_cost)):
        if expected + (n - taken) * prob - rate * step_cost[n] > best_value:
            return True
    return False


@kernel
def _take(s: Record, at: int, node: int) -> None:
    """Make a candidate the tree's next node."""
    s.tree_token[node], s.tree_parent[node] = s.token[at] - 1, s.parent[at]
    s.tree_prob[node], s.tree_source[node] = s.prob[at], s.origin[at]
    s.prob[at] = -1.0
