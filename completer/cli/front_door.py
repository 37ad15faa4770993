"""What front doors are handed that needs neither a model nor what loads one."""

from pathlib import Path

from completer.cli.options import identity_file
from completer.errors import SettingsError
from completer.interface import ServiceInfo
from completer.request import ArmOf, in_no_arm
from completer.settings import Settings
from telemetry.recorder import NullRecorder, Recorder


def described(settings: Settings) -> ServiceInfo:
    """What can be told of a service before its model is there."""
    return ServiceInfo(
        model=Path(settings.model.source).name,
        device=settings.model.device,
        dtype="float32" if settings.pure else settings.model.dtype,
        context_tokens=settings.model.context_tokens or 0,
        workspaces=(),
    )


def arms(settings: Settings) -> ArmOf:
    """Which arm of the user's experiment somebody is in; none where nothing is recorded."""
    if not settings.telemetry.enabled:
        return in_no_arm
    from completer.experiments import Experiments
    from telemetry.assignment import Assignment

    people = Assignment(settings.telemetry.folder, identity_file(settings))
    return Experiments(settings, people.draw).arm_of


def build_recorder(settings: Settings) -> Recorder:
    """Open this process's telemetry database, or record nothing where it is switched off."""
    if not settings.telemetry.enabled:
        return NullRecorder()
    from telemetry.journal import open_recorder
    from telemetry.privacy import NoKeyError

    try:
        return open_recorder(
            settings.telemetry.folder,
            identity=identity_file(settings),
            retention_days=settings.telemetry.retention_days,
        )
    except NoKeyError as error:
        hint = "Get the team's file, make one (`completer telemetry identity FILE`), or unset it."
        raise SettingsError(f"telemetry.identity_file: {error}.", hint=hint) from error
