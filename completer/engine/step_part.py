"""One sequence's share of a step, and how the shares of all lie in the packed row."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from completer.drafting.tree import DraftTree, Predictions
from completer.engine.attention import Segment
from completer.engine.lossy import LossyExits, LossyInput
from completer.engine.mixture import mix
from completer.engine.narrowing import Narrowing, narrow
from completer.engine.scheduler import Scheduled


@dataclass(slots=True)
class StepPart:
    """One sequence's share of a step: its tokens, the draft below them, its rows of logits."""

    scheduled: Scheduled
    tree: DraftTree
    segment: Segment
    ids: list[int]
    rows: slice
    given_up: bool = False
    """Whether an exit gate has decided that the completion ends before this step's tokens."""
    skipped_layers: int = 0
    expected: Predictions | None = None
    """What the repository expects in each row, where that is blended in."""
    narrowings: Sequence[Narrowing] = ()
    """To what rows were narrowed."""
    masses: Tensor | None = None
    """[n] the probability that each of these tokens' sets had before."""


def lay_out(scheduled: Scheduled, tree: DraftTree, rows: slice) -> StepPart:
    """Lay out a sequence's next tokens and a draft; `rows` are its rows of the step's logits."""
    sequence = scheduled.sequence
    segment = Segment(sequence.slot, sequence.cached, scheduled.chain, tree.parents)
    chain = sequence.ids[sequence.cached : sequence.cached + scheduled.chain]
    return StepPart(scheduled, tree, segment, chain + tree.token_ids.tolist(), rows)


def wanted_rows(parts: Sequence[StepPart]) -> NDArray[np.int64]:
    """Return the packed rows whose logits are wanted: each chain's last token and all nodes."""
    wanted: list[int] = []
    begin = 0
    for part in parts:
        end = begin + len(part.ids)
        if part.scheduled.reaches_end:
            wanted += range(begin + part.segment.chain - 1, end)
        begin = end
    return np.array(wanted, np.int64)


def distributions(parts: Sequence[StepPart], logits: Tensor) -> Tensor:
    """Return the rows [R, V] that tokens are drawn from: `logits`, or logs of what became of them.

    That is their mixture with what the repository expects, narrowed by a guide, for sequences that
    ask for it.
    """
    if not any(part.scheduled.sequence.request.changes_distribution for part in parts):
        return logits
    own = [logits[part.rows] for part in parts]
    drawn_from = [_distribution(part, rows) for part, rows in zip(parts, own, strict=True)]
    if all(new is old for new, old in zip(drawn_from, own, strict=True)):
        return logits
    return torch.cat([rows.float() for rows in drawn_from])


def _distribution(part: StepPart, logits: Tensor) -> Tensor:
    sequence, request = part.scheduled.sequence, part.scheduled.sequence.request
    if not len(logits):
        return logits
    if request.repository_weight > 0 and request.drafts is not None:
        part.expected = request.drafts.predict(part.tree)
        logits = mix(logits, part.expected, request.repository_weight)
    if request.guide is not None:
        part.narrowings = request.guide.narrowings(sequence.generated, part.tree)
        if part.narrowings:
            logits, part.masses = narrow(logits, part.narrowings)
    return logits


def exit_early(lossy: LossyExits, parts: Sequence[StepPart]) -> Tensor:
    """Run a step in which decoding sequences that ask for it may take an early exit."""
    inputs = [
        LossyInput(
            part.segment,
            part.ids,
            rows=part.rows.stop - part.rows.start,
            may_exit=part.scheduled.sequence.request.lossy and part.scheduled.sequence.decoding,
        )
        for part in parts
    ]
    outputs = lossy.forward(inputs)
    for part, output in zip(parts, outputs, strict=True):
        part.given_up = output.given_up
        part.skipped_layers = output.skipped
    return torch.cat([output.logits for output in outputs])
