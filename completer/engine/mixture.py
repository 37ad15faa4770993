"""Blending the model's next-token distribution with the repository's (kNN-LM, infini-gram).

A small model has read much code but not this repository; the suffix index has read nothing else.
The mixture p = (1 - w·s)·p_model + w·p_repository, with s the repository's own confidence (the sum
of its probabilities), is better than either. It is a departure from the model's own distribution,
so it happens only where it is asked for, and the answer says so.

One weight w does as well as a table of weights by match length and confidence: how much a match is
worth has gone into the repository's probabilities (`drafting/blending.py`).
"""

import numpy as np
from torch import Tensor

from completer.drafting.tree import Predictions
from completer.engine.staging import to_device


def mix(logits: Tensor, expected: Predictions, weight: float) -> Tensor:
    """Return the logs of the mixtures [R, V] of a model's `logits` [R, V] and what was `expected`.

    `weight` is from 0 to 1. Adds logarithms, since the logarithms of whole vocabularies would cost
    as much as all else.
    """
    rows = np.repeat(np.arange(len(expected)), np.diff(expected.bounds))
    shares = (expected.probs * weight).astype(np.float32)
    rests = 1.0 - np.bincount(rows, shares, len(expected)).clip(max=1.0)  # rounding adds up to more
    device = logits.device
    mixed = logits.float().log_softmax(-1)
    mixed += to_device(rests.astype(np.float32), device).log()[:, None]
    places = to_device(rows, device), to_device(expected.token_ids.astype(np.int64), device)
    mixed[places] = mixed[places].logaddexp(to_device(shares, device).log())
    return mixed
