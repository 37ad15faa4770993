"""Grows a draft tree, best first, and cuts it where one more token no longer pays.

All occurrences of the context hang on the root, longest match first. Taking a token into the tree
moves the occurrences that continue with it on by one and sorts them by what comes next;
`calibration` blends them into probabilities. The next token taken is always the one with the
likeliest path, so that the tree of n tokens is the best of its size, and the expected number of
tokens that a step yields is 1 + the sum of the tree's probabilities.

The cut maximises (expected tokens) - rate * (cost of the step), where the rate is the tokens per
millisecond that drafting has yielded of late: by the renewal-reward theorem that maximises the rate
itself. Tokens count for what they save (`tokens_saved`).
"""

import numpy as np
from numpy.typing import NDArray

from completer.drafting.aligning import align
from completer.drafting.blending import adapt, adapt_rank, agree, blend
from completer.drafting.calibration import BY_NONE, BY_RANK, BY_RANK_BESIDE, RANKS
from completer.drafting.coverage import COVERED, learn_covered, predict_covered, tokens_saved
from completer.drafting.evidence import (
    ALL,
    NODE_SHARE,
    begin_candidate,
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
from completer.drafting.matching import Seen
from completer.drafting.places import KINDS, Texts
from completer.drafting.recycling import recall
from completer.drafting.scratch import (
    ALIGNED_KINDS,
    MAX_CANDIDATES,
    ROOT,
    Candidates,
    Scratch,
)
from completer.drafting.tree import DraftSource

Int32s = NDArray[np.int32]
Float64s = NDArray[np.float64]

_LEAST_PROB = 0.004
"""Paths less likely than this are not followed."""
_LIKELY_NEXT = 0.9
"""What follows a token is looked up if it pays though no likelier than so much of its cover."""
_USUALLY = 3
"""A step drafts about so many tokens."""
_MOST_SAVED = 1.5
"""Growth goes on while tokens that save so many would pay."""
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
    """Grow a tree of at most len(step_cost) - 1 tokens in scratch[0].tree; return its size.

    history[:length] are token ids in the document's order.
    """
    s: Scratch = scratch[0]
    candidates = s.candidates
    candidates.slots[:] = -1
    s.sight.own[Seen.DRAFTING] = s.sight.opened[Seen.DRAFTING] = 1
    known = read_context(s.contexts, history, length)
    led = ROOT if candidates.root_length == length else -1
    count = _expand(s, texts, known, -1, led, 1.0, 0, _ENOUGH)
    taken, best, last = 0, 0, len(step_cost) - 1
    saved = rate * (step_cost[last] - step_cost[0]) / max(1, last)
    step = rate * step_cost[min(_USUALLY, last)]
    expected, best_value = 1.0, 1.0 - rate * step_cost[0]
    while taken < last:
        at = _likeliest(candidates, count)
        if at < 0:
            break
        prob = candidates.prob[at]
        if not _may_pay(step_cost, rate, taken, expected, _MOST_SAVED * prob, best_value):
            break
        parent, token = candidates.parent[at], candidates.token[at] - 1
        before = s.tree.token[parent] if parent >= 0 else s.contexts.root[0] - 1
        covered = predict_covered(texts.coverage, before, token, hinted_match(candidates, at))
        likely_next = _LIKELY_NEXT * covered * prob
        _take(s, at, taken)
        if (
            count <= MAX_CANDIDATES
            and taken + 1 < last
            and _may_pay(step_cost, rate, taken, expected, likely_next, best_value)
        ):
            count = _expand(s, texts, known, taken, at, prob, count, _ENOUGH)
            covered = s.tree.covered
        taken += 1
        expected += prob * tokens_saved(covered, saved, step)
        if expected - rate * step_cost[taken] > best_value:
            best, best_value = taken, expected - rate * step_cost[taken]
    return best


@kernel
def predict(texts: Texts, history: Int32s, length: int, scratch: NDArray[np.void]) -> int:
    """Leave what may follow in scratch[0].candidates: token and prob; return how many there are."""
    s: Scratch = scratch[0]
    s.candidates.slots[:] = -1
    s.sight.own[Seen.DRAFTING] = s.sight.opened[Seen.DRAFTING] = 0
    return _expand(s, texts, read_context(s.contexts, history, length), -1, -1, 1.0, 0, ALL)


@kernel
def learn(texts: Texts, history: Int32s, length: int, scratch: NDArray[np.void]) -> None:
    """Adapt the factors to token history[length], knowing that it followed history[:length]."""
    s: Scratch = scratch[0]
    s.candidates.slots[:] = -1
    s.sight.own[Seen.DRAFTING] = s.sight.opened[Seen.DRAFTING] = 1
    known = node_context(s, read_context(s.contexts, history, length), -1)
    came = history[length] + 1
    led, watched, likely = ROOT, -1, 0.0
    if s.candidates.root_length != length:
        led = -1
        s.candidates.aligned[ROOT] = 0
    first = gather(s, texts, known, led, 1, ALL)
    if first >= 0:
        n, count = sort_out(s, texts, first, 0)
        watched = find_candidate(s.candidates, came, 0, count)
        watched = watched if watched < count else -1
        total = blend(s.evidence, s.mixture, texts.factors, n, count, watched)
        if watched >= 0:
            blended = s.mixture.score[watched] / total
            likely = agree(texts.factors, blended, s.evidence.support[watched])
        adapt(s.evidence, s.mixture, texts.factors, total, count, watched)
    else:
        count = 0
    if length and watched < 0:
        by_rank = BY_RANK_BESIDE if count else BY_RANK
        _learn_ranks(s.candidates, texts, history[length - 1] + 1, by_rank, count, came)
    if length:
        before, match_len = s.contexts.root[1] - 1, longest_match(s.occurrences, first)
        learn_covered(texts.coverage, before, history[length - 1], match_len, likely >= COVERED)
    lead_to_root(s.candidates, watched, length + 1)
    align(s, texts, first, came)


@kernel
def _expand(
    s: Scratch,
    texts: Texts,
    known: int,
    node: int,
    candidate: int,
    prob: float,
    base: int,
    enough: int,
) -> int:
    """Add what may follow a tree's node, once a candidate, to the candidates; the root is node -1.

    Returns the new number of candidates, of which there were `base`. Leaves in s.tree.covered
    how likely one of them comes that is itself likely enough to be drafted.
    """
    candidates = s.candidates
    if node >= 0 and _copy(s, texts, node, candidate, prob, base):
        return base + 1
    s.tree.covered = 0.0
    length = node_context(s, known, node)
    first = gather(s, texts, length, candidate, NODE_SHARE if node >= 0 else 1, enough)
    stored = s.contexts.node[0] if length else 0
    if first < 0:
        return _recycle(candidates, texts, stored, BY_RANK, node, prob, base, base)
    longest = longest_match(s.occurrences, first)
    n, end = sort_out(s, texts, first, base)
    total = blend(s.evidence, s.mixture, texts.factors, n, end - base, -1)
    kept = base
    for i in range(base, end):
        blended = s.mixture.score[i - base] / total
        if prob * blended < _LEAST_PROB:
            continue
        certainty = agree(texts.factors, blended, s.evidence.support[i - base])
        s.tree.covered += certainty if certainty >= COVERED else 0.0
        _move(candidates, i, kept)
        candidates.parent[kept], candidates.prob[kept] = node, prob * certainty
        copies = longest >= _COPY_LENGTH and certainty >= _CERTAIN
        candidates.certainty[kept], candidates.copied[kept] = certainty if copies else 0.0, 0
        kept += 1
    rest = prob * texts.factors[BY_NONE + s.evidence.order[0]] / total
    return _recycle(candidates, texts, stored, BY_RANK_BESIDE, node, rest, base, kept)


@kernel
def _move(candidates: Candidates, at: int, to: int) -> None:
    """Move a candidate's token and places."""
    candidates.token[to], candidates.origin[to] = candidates.token[at], candidates.origin[at]
    for kind in range(KINDS):
        candidates.hint[to, kind] = candidates.hint[at, kind]
        candidates.hint_length[to, kind] = candidates.hint_length[at, kind]
    for kind in range(ALIGNED_KINDS):
        candidates.aligned[to, kind] = candidates.aligned[at, kind]
        candidates.aligned_length[to, kind] = candidates.aligned_length[at, kind]


@kernel
def _copy(s: Scratch, texts: Texts, node: int, candidate: int, prob: float, to: int) -> bool:
    """Make candidate `to` what follows another one, if that may be copied; return whether."""
    candidates = s.candidates
    certainty = candidates.certainty[candidate]
    if certainty <= 0 or candidates.copied[candidate] >= _COPIES:
        return False
    if not copy_on(candidates, texts, candidate, to):
        return False
    candidates.parent[to], candidates.prob[to] = node, prob * certainty
    candidates.origin[to], candidates.certainty[to] = candidates.origin[candidate], certainty
    candidates.copied[to] = candidates.copied[candidate] + 1
    s.tree.covered = certainty
    return True


@kernel
def _recycle(
    candidates: Candidates,
    texts: Texts,
    stored: int,
    by_rank: int,
    node: int,
    prob: float,
    base: int,
    count: int,
) -> int:
    """Add the model's earlier candidates after a stored token to those in [base, count).

    prob: that the path comes and none of these. by_rank: where the factors of ranks begin.
    """
    row, known = recall(texts.recycled, stored), count
    if row < 0:
        return count
    for rank in range(RANKS):
        token = texts.recycled[row, 1 + rank]
        likely = prob * texts.factors[by_rank + rank]
        if likely >= _LEAST_PROB and token >= 0 and not _has(candidates, token + 1, base, known):
            begin_candidate(candidates, count, token + 1, DraftSource.RECYCLED)
            candidates.parent[count], candidates.prob[count] = node, likely
            candidates.certainty[count] = 0.0
            count += 1
    return count


@kernel
def _learn_ranks(
    candidates: Candidates, texts: Texts, stored: int, by_rank: int, count: int, came: int
) -> None:
    """Adapt the factors of the ranks to what came after a stored token, none of the candidates."""
    row = recall(texts.recycled, stored)
    if row < 0:
        return
    for rank in range(RANKS):
        token = texts.recycled[row, 1 + rank] + 1
        if not _has(candidates, token, 0, count):
            adapt_rank(texts.factors, by_rank + rank, token == came)


@kernel
def _has(candidates: Candidates, stored: int, base: int, end: int) -> bool:
    """Whether one of candidates [base, end) is a stored token."""
    while base < end and candidates.token[base] != stored:
        base += 1
    return base < end


@kernel
def _likeliest(candidates: Candidates, count: int) -> int:
    """Return the likeliest candidate not yet taken; -1: none."""
    best, best_prob = -1, 0.0
    for at in range(count):
        if candidates.prob[at] > best_prob:
            best, best_prob = at, candidates.prob[at]
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
def _take(s: Scratch, at: int, node: int) -> None:
    """Make a candidate the tree's next node."""
    tree, candidates = s.tree, s.candidates
    tree.token[node], tree.parent[node] = candidates.token[at] - 1, candidates.parent[at]
    tree.prob[node], tree.source[node] = candidates.prob[at], candidates.origin[at]
    candidates.prob[at] = -1.0
