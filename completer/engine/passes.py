"""One pass over a step's parts, and what is read off it: whoever computes, whoever drafts.

Nothing in here changes a sequence or what it drafts from, so that a pass that failed can be run
again; rows that it has written lie behind those that count.
"""

from collections.abc import Callable, Sequence

from torch import Tensor

from completer.engine.choosing import StepResult, readout_request
from completer.engine.lossy import LossyExits
from completer.engine.readout import read
from completer.engine.runner import Runner
from completer.engine.self_speculation import SelfSpeculation
from completer.engine.sequence import SequenceState
from completer.engine.step_part import StepPart, distributions, exit_early, lay_out, wanted_rows

StepResults = list[tuple[StepPart, StepResult]]


class Passes:
    """Runs a model, or as many of its layers as are asked for."""

    def __init__(
        self, runner: Runner, lossy: LossyExits | None, self_speculation: SelfSpeculation | None
    ) -> None:
        self._runner = runner
        self._lossy = lossy
        self._self_speculation = self_speculation

    def run(self, parts: Sequence[StepPart], room: Callable[[SequenceState], int]) -> StepResults:
        """Run `parts`; a sequence that is alone may get another draft, of the early layers.

        That is at most `room` of the sequence tokens long.
        """
        part, sequence = parts[0], parts[0].scheduled.sequence
        alone = len(parts) == 1 and sequence.decoding
        if self._self_speculation is None or not alone or self._exits_early(parts):
            return self.run_as_planned(parts)
        passed = self._self_speculation.forward(part.segment, part.ids, part.tree, room(sequence))
        sequence.draft_seconds += passed.draft_ms / 1000
        drafted = lay_out(part.scheduled, passed.tree, slice(0, 1 + len(passed.tree)))
        return self._read([drafted], passed.logits)

    def run_as_planned(self, parts: Sequence[StepPart]) -> StepResults:
        """Run `parts` with the drafts that they have."""
        if self._lossy is not None and self._exits_early(parts):
            return self._read(parts, exit_early(self._lossy, parts))
        logits = self._runner.forward(
            [part.segment for part in parts],
            [token for part in parts for token in part.ids],
            wanted_rows(parts),
        )
        return self._read(parts, logits)

    def _exits_early(self, parts: Sequence[StepPart]) -> bool:
        return self._lossy is not None and any(
            part.scheduled.sequence.request.lossy for part in parts
        )

    def _read(self, parts: Sequence[StepPart], logits: Tensor) -> StepResults:
        drawn_from, device = distributions(parts, logits), self._runner.device
        readouts = read(drawn_from, [readout_request(part, device) for part in parts])
        results = [StepResult(logits, drawn_from, readout) for readout in readouts]
        return list(zip(parts, results, strict=True))
