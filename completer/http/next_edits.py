"""`POST /v1/edit/completions`: where the next edit is, in this server's own shape.

`{"path", "text", "cursor": {"line", "character"}, "edit_history"?: [{"path"?, "before", "after"}],
"n"?}`. The history holds the texts of a file before and after each edit, the oldest first; without
it, what the file on disk has not is the last edit. The reply is `{"edits": [{"path", "range",
"old_text", "new_text", "why"}]}`, the next edit first. Lines and UTF-16 units count from 0.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from completer.errors import BadRequestError
from completer.http.body import Body, Limit, read_json
from completer.http.handler import CompletionHandler, until_gone
from completer.http.origin import origin_of
from completer.next_edit.edits import Hunk, NextEdit, NextEditRequest, Point
from completer.next_edit.history import difference
from completer.place import Place
from telemetry.alignment import utf16_prefix

MOST_EDITS = 100
USUAL_EDITS = 10
MOST_HISTORY = 64


class Cursor(Body):
    """A place in the text."""

    line: Annotated[int, Field(ge=0)]
    character: Annotated[int, Field(ge=0)]

    def offset(self, text: str) -> int:
        """How many characters stand before it; beyond a line, or the text, at its end."""
        lines = text.split("\n")
        if self.line >= len(lines):
            return len(text)
        above = sum(len(line) + 1 for line in lines[: self.line])
        return above + len(utf16_prefix(lines[self.line], self.character))


class Edited(Body):
    """One edit that was made; of the file that is asked about unless it names another."""

    path: str | None = None
    before: str
    after: str


class NextEditBody(Body):
    """The body of a request."""

    path: str
    text: str
    cursor: Cursor
    edit_history: Annotated[list[Edited], Field(default_factory=list, max_length=MOST_HISTORY)]
    n: Limit[Annotated[int, Field(ge=1, le=MOST_EDITS)]] = None

    def history(self, http: Request, workspaces: tuple[Place, ...]) -> tuple[Hunk, ...]:
        """What was edited; raises `BadRequestError` for a file outside of the workspace."""
        made = (
            difference(each.before, each.after, _place(http, workspaces, each.path or self.path))
            for each in self.edit_history
        )
        return tuple(hunk for hunk in made if hunk is not None)


async def post_next_edits(http: Request) -> Response:
    """Answer with what would be edited next."""
    body = NextEditBody.model_validate(await read_json(http))
    handler: CompletionHandler = http.app.state.handler
    workspaces = handler.service.workspaces
    origin = origin_of(http, workspaces, path=body.path)
    request = NextEditRequest(
        path=_place(http, workspaces, body.path),
        text=body.text,
        offset=body.cursor.offset(body.text),
        history=body.history(http, workspaces),
        workspace=origin.workspace,
        may_use=origin.may_use,
        most=body.n or USUAL_EDITS,
        trigger=origin.trigger,
    )
    with handler.admission.admit(origin.user, 1):
        edits = await until_gone(http, handler.service.next_edits(request))
    return JSONResponse({"edits": [_as_json(edit) for edit in edits]})


def _place(http: Request, workspaces: tuple[Place, ...], name: str) -> Place:
    found = origin_of(http, workspaces, path=name).path
    if found is None or not found.is_absolute():
        raise BadRequestError(
            f"{name!r} may be anywhere.", hint="Name a file of a workspace that is served."
        )
    return Place(found)


def _as_json(edit: NextEdit) -> dict[str, Any]:
    return {
        "path": str(edit.path),
        "range": {"start": _position(edit.start), "end": _position(edit.end)},
        "old_text": edit.old,
        "new_text": edit.new,
        "why": edit.why,
    }


def _position(point: Point) -> dict[str, int]:
    return {"line": point.line, "character": point.utf16}
