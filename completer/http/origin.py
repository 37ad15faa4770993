"""Where a request comes from: the user, the file, and the workspace that may be used for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from completer.errors import BadRequestError
from completer.http.access import ANYBODY, Access, is_loopback
from completer.place import Place, climbs, innermost, is_inside, name_only, place_of
from completer.request import Trigger
from telemetry.events import SessionEnded, SessionStarted
from telemetry.recorder import Recorder

WORKSPACE_HEADER = "X-Completer-Workspace"
PATH_HEADER = "X-Completer-Path"
TRIGGER_HEADER = "X-Completer-Trigger"
RAW_HEADER = "X-Completer-Raw"
MANUAL: Trigger = "manual"
MAX_PATH_CHARS = 4096
MAX_SESSIONS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The part of a request that does not depend on the dialect's text.

    `path` is the file's place, or what it is called if it may be anywhere. `places` are what the
    request is known to be about, which without a place or a workspace may be any that is served.
    `may_use` are the only workspaces that are there for it, unless all that are served are.
    `trigger` says whether a person asked for it by hand: then it is shown, however sure it is.
    `as_is` says that a raw prompt is to be left alone.
    """

    access: Access = ANYBODY
    user: str = ""
    client: str = ""
    path: Path | None = None
    workspace: Place | None = None
    may_use: frozenset[Place] | None = None
    places: tuple[str, ...] = ()
    trigger: Trigger = "automatic"
    as_is: bool = False


class Sessions:
    """The recorder's sessions: one per user and client program."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._ids: OrderedDict[tuple[str, str], str] = OrderedDict()

    def of(self, origin: Origin) -> str:
        """The session's id; the one that was longest without a request ends if there are many."""
        key = (origin.user, origin.client)
        if key not in self._ids:
            started = SessionStarted(client=origin.client or "http", user=origin.user)
            self._ids[key] = started.id
            self._recorder.record(started)
        self._ids.move_to_end(key)
        if len(self._ids) > MAX_SESSIONS:
            self._recorder.record(SessionEnded(self._ids.popitem(last=False)[1]))
        return self._ids[key]

    def close(self) -> None:
        """Record that all sessions have ended."""
        for session in self._ids.values():
            self._recorder.record(SessionEnded(session))
        self._ids.clear()


def origin_of(
    request: Request, workspaces: Sequence[Place], *, path: str | None = None, user: str = ""
) -> Origin:
    """Tell the origin from the headers, and from the `path` and `user` that the body may name.

    A token says who asks, whatever the body names, and which of the served `workspaces` are there.

    Files are only named here, never opened. A path outside of every workspace is kept as a name; a
    relative one belongs to the chosen workspace, or to the only one there is. So does a request
    without a path, as long as it can only be one person's.

    Raises:
        BadRequestError: the workspace is not served, or the path leaves it.
    """
    access: Access = request.scope["access"]
    workspaces = access.among(workspaces)
    wanted = _path_header(request, WORKSPACE_HEADER)
    workspace = None if wanted is None else _served(_checked(wanted), workspaces)
    name = _path_header(request, PATH_HEADER) or path
    found = None if not name else _locate(_checked(name), workspace, workspaces)
    workspace = workspace or innermost(found, workspaces)
    if not (name or workspace) and len(workspaces) == 1 and _is_one_persons(request):
        (workspace,) = workspaces
    return Origin(
        access=access,
        user=access.user if access.by_token else user,
        client=request.headers.get("user-agent", "").split(" ")[0][:100],
        path=found,
        workspace=workspace,
        may_use=frozenset(workspaces) if access.is_limited else None,
        places=_about(found, workspace, workspaces),
        trigger=MANUAL if request.headers.get(TRIGGER_HEADER) == MANUAL else "automatic",
        as_is=request.headers.get(RAW_HEADER) == "1",
    )


def _is_one_persons(request: Request) -> bool:
    """Whether a request can only come from one person: by its token, or from this machine."""
    access: Access = request.scope["access"]
    named = access.by_token and access.user
    return bool(named) or request.client is None or is_loopback(request.client.host)


def _served(name: str, workspaces: Sequence[Place]) -> Place:
    folder = place_of(name)
    if folder is None:
        raise BadRequestError(f"{WORKSPACE_HEADER} must be an absolute path.")
    if folder not in workspaces:
        known = ", ".join(map(str, workspaces)) or "none"
        raise BadRequestError(
            f"{name} is not a workspace of this server.",
            hint=f"It has: {known}; start it with `--workspace {name}` to add this one.",
        )
    return folder


def _locate(name: str, workspace: Place | None, workspaces: Sequence[Place]) -> Path | None:
    base = workspace or (workspaces[0] if len(workspaces) == 1 else None)
    place = place_of(name, base)
    if place is None:
        return name_only(name)
    if (base and climbs(name)) or (workspace and not is_inside(place, workspace)):
        raise BadRequestError(f"{name} is not in the workspace {base}.")
    return place


def _about(
    path: Path | None, workspace: Place | None, workspaces: Sequence[Place]
) -> tuple[str, ...]:
    file = [path] if path is not None and path.is_absolute() else []
    folders = [workspace] if workspace is not None else [] if file else workspaces
    return tuple(map(str, [*file, *folders]))


def _checked(name: str) -> str:
    if "\0" in name or len(name) > MAX_PATH_CHARS:
        raise BadRequestError("A path is too long or has a NUL in it.")
    return name


def _path_header(request: Request, name: str) -> str | None:
    """A header that holds a path in UTF-8, as clients send it though headers are Latin-1."""
    value = request.headers.get(name)
    return None if value is None else value.encode("latin-1").decode("utf-8", "replace")
