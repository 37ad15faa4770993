"""What Serve is to run: one front door, and how many replicas of the engine, chosen by whom.

Serve's consistent-hash router (Karger et al. 1997) leads a person's requests to one replica of a
ring, by the person alone: no table has to be kept, every front door agrees, and when a replica
ends, only its own people move. A replica takes as many requests as its engine runs at once; what is
above that goes to the next on the ring, so that nobody waits beside an idle replica (consistent
hashing with bounded loads, Mirrokni et al. 2018).
"""

from __future__ import annotations

from typing import Any

from ray import serve
from ray.serve.config import AutoscalingConfig, RequestRouterConfig
from ray.serve.schema import LoggingConfig

from completer.cluster.front_door import FrontDoor
from completer.cluster.replica import Replica, Start, start_engine
from completer.cluster.scale import Scale
from completer.cluster.told import for_any_machine, for_replicas
from completer.settings import Settings

NAME = "completer"
"""What the application is called in Serve."""
REPLICAS, FRONT_DOOR = "replicas", "front_door"
RING = "ray.serve.experimental.consistent_hash_router.ConsistentHashRouter"
CPUS = 0.1  # of those that Ray shares out: the engine itself measures how many threads are fastest
FILLED = 0.5  # the share of its room that a replica is to use before there is another
ADDED_AFTER_S, REMOVED_AFTER_S = 10.0, 300.0
LOOKS_AGAIN_WITHIN_S = 0.1  # where all replicas were full
CHECKED_EVERY_S = 2.0
AT_ONCE = 10_000  # requests in the front door, which has limits of its own


def application(
    settings: Settings,
    scale: Scale,
    *,
    exposed: bool,
    insecure: bool = False,
    start: Start | None = None,
) -> serve.Application:
    """Put the front door and the replicas together; `start` makes a replica's service.

    Raises `SettingsError` for what a cluster does not do.
    """
    settings = for_any_machine(settings)
    replicas = _replicas(settings, scale).bind(for_replicas(settings), start or start_engine)
    return _front_door().bind(replicas, settings, exposed=exposed, insecure=insecure)


def from_arguments(args: dict[str, str]) -> serve.Application:
    """The application for `serve run`; see `completer.cluster.app`."""
    from pathlib import Path

    from completer.cli.options import load

    config = Path(args["config"]) if "config" in args else None
    scale = Scale.of(args.get("replicas", "1"), float(args.get("gpus", 0)))
    insecure = args.get("insecure") == "true"
    return application(load(config).settings, scale, exposed=True, insecure=insecure)


def _replicas(settings: Settings, scale: Scale) -> Any:  # noqa: ANN401  Serve's deployment
    """The deployment of the engine; running and waiting requests say how many replicas it has."""
    room = settings.engine.max_running
    number: dict[str, Any] = {"num_replicas": scale.most}
    if scale.least < scale.most:
        number = {
            "autoscaling_config": AutoscalingConfig(
                min_replicas=scale.least,
                max_replicas=scale.most,
                target_ongoing_requests=max(1.0, FILLED * room),
                upscale_delay_s=ADDED_AFTER_S,
                downscale_delay_s=REMOVED_AFTER_S,
            )
        }
    ring = RequestRouterConfig(
        request_router_class=RING,
        request_router_kwargs={"num_fallback_replicas": scale.most - 1},
        max_backoff_s=LOOKS_AGAIN_WITHIN_S,
    )
    return serve.deployment(
        Replica,
        name=REPLICAS,
        ray_actor_options={"num_cpus": CPUS, "num_gpus": scale.gpus},
        max_ongoing_requests=room,
        max_queued_requests=settings.engine.max_waiting * scale.most,
        max_surge_percent=100 if scale.gpus == 0 else 0,  # where no second GPU has to be free
        health_check_period_s=CHECKED_EVERY_S,
        request_router_config=ring,
        logging_config=_quiet(),
        **number,
    )


def _front_door() -> Any:  # noqa: ANN401  Serve's deployment
    """The deployment of the front door; when it changes, the next is there before it goes."""
    return serve.deployment(
        serve.ingress()(FrontDoor),
        name=FRONT_DOOR,
        ray_actor_options={"num_cpus": CPUS},
        max_ongoing_requests=AT_ONCE,
        max_surge_percent=100,
        logging_config=_quiet(),
    )


def _quiet() -> LoggingConfig:
    return LoggingConfig(log_level="WARNING", enable_access_log=False)
