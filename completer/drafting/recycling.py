"""Token recycling: the model's own runners-up as the drafts of last resort (Luo et al. 2024).

Every forward pass ranks candidates for each position that it looked at. The table remembers, per
token, the best candidates seen last after it; where no text matches, they are drafted. `ROWS`
tokens have room, later ones displace earlier ones: 1.1 MB whatever the vocabulary.
"""

import numpy as np
from numpy.typing import NDArray

from completer.drafting.calibration import RANKS
from completer.drafting.jit import kernel

Int32s = NDArray[np.int32]

ROWS = 1 << 15


def new_table() -> Int32s:
    """Return an empty table, [ROWS, 1 + RANKS]: a token (id + 1; 0: none), its candidates' ids."""
    table = np.full((ROWS, 1 + RANKS), -1, np.int32)
    table[:, 0] = 0
    return table


@kernel
def remember(table: Int32s, token_ids: Int32s, top_candidates: Int32s) -> None:
    """Store what the model ranked first after each token.

    token_ids: [n]; top_candidates: [n, k] ids, likeliest first; those beyond `RANKS` are left out.
    """
    width = min(RANKS, top_candidates.shape[1])
    for i in range(len(token_ids)):
        row = token_ids[i] & (ROWS - 1)
        table[row, 0] = token_ids[i] + 1
        table[row, 1:] = -1
        for rank in range(width):
            table[row, 1 + rank] = top_candidates[i, rank]


@kernel
def recall(table: Int32s, stored: int) -> int:
    """Return the row of a stored token (id + 1), its candidates from column 1 on; -1: none."""
    row = (stored - 1) & (ROWS - 1)
    return row if table[row, 0] == stored else -1
