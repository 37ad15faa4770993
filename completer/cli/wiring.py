"""Builds the program's parts from its settings."""

from pathlib import Path

from completer.context.workspace import Workspace
from completer.engine.cost import CostCurve
from completer.engine.engine import MAX_DRAFT, Engine
from completer.engine.kv_cache import KVPool
from completer.engine.runner import Runner, kv_layers, slots_within
from completer.engine.scheduler import Limits
from completer.engine.tuning import Tuning
from completer.repositories import Repositories, Repository
from completer.service import LocalService
from completer.settings import Settings
from completer.tuned import tuned
from models.loading import LoadedModel, load_model

MEGABYTE = 1 << 20


def build_model(settings: Settings, *, tune_again: bool = False) -> tuple[LoadedModel, Tuning]:
    """Load the model that the settings name, as it runs fastest here; `pure` means float32."""
    wanted = settings.model
    model = load_model(
        wanted.source,
        device=wanted.device,
        dtype="float32" if settings.pure else wanted.dtype,
        layout=wanted.layout,
        context_tokens=wanted.context_tokens,
    )
    may_change_dtype = not settings.pure and wanted.dtype == "auto"
    return tuned(model, settings.cache_folder, may_change_dtype=may_change_dtype, again=tune_again)


def build_engine(model: LoadedModel, settings: Settings, costs: CostCurve) -> Engine:
    """Size the KV pool to its budget and start an engine over it."""
    layers = kv_layers(model.model)
    capacity = model.context_tokens + MAX_DRAFT
    budget = settings.engine.kv_cache_mb * MEGABYTE
    pool = KVPool(
        layers,
        slots=slots_within(budget, layers, capacity, model.dtype),
        capacity=capacity,
        dtype=model.dtype,
        device=model.device,
    )
    runner = Runner(model.model, pool)
    limits = Limits(
        max_running=settings.engine.max_running,
        max_waiting=settings.engine.max_waiting,
        prefill_chunk=settings.engine.prefill_chunk,
    )
    return Engine(runner, limits=limits, costs=costs)


def build_service(model: LoadedModel, tuning: Tuning, settings: Settings) -> LocalService:
    """Put engine and workspaces together into a service."""
    repositories = Repositories(open_repository)
    for root in settings.workspaces:
        repositories.open(root)
    return LocalService(model, build_engine(model, settings, tuning.costs), settings, repositories)


def open_repository(root: Path) -> Repository:
    """Open one workspace."""
    return Repository(Workspace(root))
