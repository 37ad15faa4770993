"""Requests with a raw prompt: read into their parts, where the prompt is a known layout's."""

from dataclasses import replace
from pathlib import Path

from completer.place import Place, climbs, is_inside, name_only, place_of
from completer.request import CompletionRequest, Snippet
from models.raw_prompt import read_raw_prompt

AS_IT_IS = "as it is"


def in_parts(
    request: CompletionRequest, workspace: Place | None, *, pure: bool
) -> CompletionRequest:
    """Turn a raw prompt into a request like any other, if it is a layout's as a whole.

    What the prompt says of its file counts where the request says nothing. `pure` leaves it alone.
    """
    if not request.raw or request.as_is or pure:
        return replace(request, as_is=True) if request.raw and pure else request
    found = read_raw_prompt(request.prefix)
    if found is None:
        return request
    files = tuple(Snippet(path=path, text=text) for path, text in found.files)
    return replace(
        request,
        prefix=found.prefix,
        suffix=found.suffix,
        path=request.path or _path(found.path, workspace),
        snippets=(*request.snippets, *files),
        raw=False,
        read_as=found.layout,
        polish=True,
    )


def what_became(request: CompletionRequest) -> str:
    """See `Completion.raw_prompt`."""
    return request.read_as or (AS_IT_IS if request.raw else "")


def _path(name: str, workspace: Place | None) -> Path | None:
    """The place in the workspace that a prompt names, or else what the file is called."""
    if not name:
        return None
    place = place_of(name, workspace)
    if place is not None and workspace is not None and is_inside(place, workspace):
        return place
    return Path(name_only(name).name) if climbs(name) or place is not None else name_only(name)
