"""One sequence's share of a step, and how the shares of all lie in the packed row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from completer.drafting.tree import DraftTree, Predictions
from completer.engine.attention import Segment
from completer.engine.lossy import Asked, LossyExits
from completer.engine.mixture import mix
from completer.engine.scheduler import Work


@dataclass(slots=True)
class Part:
    """One sequence's share of a step: its tokens, the draft below them, its rows of logits."""

    work: Work
    tree: DraftTree
    segment: Segment
    ids: list[int]
    rows: slice
    hopeless: bool = False
    skipped_layers: int = 0
    expected: Predictions | None = None
    """What the repository expects in each row, where that is blended in."""


def lay_out(work: Work, tree: DraftTree, rows: slice) -> Part:
    """Lay out a sequence's next tokens and a draft; `rows` are its rows of the step's logits."""
    sequence = work.sequence
    segment = Segment(sequence.slot, sequence.cached, work.chain, tree.parents)
    chain = sequence.ids[sequence.cached : sequence.cached + work.chain]
    return Part(work, tree, segment, chain + tree.token_ids.tolist(), rows)


def wanted_rows(parts: Sequence[Part]) -> NDArray[np.int64]:
    """Return the packed rows whose logits are wanted: each chain's last token and all nodes."""
    wanted: list[int] = []
    begin = 0
    for part in parts:
        end = begin + len(part.ids)
        if part.work.reaches_end:
            wanted += range(begin + part.segment.chain - 1, end)
        begin = end
    return np.array(wanted, np.int64)


def laws(parts: Sequence[Part], logits: Tensor) -> Tensor:
    """Return what tokens are drawn from: `logits`, or their mixture with what is expected."""
    if all(part.work.sequence.request.repository_weight == 0 for part in parts):
        return logits
    return torch.cat([_law(part, logits[part.rows]) for part in parts])


def _law(part: Part, logits: Tensor) -> Tensor:
    request = part.work.sequence.request
    if request.repository_weight == 0 or request.drafts is None or not len(logits):
        return logits.float()
    part.expected = request.drafts.predict(part.tree)
    return mix(logits, part.expected, request.repository_weight)


def exit_early(lossy: LossyExits, parts: Sequence[Part]) -> Tensor:
    """Run a step in which decoding sequences that ask for it may take an early exit."""
    asked = [
        Asked(
            part.segment,
            part.ids,
            rows=part.rows.stop - part.rows.start,
            may_exit=part.work.sequence.request.lossy and part.work.sequence.decoding,
        )
        for part in parts
    ]
    answers = lossy.forward(asked)
    for part, answer in zip(parts, answers, strict=True):
        part.hopeless = answer.hopeless
        part.skipped_layers = answer.skipped
    return torch.cat([answer.logits for answer in answers])
