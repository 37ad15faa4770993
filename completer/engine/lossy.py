"""Early exits that change the text: tokens are emitted from the first layer that is sure of them.

After each exit layer a gate says of every sequence: continue, exit or stop (SEC, see
`models/exit_gates.py`). A sequence that exits takes its tokens from there; the layers that it skips
get the keys and values that they would have computed of its last state, so that later tokens have
rows to attend to. A sequence that stops is given up. Where no gates have been fitted, an exit
layer's own top-1 probability decides, at the cost of the head. The text is not what the whole model
says: this happens only where it is asked for, and the answer says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

import torch
from torch import Tensor

from completer.engine.attention import Segment
from completer.engine.exits import Exits
from models.exit_gates import LEAVE, STOP, ExitGate

SURE = 0.9  # top-1 probability of an exit without a gate
UNGATED_EXITS = 2  # heads are dear


class Decision(Enum):
    """What to do with a sequence's tokens after a layer."""

    CONTINUE = "continue"
    EXIT = "exit"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class LossyInput:
    """One sequence's part: its `segment`, its token `ids`, the last `rows` whose logits count."""

    segment: Segment
    ids: Sequence[int]
    rows: int
    may_exit: bool


@dataclass(frozen=True, slots=True)
class LossyOutput:
    """Logits [rows, V] of one sequence, how many layers it skipped, whether to give it up."""

    logits: Tensor
    skipped: int = 0
    given_up: bool = False


class LossyExits:
    """Runs the forward pass of steps in which some sequences may exit early."""

    def __init__(self, exits: Exits, gates: Mapping[int, ExitGate] | None = None) -> None:
        self._exits = exits
        self._gates = {layer: gate.to(exits.device) for layer, gate in (gates or {}).items()}
        upper = [layer for layer in exits.candidates if 2 * layer > exits.depth]
        self._layers = sorted(self._gates) or upper[:UNGATED_EXITS]

    @torch.inference_mode()
    def forward(self, parts: Sequence[LossyInput]) -> list[LossyOutput]:
        """Run all parts side by side; whoever exits leaves the others to go on."""
        exits = self._exits
        packed = exits.embed([token for part in parts for token in part.ids])
        states = list(packed.split([part.segment.length for part in parts]))  # type: ignore[no-untyped-call]
        outputs: dict[int, LossyOutput] = {}
        for below, layer in pairwise((0, *self._layers, exits.depth)):
            going = [i for i in range(len(parts)) if i not in outputs]
            if not going:
                break
            self._advance(states, parts, going, below, layer)
            for i in going:
                output = self._output_at(parts[i], states[i], layer)
                if output is not None:
                    outputs[i] = output
        return [outputs[i] for i in range(len(parts))]

    def _advance(
        self,
        states: list[Tensor],
        parts: Sequence[LossyInput],
        going: list[int],
        below: int,
        layer: int,
    ) -> None:
        segments = [parts[i].segment for i in going]
        hidden = torch.cat([states[i] for i in going])
        hidden = self._exits.advance(hidden, segments, below, layer)
        lengths = [segment.length for segment in segments]
        for i, state in zip(going, hidden.split(lengths), strict=True):  # type: ignore[no-untyped-call]
            states[i] = state

    def _output_at(self, part: LossyInput, hidden: Tensor, layer: int) -> LossyOutput | None:
        """Return the output of a part that need not go on, or has nowhere to go."""
        rows = hidden[len(hidden) - part.rows :]
        if layer == self._exits.depth:
            return LossyOutput(self._exits.logits(rows, layer))
        if not part.may_exit or not part.rows:
            return None
        decision, logits = self._decide(rows, layer)
        if decision is Decision.CONTINUE:
            return None
        if logits is None:
            logits = self._exits.logits(rows, layer)
        self._exits.fill(hidden, part.segment, layer)
        return LossyOutput(logits, self._exits.depth - layer, decision is Decision.STOP)

    def _decide(self, rows: Tensor, layer: int) -> tuple[Decision, Tensor | None]:
        """Decide for a sequence: it exits if all its rows may, and stops with its first one."""
        gate = self._gates.get(layer)
        if gate is None:
            logits = self._exits.logits(rows, layer)
            sure = bool((logits.float().softmax(-1).amax(-1) >= SURE).all())
            return (Decision.EXIT if sure else Decision.CONTINUE), logits
        probabilities = gate.probabilities(self._exits.normalise(rows))
        first_stops, all_exit = torch.stack(
            (
                probabilities[0, STOP] >= gate.stop_at,
                (probabilities[:, LEAVE] >= gate.exit_at).all(),
            )
        ).tolist()
        if first_stops:
            return Decision.STOP, None
        return (Decision.EXIT if all_exit else Decision.CONTINUE), None
