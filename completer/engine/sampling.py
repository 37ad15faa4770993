"""The next token from one row of logits, with noise that is keyed by (seed, choice, position).

Because the noise belongs to the place in the text and not to the moment of drawing, a token is the
same whether it is drawn in a step of its own, in the verification of a draft, alone or in a batch.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from completer.engine.staging import to_device
from completer.request import Sampling


def choose_token(logits: Tensor, sampling: Sampling, *, position: int, choice: int = 0) -> int:
    """Choose the token at `position` of the completion from `logits` [V].

    The likeliest where sampling is greedy; otherwise the inverse of the processed distribution's
    cumulative sum at one uniform number.
    """
    if sampling.greedy:
        return int(logits.argmax())
    return int(draw(logits[None], sampling, [uniform(sampling.seed, choice, position)]))


def draw(logits: Tensor, sampling: Sampling, noise: Sequence[float]) -> Tensor:
    """Draw a token [R] from each row of `logits` [R, V] with `noise` [R] in [0, 1).

    Nothing is read back from the device on the way.
    """
    cumulative = process(logits, sampling).cumsum(-1)
    total = cumulative[:, -1:].contiguous()
    threshold = to_device(np.array(noise, np.float64), logits.device)[:, None] * total
    drawn = torch.searchsorted(cumulative, threshold, right=True)
    last = torch.searchsorted(cumulative, total)  # rounding must not reach a zero tail
    return torch.minimum(drawn, last)[:, 0]


def process(logits: Tensor, sampling: Sampling) -> Tensor:
    """Turn `logits` [..., V] into the distributions that are sampled: top-k, temperature, top-p.

    Exact for every temperature above 0: the k best are chosen before anything makes them equal, and
    the largest logit is taken off before the division, so that nothing overflows.
    """
    kept = logits.double()
    if 0 < sampling.top_k < kept.shape[-1]:
        kth_best = kept.topk(sampling.top_k).values[..., -1:]
        kept = kept.masked_fill(kept < kth_best, -torch.inf)
    probabilities = (_below_best(kept) / sampling.temperature).softmax(-1)
    if sampling.top_p < 1.0:
        probabilities = _nucleus(probabilities, sampling.top_p)
    return probabilities


def uniform(seed: int, choice: int, position: int) -> float:
    """One number in [0, 1) that depends on nothing but its arguments (Philox, counter-based)."""
    generator = np.random.Philox(key=seed % 2**64, counter=[position, choice, 0, 0])
    return float(np.random.Generator(generator).random())


def _below_best(logits: Tensor) -> Tensor:
    """How far each logit is below its row's largest: at most 0, and 0 for that one.

    A row whose numbers have overflowed, or that allows nothing, is drawn from what is largest.
    """
    return (logits - logits.amax(-1, keepdim=True)).nan_to_num_(nan=0.0, neginf=-torch.inf)


def _nucleus(probabilities: Tensor, top_p: float) -> Tensor:
    """Keep the fewest tokens whose probabilities reach `top_p`, and rescale them to sum to one."""
    ordered, order = probabilities.sort(descending=True)
    before = ordered.cumsum(-1) - ordered
    before[..., 0] = -1.0  # the likeliest stays, however small `top_p` is
    kept = torch.zeros_like(probabilities).scatter_(-1, order, ordered.where(before < top_p, 0.0))
    return kept / kept.sum(-1, keepdim=True)
