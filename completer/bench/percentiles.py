"""Percentiles under the names that `--json` has for them."""

from collections.abc import Sequence

import numpy as np


def percentiles(values: Sequence[float], *wanted: int) -> dict[str, float]:
    """Percentiles to three places, such as `{"p50": 1.5}`."""
    found = np.percentile(values, wanted)
    return {f"p{q}": round(float(value), 3) for q, value in zip(wanted, found, strict=True)}
