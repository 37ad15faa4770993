"""Where a request comes from: the user, the file, and the workspace that may be used for it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request

from completer.errors import BadRequestError
from completer.http.access import ANYBODY, Access

WORKSPACE_HEADER = "X-Completer-Workspace"
PATH_HEADER = "X-Completer-Path"
MAX_PATH_CHARS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The part of a request that does not depend on the dialect's text."""

    access: Access = ANYBODY
    user: str = ""
    client: str = ""
    path: Path | None = None
    workspace: Path | None = None


def origin_of(
    request: Request, workspaces: Sequence[Path], *, path: str | None = None, user: str = ""
) -> Origin:
    """Tell the origin from the headers, and from the `path` and `user` that the body may name.

    A token says who asks, whatever the body names, and which of the served `workspaces` are there.

    Files are only named here, never opened. A path outside of every workspace is kept as a name; a
    relative one belongs to the chosen workspace, or to the only one there is.

    Raises:
        BadRequestError: the workspace is not served, or the path leaves it.
    """
    access: Access = request.scope["access"]
    workspaces = access.among(workspaces)
    wanted = _path_header(request, WORKSPACE_HEADER)
    workspace = None if wanted is None else _served(Path(_checked(wanted)), workspaces)
    name = _path_header(request, PATH_HEADER) or path
    found = None if not name else _locate(_checked(name), workspace, workspaces)
    if workspace is None and found is not None:
        holding = [folder for folder in workspaces if found.is_relative_to(folder)]
        workspace = max(holding, key=lambda folder: len(folder.parts), default=None)
    return Origin(
        access=access,
        user=access.user if access.by_token else user,
        client=request.headers.get("user-agent", "").split(" ")[0][:100],
        path=found,
        workspace=workspace,
    )


def _served(folder: Path, workspaces: Sequence[Path]) -> Path:
    if not folder.is_absolute():
        raise BadRequestError(f"{WORKSPACE_HEADER} must be an absolute path.")
    real = Path(os.path.realpath(folder))
    if real not in workspaces and folder not in workspaces:
        known = ", ".join(map(str, workspaces)) or "none"
        raise BadRequestError(
            f"{folder} is not a workspace of this server.",
            hint=f"It has: {known}; start it with `--workspace {folder}` to add this one.",
        )
    return real if real in workspaces else folder


def _locate(name: str, workspace: Path | None, workspaces: Sequence[Path]) -> Path | None:
    base = workspace or (workspaces[0] if len(workspaces) == 1 else None)
    if base is None:
        return Path(os.path.normpath(name))
    path = Path(os.path.normpath(base / name))
    leaves = not path.is_relative_to(base)
    if leaves and (workspace is not None or not Path(name).is_absolute()):
        raise BadRequestError(f"{name} is not in the workspace {base}.")
    return path


def _checked(name: str) -> str:
    if "\0" in name or len(name) > MAX_PATH_CHARS:
        raise BadRequestError("A path is too long or has a NUL in it.")
    return name


def _path_header(request: Request, name: str) -> str | None:
    """A header that holds a path in UTF-8, as clients send it though headers are Latin-1."""
    value = request.headers.get(name)
    return None if value is None else value.encode("latin-1").decode("utf-8", "replace")
