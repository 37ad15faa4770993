"""`GET /report`: what became of completions, as a page that keeps itself up to date.

It is made in a process of its own: sums over a large database would hold up everybody's
completions. One person sees their own figures, with an admin's token all, as on the machine itself
where no tokens are asked for.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from completer.context.worker_process import WorkerProcess
from completer.http.access import Access, is_loopback
from completer.http.errors import error_response
from completer.http.report_options import ReportOptions

REFRESH_S = 60
KEPT_S = 30.0  # a page is handed out again, to whoever may see the same
_HEADERS = {"Refresh": str(REFRESH_S), "Cache-Control": "no-store"}
_MOST_PAGES = 64
_UNMADE = "The report could not be made; the server's machine may be busy."


class ReportPage(WorkerProcess[dict[str, str]]):
    """Makes pages, one after the other, in a process that ends when nobody asks any more."""

    def __init__(self, options: ReportOptions | None) -> None:
        super().__init__(
            Path(__file__).with_name("report_worker.py"),
            (),
            json.loads,
            complaint=_UNMADE,
            forgives=True,
        )
        self._options = options
        self._pages: dict[str | None, tuple[float, dict[str, str]]] = {}
        self._making = asyncio.Lock()

    async def endpoint(self, http: Request) -> Response:
        """The page; 403 for whoever may see none, 404 where nothing is recorded."""
        access: Access = http.scope["access"]
        if self._options is None:
            return error_response(404, "No telemetry is recorded here (telemetry.enabled).")
        if not access.by_token and not _is_local(http):
            return error_response(403, "A token is needed: `completer token add NAME`.")
        made = await self._page(self._options, None if _sees_all(access) else access.user)
        if "html" in made:
            return HTMLResponse(made["html"], headers=_HEADERS)
        return error_response(503, made["error"], headers={"Retry-After": "5"})

    async def _page(self, options: ReportOptions, user: str | None) -> dict[str, str]:
        async with self._making:
            made_at, made = self._pages.get(user, (0.0, {}))
            if not made or time.monotonic() - made_at >= KEPT_S:
                question = {
                    "folder": str(options.folder),
                    "identity": options.identity and str(options.identity),
                    "teams": options.teams if user is None else {},
                    "user": user,
                }
                made = await asyncio.to_thread(self._make, question)
                self._keep(user, made)
            return made

    def _make(self, question: Mapping[str, object]) -> dict[str, str]:
        return self.send(json.dumps(question).encode()) or {"error": _UNMADE}

    def _keep(self, user: str | None, made: dict[str, str]) -> None:
        self._pages.pop(user, None)
        if len(self._pages) >= _MOST_PAGES:
            del self._pages[next(iter(self._pages))]
        if "html" in made:
            self._pages[user] = (time.monotonic(), made)


def _sees_all(access: Access) -> bool:
    """An admin, and whoever has the one token of a server or needs none."""
    return access.is_admin or not access.user


def _is_local(http: Request) -> bool:
    """Whether it comes from this machine, and not through something that passes requests on."""
    passed_on = "forwarded" in http.headers or "x-forwarded-for" in http.headers
    return http.client is not None and is_loopback(http.client.host) and not passed_on
