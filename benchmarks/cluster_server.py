"""`python -m benchmarks.cluster_server REPLICAS PORT`: a made-up model, in a cluster or (0) not.

It takes `ANSWERS_AFTER_S` for every answer, and answers with the number of its process.
"""

import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from completer.cluster.environment import prepare_ray
from completer.cluster.replica import OwnService
from completer.http.options import HttpOptions
from completer.interface import ServiceInfo
from completer.place import Place
from completer.request import Choice, Completion, CompletionRequest, DecodeStats
from completer.settings import Settings
from telemetry.recorder import NullRecorder

ANSWERS_AFTER_S = 0.02


@dataclass(frozen=True)
class MadeUp:
    """What of a service the load needs."""

    model: str = "made-up"
    workspaces: tuple[Place, ...] = ()

    async def complete(self, request: CompletionRequest) -> Completion:
        """Answer after a while."""
        await asyncio.sleep(ANSWERS_AFTER_S)
        choice = Choice(text=str(os.getpid()), finish_reason="stop")
        return Completion(id="c", model=self.model, choices=(choice,), stats=DecodeStats())

    def info(self) -> ServiceInfo:
        """Describe it."""
        return ServiceInfo(
            model=self.model, device="cpu", dtype="none", context_tokens=0, workspaces=()
        )

    def wait_until_loaded(self) -> None:
        """Do nothing: it is there."""

    def close(self) -> None:
        """Do nothing."""


def start(_settings: Settings) -> OwnService:
    """Make one, as a replica asks for it."""
    return cast(OwnService, MadeUp())


def serve_alone(port: int) -> None:
    """Serve as `completer serve` does."""
    from completer.cli.serve import listen
    from completer.http.app import create_app
    from completer.http.serving import Server, server_config

    options = HttpOptions()
    app = create_app(start(Settings()), NullRecorder(), options=options)
    with listen("127.0.0.1", port) as listener:
        listener.listen()
        server = Server(server_config(app, host="127.0.0.1", port=port, options=options), options)
        print("serves", flush=True)
        server.run(sockets=[listener])


def serve_in_cluster(replicas: int, port: int) -> None:
    """Serve as `completer cluster up` does."""
    prepare_ray(here=True)
    from completer.cluster import running
    from completer.cluster.scale import Scale

    scale = Scale(replicas, replicas)
    with tempfile.TemporaryDirectory() as folder, running.own_ray(scale):
        server = {"host": "127.0.0.1", "port": port, "tokens": Path(folder) / "none.json"}
        settings = Settings.model_validate({"telemetry": {"enabled": False}, "server": server})
        running.deploy(settings, scale, exposed=False, start=start)
        print("serves", flush=True)
        running.wait_until_asked_to_end()


if __name__ == "__main__":
    count, at = map(int, sys.argv[1:])
    if count:
        serve_in_cluster(count, at)
    else:
        serve_alone(at)
