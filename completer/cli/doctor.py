"""`completer doctor`: is everything in place, and if not, what to do."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import typer
from pydantic import BaseModel, SecretStr

from completer.cli.options import (
    ConfigFlag,
    DeviceFlag,
    JsonFlag,
    ModelFlag,
    PureFlag,
    TelemetryFlag,
    WorkspaceFlag,
    load,
)
from completer.progress import progress
from completer.settings import LoadedSettings, config_file
from models.errors import ModelError
from models.source import check_source


def doctor(
    workspace: WorkspaceFlag = None,
    model: ModelFlag = None,
    device: DeviceFlag = None,
    pure: PureFlag = None,
    config: ConfigFlag = None,
    telemetry_folder: TelemetryFlag = None,
    as_json: JsonFlag = False,
) -> None:
    """Check device, model, FIM layout, workspaces, database and settings.

    A server that runs with these settings is asked for its model, which is not loaded once more.
    Exits with 1 when something is not right.
    """
    loaded = load(
        config,
        model=model,
        device=device,
        pure=pure,
        workspaces=workspace,
        telemetry_folder=telemetry_folder,
    )
    progress.info("looking at device, model and workspaces ...")
    try:  # the checks say so again, once torch is there
        check_source(loaded.settings.model.source, loaded.settings.model.layout)
    except ModelError as error:
        progress.info("%s", error)
    from completer.cli.checks import Check, run_checks

    checks: list[Check] = []
    for check in run_checks(loaded):
        checks.append(check)
        if not as_json:
            _print(check)
    settings = dict(_settings(loaded))
    ok = all(check.ok for check in checks)
    if as_json:
        report = {"ok": ok, "checks": [asdict(check) for check in checks], "settings": settings}
        typer.echo(json.dumps(report, ensure_ascii=False))
    else:
        _print_settings(settings)
    raise typer.Exit(0 if ok else 1)


def _print(check: Any) -> None:  # noqa: ANN401  Check's module loads torch
    typer.echo(f"{'ok ' if check.ok else 'NO '} {check.name:<11} {check.detail}")
    if check.hint:
        typer.echo(f"{'':15} {check.hint}")


def _settings(loaded: LoadedSettings) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in _flat(loaded.settings):
        shown = value if isinstance(value, bool | int | float | None) else str(value)
        yield name, {"value": shown, "origin": loaded.origins.get(name, "default")}


def _flat(section: BaseModel, above: str = "") -> Iterator[tuple[str, object]]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _flat(value, f"{above}{name}.")
        elif isinstance(value, tuple):
            yield f"{above}{name}", ", ".join(str(each) for each in value)
        else:
            yield f"{above}{name}", "set" if isinstance(value, SecretStr) else value


def _print_settings(settings: dict[str, dict[str, Any]]) -> None:
    typer.echo(f"\nSettings that are not the default (file: {config_file()})")
    changed = {name: each for name, each in settings.items() if each["origin"] != "default"}
    for name, each in changed.items():
        typer.echo(f"  {name} = {each['value']}  ({each['origin']})")
    if not changed:
        typer.echo("  none")
