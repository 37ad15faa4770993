"""`completer cluster`: the endpoint on Ray Serve, with replicas of the engine."""

import json
import sys
from dataclasses import asdict
from types import ModuleType
from typing import TYPE_CHECKING, Annotated

import typer

from completer.cli.options import (
    ConfigFlag,
    DeviceFlag,
    JsonFlag,
    ModelFlag,
    TelemetryFlag,
    WorkspaceFlag,
    load,
)
from completer.cli.running_server import url
from completer.cluster.own import own_cluster
from completer.errors import CompleterError, SettingsError
from completer.progress import progress

if TYPE_CHECKING:
    from completer.cluster.status import ClusterStatus, ReplicaStatus

MEGABYTE = 1 << 20
LOCAL = "local"
cluster = typer.Typer(no_args_is_help=True, help="The endpoint on Ray Serve, with replicas.")
AddressFlag = Annotated[
    str,
    typer.Option(
        help="`local`: what `up` has started here; `auto`, HOST:PORT: another.", metavar="RAY"
    ),
]


@cluster.command("up")
def up(
    address: AddressFlag = LOCAL,
    replicas: Annotated[
        str, typer.Option(help="How many: N, or as many as it takes.", metavar="MIN:MAX")
    ] = "1",
    gpus_per_replica: Annotated[
        float, typer.Option(min=0, help="GPUs of each, or a share of one.", metavar="X")
    ] = 0.0,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535)] = None,
    workspace: WorkspaceFlag = None,
    model: ModelFlag = None,
    device: DeviceFlag = None,
    config: ConfigFlag = None,
    telemetry_folder: TelemetryFlag = None,
    insecure: Annotated[
        bool,
        typer.Option("--insecure", help="Let whoever reaches the address ask, without a token."),
    ] = False,
) -> None:
    """Serve completions from several replicas; one that is up is changed, and loses no request."""
    running = _running(address)
    from completer.cli.exposure import check_exposure, tls_files
    from completer.cli.serve import listen
    from completer.cluster.scale import Scale

    settings = load(
        config,
        model=model,
        device=device,
        workspaces=workspace,
        host=host,
        port=port,
        telemetry_folder=telemetry_folder,
    ).settings
    scale = Scale.of(replicas, gpus_per_replica)
    its_own = address == LOCAL and own_cluster() is None
    port_to_try = settings.server.port if its_own else 0  # a busy one is told at once
    with listen(settings.server.host, port_to_try) as listener:
        exposed = check_exposure(settings, listener, insecure=insecure)
    tls = tls_files(settings)
    where = url(settings.server.host, settings.server.port, "https" if tls else "http")
    progress.info("starting %s replicas of %s ...", replicas, settings.model.source)
    with running.own_ray(scale) if its_own else running.connected(_of_ray(address)):
        running.deploy(settings, scale, exposed=exposed, insecure=insecure, tls=tls)
        typer.echo(f"completer serves {settings.model.source} on {where} · replicas: {replicas}")
        if its_own:
            sys.stdout.flush()
            running.wait_until_asked_to_end()
            running.take_down()


@cluster.command("down")
def down(address: AddressFlag = LOCAL) -> None:
    """End it; what else the Ray cluster runs stays."""
    if address == LOCAL:
        if (own := own_cluster()) is not None:
            own.end()
    else:
        running = _running(address)
        with running.connected(address):
            running.take_down()
    typer.echo("It is down.")


@cluster.command("status")
def status(address: AddressFlag = LOCAL, as_json: JsonFlag = False) -> None:
    """Show the replicas, what they are at, and their memory."""
    running = _running(address)
    with running.connected(_of_ray(address)):
        found: ClusterStatus | None = running.status()
    if as_json:
        typer.echo(json.dumps(None if found is None else _as_json(found), ensure_ascii=False))
    elif found is None:
        typer.echo("None is up.")
    else:
        typer.echo(_line(found))
        for replica in found.replicas:
            typer.echo(f"  {_replica_line(replica)}")


def _running(address: str) -> ModuleType:
    """What speaks to Ray; raises `SettingsError` where that is not installed."""
    from completer.cluster.environment import prepare_ray

    prepare_ray(here=address == LOCAL)
    try:
        from completer.cluster import running
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "ray":
            raise
        raise SettingsError(
            "Ray is not installed.", hint="Install it: `pip install 'completer[cluster]'`."
        ) from error
    return running


def _of_ray(address: str) -> str:
    """What Ray calls the address; raises `CompleterError` where nothing was started here."""
    if address != LOCAL:
        return address
    if (own := own_cluster()) is None:
        raise CompleterError(
            "No cluster runs here.", hint="`completer cluster up` starts one; --address: elsewhere."
        )
    return own.address


def _as_json(found: "ClusterStatus") -> dict[str, object]:
    """What is told of it; workspaces are counted, not named."""
    replicas = [_replica_json(each) for each in found.replicas]
    return {**asdict(found), "replicas": replicas}


def _replica_json(replica: "ReplicaStatus") -> dict[str, object]:
    info = replica.info
    return {
        "pid": replica.pid,
        "version": replica.version,
        "running": replica.running,
        "model": info.model,
        "device": info.device,
        "dtype": info.dtype,
        "state": info.state,
        "workspaces": len(info.workspaces),
        "memory_bytes": dict(info.memory_bytes),
    }


def _line(found: "ClusterStatus") -> str:
    waiting = max(0, found.asked - sum(each.running for each in found.replicas))
    parts = [
        found.state,
        f"{len(found.replicas)} replicas",
        f"{found.starting} more start or end" if found.starting else "",
        f"{waiting} requests wait",
        found.message.strip(),
    ]
    return " · ".join(filter(None, parts))


def _replica_line(replica: "ReplicaStatus") -> str:
    info = replica.info
    memory = sum(info.memory_bytes.values()) / MEGABYTE
    return (
        f"{replica.pid}: completer {replica.version} · {info.model} ({info.dtype}, {info.device},"
        f" {info.state}) · {replica.running} running · {memory:.0f} MB"
    )
