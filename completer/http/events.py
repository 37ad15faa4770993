"""`POST /v1/events`: what became of a completion, in Tabby's shape or this server's own.

Its own: `{"event": "shown" | "accepted" | "hidden", "completion_id", "choice_index", ...}`, with
`kind` and `length` (UTF-16 units taken so far) for `accepted`, `reason` and `shown_for_ms` for
`hidden`. Tabby's `type` is `view`, `select` (of all, or of a `line`) or `dismiss`, which does not
say whether a person pressed Esc or typed something else: its reason is `unknown`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from completer.errors import BadRequestError
from completer.http.body import Body, read_json
from completer.http.errors import error_response
from completer.http.handler import CompletionHandler, suggestion_id
from completer.reporting import Offer, Reports, stored
from telemetry.alignment import utf16_length
from telemetry.events import AcceptKind, HiddenReason

Milliseconds = Annotated[int, Field(ge=0, lt=2**53)]


class Event(Body):
    """What events of both shapes name: a reply's id and the index of a choice."""

    completion_id: Annotated[str, Field(max_length=256)]
    choice_index: Annotated[int, Field(ge=0, le=1000)] = 0


class OurEvent(Event):
    """An event in this server's own shape."""

    event: Literal["shown", "accepted", "hidden"]
    kind: AcceptKind = "full"
    length: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    reason: HiddenReason = "unknown"
    shown_for_ms: Milliseconds | None = None


class TabbyEvent(Event):
    """An event in Tabby's shape."""

    type: Literal["view", "select", "dismiss"]
    select_kind: str | None = None
    elapsed: Milliseconds | None = None

    def as_our_event(self, text: str) -> OurEvent:
        """The same event; a selected line is the first of `text`."""
        line = self.type == "select" and self.select_kind == "line"
        first = text.partition("\n")[0]
        return OurEvent(
            completion_id=self.completion_id,
            choice_index=self.choice_index,
            event=_TABBY[self.type],
            kind="line" if line else "full",
            length=utf16_length(first) if line else None,
            shown_for_ms=self.elapsed,
        )


_TABBY: dict[str, Literal["shown", "accepted", "hidden"]] = {
    "view": "shown",
    "select": "accepted",
    "dismiss": "hidden",
}


async def post_event(http: Request) -> Response:
    """`POST /v1/events`: 200 once the event is stored, 400 for an unknown completion, else 503."""
    data = await read_json(http)
    handler: CompletionHandler = http.app.state.handler
    kind = TabbyEvent if data.get("event") is None else OurEvent
    event: OurEvent | TabbyEvent = kind.model_validate(data)
    owner = http.scope["access"].user
    offer = handler.reports.find(suggestion_id(event.completion_id, event.choice_index), owner)
    if offer is None:
        raise BadRequestError(f"Nothing is known of completion {event.completion_id!r}.")
    if isinstance(event, TabbyEvent):
        event = event.as_our_event(offer.suggestion.text)
    if not await _record(handler.reports, offer, event):
        return error_response(503, "The event could not be stored.", headers={"Retry-After": "5"})
    if event.event == "accepted" and event.kind != "full":
        handler.metrics.told("partial")
    else:
        taken = utf16_length(offer.suggestion.text) if event.event == "accepted" else 0
        handler.metrics.told(event.event, taken)
    return JSONResponse({"stored": True})


async def _record(reports: Reports, offer: Offer, event: OurEvent) -> bool:
    match event.event:
        case "shown":
            return await stored(reports.shown(offer))
        case "accepted":
            return await stored(reports.accepted(offer, event.kind, event.length))
        case "hidden":
            reports.hidden(offer, event.reason, event.shown_for_ms)
            return True
