"""Predicts what follows each node of a draft, as if the path to it had been generated.

What has been generated is known text, and near: the session's text before the caret grows along
with the path, one token at a time, and is cut back when another branch is looked at.
"""

import numpy as np
from numpy.typing import NDArray

from completer.drafting.growing import predict
from completer.drafting.jit import kernel
from completer.drafting.live_text import RECENT_TOKENS, End
from completer.drafting.places import Texts
from completer.drafting.scratch import Scratch
from completer.drafting.suffix_tree import NEXT, PREVIOUS, RECENT_BIT, STREAM, append, cut

Int32s = NDArray[np.int32]
Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]


@kernel
def predict_tree(
    texts: Texts,
    history: Int32s,
    length: int,
    token_ids: Int32s,
    parents: Int32s,
    live: Int64s,
    scratch: NDArray[np.void],
    found: Int32s,
    probs: Float64s,
    bounds: Int64s,
) -> None:
    """Predict what follows history[:length], then each node of a tree; see `tree.Predictions`.

    history has room for the tree behind `length`, `found` and `probs` for MAX_OCCURRENCES a row.
    live: [4] as from `LiveText.reserve`, the text before the caret, with room for the deepest path;
    it is as before when this returns.
    """
    s: Scratch = scratch[0]
    candidates = s.candidates
    at, depth, end = -1, 0, 0
    for node in range(-1, len(token_ids)):
        if node >= 0:
            if parents[node] != at:
                _cut_back(texts.own, live, depth)
                depth = _write_path(history, length, token_ids, parents, parents[node])
                for i in range(depth):
                    _grow(texts.own, live, history, length + i)
            history[length + depth] = token_ids[node]
            _grow(texts.own, live, history, length + depth)
            at, depth = node, depth + 1
        count = predict(texts, history, length + depth, scratch)
        total = 0.0
        for i in range(count):
            total += candidates.prob[i]
        for i in range(count):
            found[end + i] = candidates.token[i] - 1
            probs[end + i] = candidates.prob[i] / max(1.0, total)
        end += count
        bounds[node + 2] = end
    _cut_back(texts.own, live, depth)


@kernel
def _write_path(history: Int32s, length: int, token_ids: Int32s, parents: Int32s, node: int) -> int:
    """Write the tokens down to a node behind history[:length]; return how many there are."""
    depth, above = 0, node
    while above >= 0:
        depth, above = depth + 1, parents[above]
    for i in range(length + depth - 1, length - 1, -1):
        history[i] = token_ids[node]
        node = parents[node]
    return depth


@kernel
def _grow(nodes: Int32s, live: Int64s, history: Int32s, at: int) -> None:
    """Append history[at] to the live text; as many tokens stay recent."""
    live[End.LENGTH] += 1
    number = live[End.NUMBER] + (RECENT_BIT if live[End.RECENT] else 0)
    live[End.TAIL] = append(nodes, live[End.TAIL], history[at : at + 1], number)
    if live[End.RECENT] and live[End.LENGTH] > RECENT_TOKENS:
        nodes[live[End.RECENT], STREAM] = live[End.NUMBER]
        live[End.RECENT] = nodes[live[End.RECENT], NEXT]


@kernel
def _cut_back(nodes: Int32s, live: Int64s, count: int) -> None:
    """Undo `count` times `_grow`."""
    for _ in range(count):
        live[End.LENGTH] -= 1
        live[End.TAIL] = cut(nodes, live[End.TAIL], 1)
        if live[End.RECENT] and live[End.LENGTH] >= RECENT_TOKENS:
            live[End.RECENT] = nodes[live[End.RECENT], PREVIOUS]
            nodes[live[End.RECENT], STREAM] = live[End.NUMBER] + RECENT_BIT
