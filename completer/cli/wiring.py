"""Builds what a front door is handed, without waiting for torch or the model."""

from pathlib import Path

from completer.deferred import DeferredService, LoadedService
from completer.http.options import HttpOptions
from completer.interface import ServiceInfo, Workspaces
from completer.place import local_place
from completer.settings import Settings
from telemetry.journal import open_recorder
from telemetry.recorder import NullRecorder, Recorder

MEGABYTE = 1 << 20
GROUP_STREAM_S = 0.05  # on a shared server: long enough to hide which tokens were drafted
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def deferred_service(settings: Settings) -> DeferredService:
    """Start loading the model in the background and return a service that waits for it."""

    def make(workspaces: Workspaces | None) -> LoadedService:
        from completer.cli.assembly import build_model, build_service
        from completer.repositories import Repositories

        model, tuning = build_model(settings)
        opened = workspaces if isinstance(workspaces, Repositories) else None
        return build_service(model, tuning, settings, opened)

    loading = ServiceInfo(
        model=Path(settings.model.source).name,
        device=settings.model.device,
        dtype="float32" if settings.pure else settings.model.dtype,
        context_tokens=settings.model.context_tokens or 0,
        workspaces=tuple(map(local_place, settings.workspaces)),
    )
    return DeferredService(
        make, loading, idle_s=60.0 * settings.engine.idle_unload_minutes, free=_free_memory
    )


def _free_memory() -> None:
    """Give what a model held back to system and device."""
    import torch

    from completer.drafting.memory import release_memory

    release_memory()
    torch.cuda.empty_cache()  # does nothing where CUDA was not used


def build_recorder(settings: Settings) -> Recorder:
    """Open this process's telemetry database, or record nothing where it is switched off."""
    if not settings.telemetry.enabled:
        return NullRecorder()
    return open_recorder(
        settings.telemetry.folder, retention_days=settings.telemetry.retention_days
    )


def http_options(settings: Settings) -> HttpOptions:
    """Turn settings into the HTTP front door's options."""
    server = settings.server
    token = server.token.get_secret_value() if server.token else None
    return HttpOptions(
        tokens={token: ""} if token else {},
        allowed_hosts=(*server.allowed_hosts, server.host),
        max_body_bytes=server.max_body_mb * MEGABYTE,
        group_stream_s=0.0 if server.host in LOOPBACK else GROUP_STREAM_S,
    )
