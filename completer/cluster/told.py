"""What of the settings the processes of a cluster are told, wherever they run."""

from __future__ import annotations

from completer.engine_process.registration import engine_settings
from completer.errors import SettingsError
from completer.place import local_place
from completer.settings import Settings


def for_any_machine(settings: Settings) -> Settings:
    """The same settings in whatever folder a process runs.

    Raises `SettingsError` for what a cluster does not do.
    """
    if settings.experiment.models:
        raise SettingsError(
            "An arm of the experiment has a model of its own, which a cluster does not serve.",
            hint="Leave it out: the other settings of an arm count.",
        )
    source = engine_settings(settings).model.source
    return settings.model_copy(
        update={
            "model": settings.model.model_copy(update={"source": source}),
            "workspaces": tuple(map(local_place, settings.workspaces)),
        }
    )


def for_replicas(settings: Settings) -> Settings:
    """A replica asks nobody for a token, and is itself what comes and goes, not its model."""
    return settings.model_copy(
        update={
            "engine": settings.engine.model_copy(update={"idle_unload_minutes": 0.0}),
            "server": settings.server.model_copy(update={"token": None}),
        }
    )
