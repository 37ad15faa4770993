"""Fits the factors of `calibration` to text that is not indexed, as a service would learn them.

What is learned while serving changes drafts only. These factors are learned beforehand, on files
held out of repositories, and then stay as they are: what the repository is expected to say rests on
them (`DraftSession.predict`).
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from completer.drafting.calibration import RATE
from completer.drafting.drafter import Drafter
from completer.drafting.tree import DraftTree

Int32s = NDArray[np.int32]
Float64s = NDArray[np.float64]

RATES = (0.02, 0.005)
"""Learning rates of the first and of the second time through all texts."""
_FIRST = 32
"""So many tokens of a text are known when it begins to be learned from."""
_STEP = 8
_MOST_OF_A_TEXT, _MOST = 6_000, 60_000
"""Tokens to learn from, of one text and of all."""


def adapted(
    drafter: Drafter, texts: Mapping[str, Int32s], factors: Float64s, rate: float
) -> Float64s:
    """Return `factors` as they are after `texts`, by their documents' names, have been read.

    The drafter must not hold the texts; it is left as it was.
    """
    before = drafter.factors.copy()
    drafter.factors[:] = factors
    drafter.factors[RATE] = rate
    left = _MOST
    for name, ids in texts.items():
        ids = ids[: min(_MOST_OF_A_TEXT, left)]
        if len(ids) > 2 * _FIRST:
            _read(drafter, name, ids)
            left -= len(ids)
    learned = drafter.factors.copy()
    learned[RATE] = factors[RATE]
    drafter.factors[:] = before
    return learned


def _read(drafter: Drafter, name: str, ids: Int32s) -> None:
    with drafter.start(ids[:_FIRST], document=name) as session:
        for begin in range(_FIRST, len(ids), _STEP):
            session.observe(DraftTree.empty(), ids[begin : begin + _STEP])
