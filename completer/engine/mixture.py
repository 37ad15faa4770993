"""Blending the model's next-token distribution with the repository's (kNN-LM, infini-gram).

A small model has read much code but not this repository; the suffix index has read nothing else.
The mixture p = (1 - w·s)·p_model + w·p_repository, with s the repository's own confidence (the sum
of its probabilities), is better than either. The weight w depends on how long the match is and on
s, in which the blending of all orders has put how much was counted. It is a departure from the
model's law, so it happens only where it is asked for, and the answer says so.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from torch import Tensor

from completer.drafting.tree import Predictions
from completer.engine.staging import to_device

LENGTHS = (1, 2, 3, 4, 6, 8, 12, 20)
CONFIDENCES = (0.2, 0.4, 0.6, 0.8, 0.95)
"""Where classes of match length (tokens) and confidence begin, behind the first."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """`weights[length class][confidence class]`, each from 0 to 1."""

    weights: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        shape = [len(row) for row in self.weights]
        if shape != [len(CONFIDENCES) + 1] * (len(LENGTHS) + 1):
            raise ValueError(f"the mixture's weights have the shape {shape}")
        if not all(0 <= weight <= 1 for row in self.weights for weight in row):
            raise ValueError("the mixture's weights have to be from 0 to 1")

    @classmethod
    def fixed(cls, weight: float) -> Self:
        """The same weight everywhere."""
        return cls(((weight,) * (len(CONFIDENCES) + 1),) * (len(LENGTHS) + 1))

    def weight(self, match_length: int, confidence: float) -> float:
        """How much the repository's distribution counts."""
        row, column = classes(match_length, confidence)
        return self.weights[row][column]

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return {"lengths": LENGTHS, "confidences": CONFIDENCES, "weights": self.weights}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read weights. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
        return cls(tuple(tuple(map(float, row)) for row in values["weights"]))


def classes(match_length: int, confidence: float) -> tuple[int, int]:
    """Return the classes that a match falls into."""
    return bisect_right(LENGTHS, match_length), bisect_right(CONFIDENCES, confidence)


def mix(logits: Tensor, expected: Predictions, mixture: Mixture) -> Tensor:
    """Return the logs of the mixtures [R, V] of a model's `logits` [R, V] and what was `expected`.

    Adds logarithms, since the logarithms of whole vocabularies would cost as much as all else.
    """
    rows = np.repeat(np.arange(len(expected)), np.diff(expected.bounds))
    confidences = np.bincount(rows, expected.probs, len(expected))
    weights = np.array(list(map(mixture.weight, expected.match_lengths, confidences)))
    shares = (expected.probs * weights[rows]).astype(np.float32)
    rests = 1.0 - np.bincount(rows, shares, len(expected)).clip(max=1.0)  # rounding adds up to more
    device = logits.device
    mixed = logits.float().log_softmax(-1)
    mixed += to_device(rests.astype(np.float32), device).log()[:, None]
    places = to_device(rows, device), to_device(expected.token_ids.astype(np.int64), device)
    mixed[places] = mixed[places].logaddexp(to_device(shares, device).log())
    return mixed
