"""The front door: the HTTP application of `completer serve`, with replicas for a service.

There is one for a cluster: it alone knows which suggestion an event is about, and how much each
person has asked for.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from starlette.applications import Starlette

from completer.cluster.client import ClusterService
from completer.cluster.no_editors import NoEditors
from completer.http.handler import CompletionHandler
from completer.place import local_place
from completer.settings import Settings

STORES_WITHIN_S = 5.0


class FrontDoor:
    """Has Serve run the application; `handle` is that of the replicas."""

    def __init__(
        self,
        handle: Any,  # noqa: ANN401  Serve's
        settings: Settings,
        *,
        exposed: bool,
        insecure: bool,
    ) -> None:
        from completer.cli.front_door import build_recorder

        self._handle, self._settings = handle, settings
        self._exposed, self._insecure = exposed, insecure
        self._recorder = build_recorder(settings)

    def __serve_build_asgi_app__(self) -> Starlette:
        """Make the application, as Serve calls it."""
        from ray.exceptions import RayActorError
        from ray.serve.exceptions import BackPressureError

        from completer.cli.front_door import described
        from completer.cli.wiring import http_options
        from completer.http.app import create_app

        options = http_options(self._settings, exposed=self._exposed, insecure=self._insecure)
        workspaces = tuple(map(local_place, self._settings.workspaces))
        info = replace(described(self._settings), workspaces=workspaces)
        service = ClusterService(self._handle, info, lost=RayActorError, full=BackPressureError)
        self._app = create_app(service, self._recorder, options=options, remote=NoEditors())
        return self._app

    async def running(self) -> int:
        """How many texts are asked for, and not yet answered."""
        handler: CompletionHandler = self._app.state.handler
        return handler.admission.running

    def __del__(self) -> None:
        """End; Serve calls this once what runs has been answered."""
        if (recorder := getattr(self, "_recorder", None)) is not None:
            recorder.close(STORES_WITHIN_S)
