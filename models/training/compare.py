"""Compare ways of training on the same held-out middles: paired differences with intervals.

`python -m models.training.compare CORPUS --baseline MODEL... --candidate MODEL...` takes exported
folders, as many of each kind as there are seeds, and prints JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from models.training.evaluation import held_out_rows
from models.training.examples import ExampleMaker, Row
from models.training.middles import MiddleScores, score_middles, spans
from models.training.warm_start import load_decoder

WINDOW = 512  # tokens
HARD = 1 / 3  # of the middles: those with the highest loss, as a mean over all models compared
RESAMPLES = 2_000  # of the bootstrap; it draws rows, as middles of one row may belong together
Figures = npt.NDArray[np.float64]


def compare(
    baseline: Sequence[MiddleScores], candidate: Sequence[MiddleScores], rows: Sequence[int]
) -> dict[str, Any]:
    """Figures of two kinds of models, one of each for a seed; `rows [M]` tells whose a middle is.

    Differences are candidate less baseline. Raises ValueError for kinds of different sizes.
    """
    if len(baseline) != len(candidate):
        raise ValueError("name as many candidates as baselines: they are paired by seed")
    losses = np.mean([scores.loss for scores in (*baseline, *candidate)], axis=0)
    hard = losses >= np.quantile(losses, 1 - HARD)
    everything = np.ones_like(hard)
    return {
        "middles": len(losses),
        "loss": _paired(baseline, candidate, "loss", rows, everything),
        "hard_loss": _paired(baseline, candidate, "loss", rows, hard),
        "exact_match": _paired(baseline, candidate, "exact", rows, everything),
        "hard_exact_match": _paired(baseline, candidate, "exact", rows, hard),
        "token_accuracy": _paired(baseline, candidate, "matched", rows, everything),
        "exit_token_accuracy": {
            "baseline": _by_exit(baseline),
            "candidate": _by_exit(candidate),
        },
    }


def measure(
    models: Sequence[Path], corpus: Path, count: int
) -> tuple[list[MiddleScores], list[int]]:
    """Every model's scores on `count` held-out rows, and the row of each middle."""
    rows = held_out_rows(ExampleMaker.of(corpus, "held_out"), WINDOW, count)
    scores = [
        score_middles(load_decoder(model, WINDOW), rows, torch.device("cpu")) for model in models
    ]
    return scores, _row_numbers(rows)


def _paired(
    baseline: Sequence[MiddleScores],
    candidate: Sequence[MiddleScores],
    figure: str,
    rows: Sequence[int],
    chosen: npt.NDArray[np.bool_],
) -> dict[str, Any]:
    before, after = (
        np.stack([np.atleast_2d(getattr(scores, figure))[-1][chosen] for scores in kind])
        for kind in (baseline, candidate)
    )
    difference = (after - before).mean(axis=0)
    low, high = _interval(difference, np.asarray(rows)[chosen])
    return {
        "baseline": float(before.mean()),
        "candidate": float(after.mean()),
        "difference": float(difference.mean()),
        "low": low,
        "high": high,
        "by_seed": (after - before).mean(axis=1).tolist(),
    }


def _interval(difference: Figures, rows: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The 95 % interval of the mean of `difference [M]`, rows drawn again and again."""
    _, row = np.unique(rows, return_inverse=True)
    sums, counts = np.bincount(row, difference), np.bincount(row)
    drawn = np.random.default_rng(0).integers(len(sums), size=(RESAMPLES, len(sums)))
    low, high = np.quantile(sums[drawn].sum(1) / counts[drawn].sum(1), (0.025, 0.975))
    return float(low), float(high)


def _by_exit(kind: Sequence[MiddleScores]) -> list[float]:
    return [float(share) for share in np.mean([s.matched for s in kind], axis=(0, 2))]


def _row_numbers(rows: Sequence[Row]) -> list[int]:
    return [number for number, row in enumerate(rows) for _ in spans(row)]


def main() -> None:
    """Read the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path, help="the corpus folder of a run")
    parser.add_argument("--baseline", type=Path, nargs="+", required=True, metavar="MODEL")
    parser.add_argument("--candidate", type=Path, nargs="+", required=True, metavar="MODEL")
    parser.add_argument("--rows", type=int, default=1024, help="windows of 512 tokens")
    chosen = parser.parse_args()
    scores, rows = measure([*chosen.baseline, *chosen.candidate], chosen.corpus, chosen.rows)
    first = len(chosen.baseline)
    print(json.dumps(compare(scores[:first], scores[first:], rows), indent=1))


if __name__ == "__main__":
    main()
