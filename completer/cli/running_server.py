"""A server that runs where the settings say: asked, so that no model is loaded once more.

What it is told, and the code that it is sent, stays on this machine, as with an editor.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any, Self

from completer.engine_process.asking import NO_HEADERS, ask
from completer.errors import CompleterError
from completer.http.origin import MANUAL, PATH_HEADER, TRIGGER_HEADER, WORKSPACE_HEADER
from completer.request import Choice, Completion, CompletionRequest, DecodeStats
from completer.settings import LoadedSettings, Settings

ANSWERS_WITHIN_S = 0.5
COMPLETES_WITHIN_S = 90.0  # the model may have to be loaded first
EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server with the model `model` on `device`; `state` as in `/health`."""

    settings: Settings
    model: str
    device: str
    state: str

    @classmethod
    def find(cls, loaded: LoadedSettings) -> Self | None:
        """Return the server that would answer as this process would, if there is one.

        One with another model does not, nor where a flag says which model, or how it is to run.
        """
        wanted = [name for name, origin in loaded.origins.items() if origin == "flag"]
        if any(name == "pure" or name.startswith("model.") for name in wanted):
            return None
        health = health_of(loaded.settings)
        if health is None or health.get("status") != "ok":
            return None
        _, described = _ask(loaded.settings, "/v1/health")
        name, device = str(described.get("model")), str(described.get("device"))
        fits = name == os.path.basename(loaded.settings.model.source)  # noqa: PTH119  as it says
        return cls(loaded.settings, name, device, health["model"]) if fits else None

    @property
    def url(self) -> str:
        """Where it is."""
        return url(_host(self.settings), self.settings.server.port)

    def complete(self, request: CompletionRequest) -> Completion:
        """Answer a request with `polish`, of a file in a workspace or of none.

        Token ids are not told. Raises `CompleterError` if the server does not answer it.
        """
        headers = {TRIGGER_HEADER: MANUAL.encode()} if request.trigger == MANUAL else {}
        for name, place in ((PATH_HEADER, request.path), (WORKSPACE_HEADER, request.workspace)):
            if place is not None:
                headers[name] = os.fsencode(place)
        if (token := self.settings.server.token) is not None:
            headers["Authorization"] = f"Bearer {token.get_secret_value()}".encode()
        body = {
            "input_prefix": request.prefix,
            "input_suffix": request.suffix,
            "n_predict": request.max_tokens or -1,
            "temperature": request.sampling.temperature,
            "top_p": request.sampling.top_p,
            "seed": request.sampling.seed,
        }
        status, found = _ask(self.settings, "/infill", json.dumps(body), headers)
        if status != 200:
            why = found.get("error", {}).get("message", "no answer came")
            raise CompleterError(f"the server at {self.url} does not complete this: {why}")
        return _completion(found)


def health_of(settings: Settings) -> dict[str, Any] | None:
    """Return what `/health` says where the settings' server would be; `None` if none is there."""
    _, found = _ask(settings, "/health")
    return found if {"status", "model"} <= found.keys() else None


def url(host: str, port: int, scheme: str = "http") -> str:
    """Return the URL of what listens at an address."""
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _host(settings: Settings) -> str:
    return EVERYWHERE.get(settings.server.host, settings.server.host)


def _ask(
    settings: Settings,
    path: str,
    body: str | None = None,
    headers: Mapping[str, bytes] = NO_HEADERS,
) -> tuple[int, dict[str, Any]]:
    """Post a body, or get what there is; 0 and nothing if no JSON object comes back in time."""
    patience_s = ANSWERS_WITHIN_S if body is None else COMPLETES_WITHIN_S
    connection = HTTPConnection(_host(settings), settings.server.port, timeout=patience_s)
    return ask(connection, path, body, headers)


def _completion(found: dict[str, Any]) -> Completion:
    """Read a reply of `/infill`."""
    ours = found["completer"]
    stats = {**ours["stats"], "draft_sources": tuple(ours["stats"]["draft_sources"].items())}
    return Completion(
        id=found["id"],
        model=found["model"],
        choices=(Choice(text=found["content"], finish_reason=ours["finish_reason"]),),
        stats=DecodeStats(**stats),
        distribution=ours["distribution"],
        exit_mode=ours["exit_mode"],
    )
