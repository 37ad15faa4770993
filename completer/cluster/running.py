"""A cluster that runs: Ray on this machine or one that is there, the application in it, its state.

`environment.py` has to have prepared Ray before this is imported.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray import serve
from ray.serve.schema import LoggingConfig

from completer.cli.interruption import on_signals
from completer.cluster.application import FRONT_DOOR, NAME, REPLICAS, application
from completer.cluster.own import noted
from completer.cluster.replica import Start
from completer.cluster.scale import Scale
from completer.cluster.status import ClusterStatus, ReplicaStatus
from completer.errors import CompleterError
from completer.settings import Settings

OBJECTS_BYTES = 200 << 20  # what passes between processes: requests and answers, a few at a time
QUIET: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.WARNING}
logging.getLogger("ray.serve").setLevel(logging.WARNING)
RUNNING = "RUNNING"
ANSWERS_WITHIN_S = 10.0


@contextmanager
def own_ray(scale: Scale) -> Iterator[None]:
    """Run Ray on this machine, for as long as the block lasts; `own.py` finds it."""
    ray.init(
        "local",
        num_cpus=scale.most + 1,
        object_store_memory=OBJECTS_BYTES,
        include_dashboard=False,
        **QUIET,
    )
    try:
        with noted(ray.get_runtime_context().gcs_address):
            yield
    finally:
        ray.shutdown()


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Be connected to Ray where it runs. Raises `CompleterError` if it does not."""
    try:
        ray.init(address, **QUIET)
    except (ConnectionError, RuntimeError, ValueError) as error:
        hint = "`completer cluster up` starts one on this machine; --address names another."
        raise CompleterError(f"Ray does not run: {error}", hint=hint) from error
    try:
        yield
    finally:
        ray.shutdown()


def deploy(
    settings: Settings,
    scale: Scale,
    *,
    exposed: bool,
    insecure: bool = False,
    tls: dict[str, Path] | None = None,
    start: Start | None = None,
) -> None:
    """Run the application, or change the one that runs into it without losing a request.

    Returns once it answers. Raises `CompleterError` if it does not come to that.
    """
    app = application(settings, scale, exposed=exposed, insecure=insecure, start=start)
    serve.start(
        proxy_location="EveryNode",
        http_options={
            "host": settings.server.host,
            "port": settings.server.port,
            "keep_alive_timeout_s": int(settings.server.keep_alive_s),
            **{name: str(path) for name, path in (tls or {}).items()},
        },
        logging_config=LoggingConfig(log_level="WARNING", enable_access_log=False),
    )
    try:
        serve.run(app, name=NAME, route_prefix="/")
    except RuntimeError as error:
        hint = "`completer cluster status` says how it does, Ray's logs say more."
        raise CompleterError(f"The cluster does not serve: {error}", hint=hint) from error


def wait_until_asked_to_end() -> None:
    """Return when a signal asks this process to end."""
    asked = threading.Event()
    with on_signals(lambda *_: asked.set()):
        asked.wait()


def take_down() -> None:
    """End the application, and nothing else that the cluster serves."""
    serve.delete(NAME)


def status() -> ClusterStatus | None:
    """How the application does; `None` where there is none."""
    found = serve.status().applications.get(NAME)
    if found is None:
        return None
    states = {name: each.replica_states for name, each in found.deployments.items()}
    replicas = states.get(REPLICAS, {})
    return ClusterStatus(
        state=str(found.status.value).lower(),
        message=found.message,
        asked=_asked() if states.get(FRONT_DOOR, {}).get(RUNNING) else 0,
        starting=sum(count for state, count in replicas.items() if state != RUNNING),
        replicas=_replicas() if replicas.get(RUNNING) else (),
    )


def _replicas() -> tuple[ReplicaStatus, ...]:
    told = serve.get_deployment_handle(REPLICAS, NAME).broadcast("status")
    answers = told.results(timeout_s=ANSWERS_WITHIN_S, return_exceptions=True)
    return tuple(each for each in answers if isinstance(each, ReplicaStatus))


def _asked() -> int:
    door = serve.get_deployment_handle(FRONT_DOOR, NAME)
    return int(door.running.remote().result(timeout_s=ANSWERS_WITHIN_S))
