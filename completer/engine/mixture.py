"""Blending the model's next-token distribution with the repository's (kNN-LM, infini-gram).

A small model has read much code but not this repository; the suffix index has read nothing else.
The mixture p = (1 - w·s)·p_model + w·p_repository, with s the repository's own confidence (the sum
of its probabilities), is better than either. It is a departure from the model's law, so it happens
only where it is asked for, and the answer says so.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def mix(
    logits: Tensor, token_ids: NDArray[np.int32], probabilities: NDArray[np.float64], weight: float
) -> Tensor:
    """Return the log of the mixture [V] of a model's `logits` [V] and the repository's tokens.

    `probabilities` [n] of `token_ids` [n] sum to at most one.
    """
    share = torch.from_numpy(probabilities * weight).to(logits.device)
    ids = torch.from_numpy(token_ids.astype(np.int64)).to(logits.device)
    mixed = logits.double().softmax(0) * (1.0 - share.sum())
    return mixed.index_add_(0, ids, share).log()
