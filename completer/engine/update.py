"""Updates a sequence with the result of a step: verification, KV rows, counts, whether it ends.

Nothing in here has happened to a sequence before its step has been computed as a whole, so that a
step that fails can be run again.
"""

import time
from collections.abc import Sequence

import numpy as np

from completer.drafting.tree import DraftSource
from completer.engine.choosing import Chooser, StepResult
from completer.engine.kv_cache import KVPool
from completer.engine.readout import Readout
from completer.engine.sequence import SequenceState
from completer.engine.step_part import StepPart
from completer.engine.stop_policy import Stop, TokenSignals
from completer.engine.verify import Verification, verify


def update(
    part: StepPart, result: StepResult, pool: KVPool
) -> tuple[Verification | None, Stop | None]:
    """Verify a part's draft, and update its sequence and the KV rows with what was accepted.

    Returns what the step emitted, `None` while the prompt is prefilled, and whether the sequence
    ends.
    """
    if not part.scheduled.reaches_end:
        _keep(part, [], pool)
        return None, None
    sequence = part.scheduled.sequence
    chooser = Chooser(part, result)
    verified = verify(part.tree.token_ids.tolist(), part.tree.parents.tolist(), chooser)
    _keep(part, verified.path, pool)
    sequence.ids.extend(verified.emitted)
    _count(part, verified)
    _teach(part, verified, result.readout)
    stop = _give_up(part, verified) or _stop(sequence, verified, chooser)
    if sequence.request.ranks:
        _rank(sequence, chooser, stop)
    return verified, stop


def _rank(sequence: SequenceState, chooser: Chooser, stop: Stop | None) -> None:
    """Tell what was likely at each place, up to the one at which the text ends."""
    known = sequence.ticket.rankings
    known += chooser.rankings()[: max(0, stop.keep + 1 - len(known)) if stop else None]


def _keep(part: StepPart, path: list[int], pool: KVPool) -> None:
    """Make the chain's and the accepted nodes' rows part of the sequence, forget the rest."""
    sequence, segment = part.scheduled.sequence, part.segment
    nodes_at = segment.start + segment.chain
    pool.keep_path(segment.slot, nodes_at, path)
    accepted = [part.ids[segment.chain + node] for node in path]
    pool.extend(segment.slot, part.ids[: segment.chain] + accepted, segment.start)
    sequence.cached = nodes_at + len(path)
    if sequence.cached == sequence.kept.start and sequence.kept:
        sequence.cached = sequence.kept.stop
        kept = sequence.ids[sequence.kept.start : sequence.kept.stop]
        pool.extend(segment.slot, kept, sequence.kept.start)


def _count(part: StepPart, verified: Verification) -> None:
    sequence, tree = part.scheduled.sequence, part.tree
    if sequence.first_token_at == 0.0:
        sequence.first_token_at = time.perf_counter()
    else:
        sequence.steps += 1
    sequence.drafted += len(tree)
    sequence.predicted += int(np.count_nonzero(tree.sources == DraftSource.PREDICTION))
    sequence.accepted += len(verified.path)
    sequence.skipped_layers += part.skipped_layers
    if verified.path:
        sequence.sources.update(tree.sources[verified.path].tolist())


def _teach(part: StepPart, verified: Verification, readout: Readout) -> None:
    drafts = part.scheduled.sequence.request.drafts
    if drafts is None:
        return
    started = time.perf_counter()
    drafts.observe(part.tree, verified.emitted, readout.candidates)
    part.scheduled.sequence.draft_seconds += time.perf_counter() - started


def _give_up(part: StepPart, verified: Verification) -> Stop | None:
    """End before this step's tokens where an exit gate has given the completion up."""
    if not part.given_up:
        return None
    return Stop("low_confidence", len(part.scheduled.sequence.generated) - len(verified.emitted))


def _stop(sequence: SequenceState, verified: Verification, chooser: Chooser) -> Stop | None:
    """Apply the rules to one token after the other: text rules, end marks, the limit."""
    request, policy = sequence.request, sequence.request.policy
    generated = sequence.generated
    signals: Sequence[TokenSignals | None] = [None] * len(verified.emitted)
    if policy is not None and policy.wants_signals:
        signals = chooser.signals()
    before = len(generated) - len(verified.emitted)
    for number, token in enumerate(verified.emitted):
        ended = token in request.stop_ids
        count = before + number + (not ended)
        if policy is not None:
            stop = policy.after_token(generated[:count], signals[number], ended=ended)
            if stop is not None:
                return stop
        if ended:
            return Stop("stop", count)
        if count >= request.max_tokens:
            return Stop("length", count)
    return None
