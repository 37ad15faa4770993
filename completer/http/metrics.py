"""What Prometheus may scrape: requests, their latencies, tokens, memory, and what is running."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Enum,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from completer.interface import ServiceInfo, State
from completer.request import DecodeStats

LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30)


class Metrics:
    """The collectors of one application. Labels take a few known values only."""

    def __init__(self, running: Callable[[], int], info: Callable[[], ServiceInfo]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._info = info
        self._model = Enum(
            "completer_model",
            "Whether the model is there; one that is unloaded comes back with the next request.",
            states=list(get_args(State)),
            registry=self.registry,
        )
        self._memory = Gauge(
            "completer_memory_bytes",
            "Memory by what it is for; each has a budget in the settings.",
            ["part"],
            registry=self.registry,
        )
        self._requests = Counter(
            "completer_http_requests",
            "Requests by path and status.",
            ["path", "status"],
            registry=self.registry,
        )
        self._latency = Histogram(
            "completer_http_request_seconds",
            "Time until the reply was complete, by path.",
            ["path"],
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self._outcomes = Counter(
            "completer_completions",
            "Completions by outcome.",
            ["outcome"],
            registry=self.registry,
        )
        self._suggestions = Counter(
            "completer_suggestions",
            "Suggestions by what clients tell of them: shown, accepted (whole), partial, hidden.",
            ["event"],
            registry=self.registry,
        )
        self._accepted = Counter(
            "completer_accepted_characters",
            "UTF-16 units of suggestions that were accepted whole.",
            registry=self.registry,
        )
        self._tokens = Counter(
            "completer_tokens",
            "Tokens: of prompts, reused from them, generated, drafted, and accepted of these.",
            ["kind"],
            registry=self.registry,
        )
        gauge = Gauge("completer_running", "Requests being served.", registry=self.registry)
        gauge.set_function(running)

    def replied(self, path: str, status: int, seconds: float) -> None:
        """Count a reply to a request that took so many seconds."""
        self._requests.labels(path, str(status)).inc()
        self._latency.labels(path).observe(seconds)

    def completed(self, outcome: str, stats: DecodeStats | None = None) -> None:
        """Count a completion that ended, and the tokens that it cost."""
        self._outcomes.labels(outcome).inc()
        if stats is not None and not stats.cached:
            for kind in ("prompt", "reused", "generated"):
                self._tokens.labels(kind).inc(getattr(stats, f"{kind}_tokens"))
            self._tokens.labels("drafted").inc(stats.drafted)
            self._tokens.labels("accepted").inc(stats.accepted)

    def told(self, event: str, characters: int = 0) -> None:
        """Count what a client has told of a suggestion, and how much was accepted whole."""
        self._suggestions.labels(event).inc()
        self._accepted.inc(characters)

    async def endpoint(self, request: Request) -> Response:
        """`GET /metrics`."""
        info = self._info()
        self._model.state(info.state)
        for part, size in info.memory_bytes.items():
            self._memory.labels(part).set(size)
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)


class MetricsMiddleware:
    """Middleware that counts every reply under its path, if that is one of `paths`."""

    def __init__(self, app: ASGIApp, metrics: Metrics, paths: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve, and note the status that is sent; 500 if none is."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, started = 500, time.perf_counter()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            path = scope["path"] if scope["path"] in self._paths else "other"
            self._metrics.replied(path, status, time.perf_counter() - started)
