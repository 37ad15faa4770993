"""Puts model, engine, workspaces and service together; everything that needs torch."""

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from tokenizers import Tokenizer

from completer.calibration import Calibrations
from completer.context.prompt import blind_to_marks
from completer.drafting.drafter import Drafter
from completer.drafting.suffix_array import SuffixArray, join_streams
from completer.engine.cost import FixedLength
from completer.engine.engine import MAX_DRAFT, Engine
from completer.engine.exits import Exits
from completer.engine.lean import LeanForward
from completer.engine.lossy import LossyExits
from completer.engine.memory import pool_for
from completer.engine.runner import Runner
from completer.engine.scheduler import Limits
from completer.engine.self_speculation import SelfSpeculation
from completer.engine.tuning import Tuning, forward_of, leave_cores_to_the_engine
from completer.serving.service import LocalService
from completer.serving.tuned import tuned
from completer.settings import Settings
from completer.workspaces.repositories import open_repositories
from models.decoder import BareDecoder
from models.exit_gates import ExitGate
from models.loading import LoadedModel, load_model

if TYPE_CHECKING:
    from completer.evaluation.holdout import Sample
    from completer.evaluation.isolation import IsolatedService
    from completer.evaluation.speculation import Pair

MEGABYTE = 1 << 20
log = logging.getLogger(__name__)


def build_model(
    settings: Settings, *, tune_again: bool = False, own_code: bool = True
) -> tuple[LoadedModel, Tuning]:
    """Load the model that the settings name, as it runs fastest here; `pure` means float32.

    Who only completes needs no `own_code` of the model where the lean forward pass does its work.
    """
    wanted = settings.model
    leave_cores_to_the_engine()
    model = load_model(
        wanted.source,
        device=wanted.device,
        dtype="float32" if settings.pure else wanted.dtype,
        layout=wanted.layout,
        context_tokens=wanted.context_tokens,
        own_code=own_code,
    )
    if note := model.layout.layout.note:
        log.warning("%s: %s", model.name, note)
    may_change_dtype = not settings.pure and wanted.dtype == "auto"
    model, tuning = tuned(
        model, settings.cache_folder, may_change_dtype=may_change_dtype, again=tune_again
    )
    if not own_code and not tuning.lean and isinstance(model.model, BareDecoder):
        return build_model(settings)  # measured with its own code, which alone was right
    return model, tuning


def build_engine(
    model: LoadedModel,
    tuning: Tuning,
    settings: Settings,
    exit_gates: Mapping[int, ExitGate] | None = None,
) -> Engine:
    """Size the KV pool to its budget and start an engine over it.

    `exit_gates` take the place of those that were calibrated.
    """
    capacity = model.context_tokens + MAX_DRAFT
    pool = pool_for(
        model.model,
        settings.engine.kv_cache_mb * MEGABYTE,
        capacity=capacity,
        running=settings.engine.max_running,
    )
    forward = forward_of(model.model, lean=tuning.lean, positions=capacity)
    limits = Limits(
        max_running=settings.engine.max_running,
        max_waiting=settings.engine.max_waiting,
        prefill_chunk=settings.engine.prefill_chunk,
        undisturbed=2 if model.device.type == "cpu" else 4,
    )
    runner = Runner(forward, pool, graphs=tuning.graphs, why_no_graphs=tuning.why_no_graphs)
    speculation, lossy, turn = None, None, None
    if isinstance(forward, LeanForward):
        turn = forward.layers.turned
        saved = Calibrations(model, settings.calibration_folder)
        exits = Exits(forward.layers, pool, saved.exit_adapters())
        lossy = LossyExits(exits, saved.exit_gates() if exit_gates is None else exit_gates)
        if settings.drafting.self_speculation:
            speculation = SelfSpeculation(runner, exits, tuning.costs)
    wanted = settings.engine.draft_tokens
    pricing = tuning.costs if wanted == "auto" else FixedLength(wanted)
    return Engine(
        runner,
        limits=limits,
        costs=pricing,
        self_speculation=speculation,
        lossy=lossy,
        turn=turn,
        threads=tuning.threads,
    )


def build_service(model: LoadedModel, tuning: Tuning, settings: Settings) -> LocalService:
    """Put engine and workspaces together into a service of a model that is loaded."""
    repositories = open_repositories(settings, tokenizer_of(model))
    return LocalService(model, build_engine(model, tuning, settings), settings, repositories)


def tokenizer_of(model: LoadedModel) -> Tokenizer:
    """Return the tokenizer that code is read with: marks in it are text."""
    return blind_to_marks(model.tokenizer.backend_tokenizer)


def build_isolated(
    model: LoadedModel, tuning: Tuning, settings: Settings, samples: "Sequence[Sample]"
) -> "IsolatedService":
    """Build a service over repositories without their held-out files; for evaluations."""
    from completer.evaluation.isolation import IsolatedService

    engine = build_engine(model, tuning, settings)
    workspaces = {sample.root: sample.options for sample in samples}
    return IsolatedService(model, engine, settings, workspaces)


def build_pair(
    model: LoadedModel, tuning: Tuning, settings: Settings, texts: Sequence[str]
) -> "Pair":
    """Build two engines that differ in self-speculation alone; `texts` are drafted from."""
    from completer.evaluation.speculation import Pair

    off = settings.drafting.model_copy(update={"self_speculation": False})
    return Pair(
        without=build_engine(model, tuning, settings.model_copy(update={"drafting": off})),
        speculating=build_engine(model, tuning, settings),
        drafter=build_drafter(model, texts) if texts else None,
    )


def build_drafter(model: LoadedModel, texts: Sequence[str]) -> Drafter:
    """Index `texts` for drafting, where there is no workspace; for evaluations."""
    tokenizer = tokenizer_of(model)
    encodings = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    streams = [np.asarray(encoding.ids, np.int32) for encoding in encodings]
    drafter = Drafter(tokenizer.get_vocab_size(with_added_tokens=True))
    drafter.array = SuffixArray.build(join_streams(streams)[0], drafter.vocabulary_size)
    return drafter
