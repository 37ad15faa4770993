"""Accepting a draft: which of its tokens the model itself would have said.

The rule. Draw the token that follows the last accepted one from the model's own distribution, as
if there were no draft. If a child of the current node carries that token, the draft guessed right:
go down to the child, whose logits are already there, and draw again. If no child carries it, the
drawn token is the bonus token and the step ends. So every emitted token was drawn from the model's
distribution given exactly the tokens before it: the draft decides how many tokens one forward pass
yields, never which.

Why this is the best a deterministic draft can do: the step goes on with probability Σ p(child), and
no rule that keeps the model's distribution can accept with a higher one. It is also the same as the
usual sequential rule, which tries candidate i with probability p_i / (1 − Σ p of those tried
before) and samples the rest from what remains: both emit child i with probability p_i and any
other token t with p_t. (Recursive Speculative Decoding, sampling without replacement; Optimal
Multi-Draft.) With noise keyed by position, the text with and without drafts is the same, token for
token.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verification:
    """`emitted`: the accepted tokens and the bonus token. `path`: the accepted nodes, downwards."""

    emitted: list[int]
    path: list[int]


def verify(
    token_ids: Sequence[int], parents: Sequence[int], choose: Callable[[int, int], int]
) -> Verification:
    """Walk down the tree of `token_ids` and `parents` for as long as the model agrees.

    `choose(row, depth)` gives the model's own token after `row`, where row 0 is the last accepted
    token and row 1 + i is node i; `depth` counts the tokens that this step has emitted before.
    """
    child_of = {
        (parent, token): node
        for node, (token, parent) in enumerate(zip(token_ids, parents, strict=True))
    }
    emitted: list[int] = []
    path: list[int] = []
    node: int | None = -1
    while node is not None:
        token = choose(node + 1, len(emitted))
        emitted.append(token)
        node = child_of.get((node, token))
        if node is not None:
            path.append(node)
    return Verification(emitted, path)
