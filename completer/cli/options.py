"""Flags that several commands share, and how they become settings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # it takes a while to import
    from completer.settings import LoadedSettings, Settings

ConfigFlag = Annotated[
    Path | None,
    typer.Option(
        "--config", help="Settings file to read instead of the user's own.", metavar="FILE"
    ),
]
ModelFlag = Annotated[
    str | None,
    typer.Option(
        "--model", help="`bundled`, a model folder, a GGUF file, or a hub id.", metavar="MODEL"
    ),
]
DeviceFlag = Annotated[
    str | None, typer.Option("--device", help="auto, cpu, cuda or cuda:N.", metavar="DEVICE")
]
DtypeFlag = Annotated[
    str | None,
    typer.Option(
        "--dtype", help="auto, float32, bfloat16, float16; int8, int4 (CPU).", metavar="DTYPE"
    ),
]
PureFlag = Annotated[
    bool | None,
    typer.Option("--pure", help="float32, the model's own distribution, text left as it is."),
]
WorkspaceFlag = Annotated[
    list[Path] | None,
    typer.Option("--workspace", "-w", help="Folder whose code may be used.", metavar="PATH"),
]
DependenciesFlag = Annotated[
    bool | None,
    typer.Option("--with-dependencies", help="Draft from the installed packages in use, too."),
]
TelemetryFlag = Annotated[
    Path | None,
    typer.Option("--telemetry-folder", help="Where the databases lie.", metavar="FOLDER"),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def load(
    config: Path | None = None,
    *,
    model: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
    pure: bool | None = None,
    workspaces: list[Path] | None = None,
    host: str | None = None,
    port: int | None = None,
    forwarded_allow_ips: str | None = None,
    telemetry_folder: Path | None = None,
    with_dependencies: bool | None = None,
    engine: dict[str, object] | None = None,
) -> "LoadedSettings":
    """Load the settings with these flags on top; `None` leaves a setting as it is."""
    from completer.settings import load_settings

    flags = {
        "model": {"source": model, "device": device, "dtype": dtype},
        "server": {"host": host, "port": port, "forwarded_allow_ips": forwarded_allow_ips},
        "telemetry": {"folder": telemetry_folder},
        "engine": engine or {},
        "drafting": {"with_dependencies": with_dependencies},
        "workspaces": tuple(workspaces) if workspaces else None,
        "pure": pure,
    }
    return load_settings(flags, config)


def identity_file(settings: "Settings") -> Path | None:
    """The file of the key by which people are known, if it is not the telemetry folder's."""
    path = settings.telemetry.identity_file
    return None if path is None else path.expanduser()
