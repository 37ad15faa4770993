"""What a step says of one sequence, and what becomes of the sequence by it.

Nothing in here has happened to a sequence before its step has been computed as a whole, so that a
step that fails can be run again.
"""

import time

from completer.drafting.tree import DraftTree
from completer.engine.choosing import Chooser, Outcome
from completer.engine.kv_cache import KVPool
from completer.engine.part import Part
from completer.engine.readout import Readout
from completer.engine.sequence import Running
from completer.engine.stopping import StepSignals, Stop
from completer.engine.verify import Verdict, verify


def absorb(part: Part, outcome: Outcome, pool: KVPool) -> tuple[Verdict | None, Stop | None]:
    """Take over a step's outcome: what it emitted, if it reached the end, and whether it ends."""
    if not part.work.reaches_end:
        _keep(part, [], pool)
        return None, None
    sequence = part.work.sequence
    chooser = Chooser(part, outcome)
    verdict = verify(part.tree.token_ids.tolist(), part.tree.parents.tolist(), chooser)
    _keep(part, verdict.path, pool)
    sequence.ids.extend(verdict.emitted)
    _count(part, verdict)
    _teach(part, verdict, outcome.readout)
    return verdict, _give_up(part, verdict) or _stop(sequence, part.tree, verdict, chooser)


def _keep(part: Part, path: list[int], pool: KVPool) -> None:
    """Make the chain's and the accepted nodes' rows part of the sequence, forget the rest."""
    sequence, segment = part.work.sequence, part.segment
    nodes_at = segment.start + segment.chain
    pool.keep_path(segment.slot, nodes_at, path)
    accepted = [part.ids[segment.chain + node] for node in path]
    pool.extend(segment.slot, part.ids[: segment.chain] + accepted, segment.start)
    sequence.cached = nodes_at + len(path)


def _count(part: Part, verdict: Verdict) -> None:
    sequence, tree = part.work.sequence, part.tree
    if sequence.first_token_at == 0.0:
        sequence.first_token_at = time.perf_counter()
    else:
        sequence.steps += 1
    sequence.drafted += len(tree)
    sequence.accepted += len(verdict.path)
    sequence.skipped_layers += part.skipped_layers
    if verdict.path:
        sequence.sources.update(tree.sources[verdict.path].tolist())


def _teach(part: Part, verdict: Verdict, readout: Readout) -> None:
    drafts = part.work.sequence.request.drafts
    if drafts is None:
        return
    started = time.perf_counter()
    drafts.observe(part.tree, verdict.emitted, readout.candidates)
    part.work.sequence.draft_seconds += time.perf_counter() - started


def _give_up(part: Part, verdict: Verdict) -> Stop | None:
    """End before this step's tokens where an early layer has seen that they lead nowhere."""
    if not part.hopeless:
        return None
    return Stop("low_confidence", len(part.work.sequence.generated) - len(verdict.emitted))


def _stop(sequence: Running, tree: DraftTree, verdict: Verdict, chooser: Chooser) -> Stop | None:
    """Apply the rules in their order: end marks, text rules, the limit."""
    request = sequence.request
    generated = sequence.generated
    end = next((i for i, token in enumerate(generated) if token in request.stop_ids), None)
    usable = generated[:end]
    if len(usable) > request.max_tokens:
        usable = usable[: request.max_tokens]
    if request.policy is not None:
        signals = StepSignals(
            drafted=len(tree),
            accepted=len(verdict.path),
            match_length=tree.match_len,
            tokens=chooser.signals() if request.policy.wants_signals else (),
            ended=end is not None,
        )
        stop = request.policy.after_step(usable, signals)
        if stop is not None:
            return stop
    if end is not None and end <= request.max_tokens:
        return Stop("stop", end)
    if len(usable) >= request.max_tokens:
        return Stop("length", request.max_tokens)
    return None
