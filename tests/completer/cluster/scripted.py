"""A cluster of two replicas without a model, which tell the numbers of their processes.

`python -m tests.completer.cluster.scripted PORT TOKENS MAX_WAITING` is what `completer cluster up`
does, with these; run beside one that is up, it changes that.
"""

from __future__ import annotations

import os
import sys

from completer.cluster.environment import prepare_ray
from completer.cluster.own import own_cluster
from completer.cluster.replica import OwnService
from completer.request import CompletionRequest
from completer.settings import Settings
from tests.fakes import FakeService

LONG = "long"
LONG_S, SHORT_S = 120.0, 0.05


class ScriptedService(FakeService):
    """A service in this process, as a replica has one; a prefix `LONG` is answered slowly."""

    def wait_until_loaded(self) -> None:
        """See `OwnService`."""

    def wait_until_indexed(self, root: object, timeout_s: float) -> bool:
        """See `OwnService`."""
        return True

    def close(self) -> None:
        """See `OwnService`."""

    def _start(self, request: CompletionRequest) -> str:
        self.delay_s = LONG_S if request.prefix == LONG else SHORT_S
        return super()._start(request)


def start(settings: Settings) -> OwnService:
    """Start one; it answers with its process's number, and a hundred pieces of nothing."""
    return ScriptedService(reply=lambda request: f"{os.getpid():<400}")


def main(port: str, tokens: str, max_waiting: str) -> None:
    """Have two replicas serve until they are taken down; no token is asked for here."""
    prepare_ray(here=True)
    from completer.cluster import running
    from completer.cluster.scale import Scale

    settings = Settings.model_validate(
        {
            "telemetry": {"enabled": False},
            "server": {"port": port, "tokens": tokens},
            "engine": {"max_waiting": max_waiting},
        }
    )
    own, scale = own_cluster(), Scale(2, 2)
    with running.connected(own.address) if own else running.own_ray(scale):
        running.deploy(settings, scale, exposed=False, start=start)
        print("serves", flush=True)
        if not own:
            running.wait_until_asked_to_end()
            running.take_down()


if __name__ == "__main__":
    main(*sys.argv[1:])
