"""Token recycling: the model's own runners-up as the drafts of last resort (Luo et al. 2024).

Every forward pass ranks candidates for each position that it looked at. The table remembers, per
token, the best candidates seen last after it; where no text matches, they are drafted. `ROWS`
tokens have room, later ones displace earlier ones: 1.1 MB whatever the vocabulary.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from completer.drafting.calibration import RANKS

Int32s = NDArray[np.int32]

ROWS = 1 << 15


def new_table() -> Int32s:
    """Return an empty table, [ROWS, 1 + RANKS]: a token (id + 1; 0: none), its candidates' ids."""
    table = np.full((ROWS, 1 + RANKS), -1, np.int32)
    table[:, 0] = 0
    return table


@njit(cache=True, nogil=True)
def remember(table: Int32s, token_ids: Int32s, top_candidates: Int32s) -> None:
    """Store what the model ranked first after each token.

    token_ids: [n]; top_candidates: [n, k] ids, likeliest first; those beyond `RANKS` are left out.
    """
    width = min(RANKS, top_candidates.shape[1])
    for i in range(len(token_ids)):
        row = table[token_ids[i] & (ROWS - 1)]
        row[0] = token_ids[i] + 1
        row[1 : 1 + width] = top_candidates[i, :width]
        row[1 + width :] = -1


@njit(cache=True, nogil=True)
def recall(table: Int32s, stored: int) -> Int32s:
    """Return the candidates after a stored token (id + 1): [RANKS] ids, or an empty array."""
    row = table[(stored - 1) & (ROWS - 1)]
    return row[1:] if row[0] == stored else row[:0]  # type: ignore[no-any-return]
