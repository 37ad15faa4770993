"""Errors as OpenAI's clients read them: `{"error": {message, type, param, code}}`."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse

from completer.errors import BadRequestError, CompleterError, OverloadedError, WorkspaceError
from completer.unicode import well_formed

CLIENT_CLOSED_REQUEST = 499
"""nginx's status for a client that went away; nobody receives it, logs and metrics show it."""


class ClientGoneError(Exception):
    """The client closed the connection before its answer was ready."""


class TooManyRequestsError(OverloadedError):
    """One user asks for more than one user may."""


def error_response(
    status: int,
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An error reply; its type follows from the status."""
    kind = _TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    error = {"message": well_formed(message), "type": kind, "param": param, "code": code}
    return JSONResponse({"error": error}, status_code=status, headers=headers)


def describe(error: Exception) -> JSONResponse:
    """The reply to whatever went wrong."""
    match error:
        case OverloadedError():
            status = 429 if isinstance(error, TooManyRequestsError) else 503
            wait = {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
            return error_response(status, _sentence(error), code="overloaded", headers=wait)
        case BadRequestError() | WorkspaceError():
            return error_response(400, _sentence(error))
        case ValidationError():
            first = error.errors(include_url=False)[0]
            param = ".".join(str(part) for part in first["loc"]) or None
            message = first["msg"].removeprefix("Value error, ")
            return error_response(400, f"{param}: {message}" if param else message, param=param)
        case HTTPException():
            return error_response(error.status_code, error.detail, headers=error.headers)
        case ClientGoneError() | ClientDisconnect():
            return error_response(CLIENT_CLOSED_REQUEST, "The client closed the connection.")
        case _ if hasattr(error, "hint"):  # an error made on purpose, here or in `models`
            return error_response(500, _sentence(error))
        case _:
            return error_response(500, "The server failed; its log says why.")


async def handle(request: Request, error: Exception) -> JSONResponse:
    """The same, as Starlette calls it."""
    return describe(error)


HANDLED = (
    CompleterError,
    ValidationError,
    HTTPException,
    ClientGoneError,
    ClientDisconnect,
    Exception,
)

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}


def _sentence(error: Exception) -> str:
    return f"{error} {getattr(error, 'hint', '')}".strip()
