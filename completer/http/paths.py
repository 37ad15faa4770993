"""Paths that clients ask for by mistake: made right where that is plain, else told which is."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from difflib import get_close_matches

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from completer.http.errors import error_response

COMPLETIONS = "/v1/completions"
OF_LLAMA = "/completion"  # no client that asks for "/completions" means this one
LONGEST_PATH = 100  # that is compared with others
ALIKE = 0.6


class MeantPath:
    """Has a path served as what it must mean, before anything else looks at it.

    A base URL that ends in a slash, or in the `/v1` that the client adds itself, doubles these.
    """

    def __init__(self, app: ASGIApp, root_path: str = "") -> None:
        self._app = app
        self._root = meant(f"/{root_path}").removesuffix("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with that path."""
        if scope["type"] in ("http", "websocket"):
            path = meant(scope["path"])
            if self._root and f"{path}/".startswith(f"{self._root}/"):
                path = meant(path.removeprefix(self._root))
            scope = {**scope, "path": path}
        await self._app(scope, receive, send)


def meant(path: str) -> str:
    """The path with one slash for several, one `/v1` for several, and no slash at its end."""
    once = re.sub(r"//+", "/", path).rstrip("/") or "/"
    return re.sub(r"^(/v1)+(?=/|$)", "/v1", once)


def not_found(paths: Iterable[str]) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    """A handler for requests to no route, which names the most similar of `paths`."""
    known = [path for path in paths if path != OF_LLAMA]

    async def handle(request: Request, _error: Exception) -> JSONResponse:
        path = request.scope["path"][:LONGEST_PATH]
        alike = get_close_matches(path, known, n=1, cutoff=ALIKE) or [COMPLETIONS]
        return error_response(404, f"There is no {path} here. Did you mean {alike[0]}?")

    return handle
