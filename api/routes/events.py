"""The tenant's log, followed live."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import Header, Query, Request
from starlette.responses import Response

from api.auth import CurrentClaims
from api.gateway.sse import EventStream
from api.routes.common import rows
from dispatcher.events.choice import choice
from dispatcher.events.hub import Hub
from dispatcher.model import ContactId

router = rows("events")

_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `data` is an entry of the log, `id` its cursor; `reset` where entries after"
        " the given cursor may be gone, with the oldest one's `cursor`",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}

Since = Annotated[
    str, Query(max_length=41, description="What comes after this cursor; `0`: all that is kept; without it: from now")
]
Types = Annotated[
    str, Query(max_length=1000, description="Only these events, e.g. `contact.ended,agent` (a noun: all of it)")
]
OneContact = Annotated[ContactId | None, Query(description="Only this contact's story, from its beginning")]
LastEventId = Annotated[
    str, Header(alias="Last-Event-ID", max_length=41, description="In place of `since`: set by an EventSource")
]


@router.get("/events", response_class=Response, responses=_STREAM)
async def follow_events(
    request: Request,
    claims: CurrentClaims,
    since: Since = "",
    types: Types = "",
    contact: OneContact = None,
    last_event_id: LastEventId = "",
) -> Response:
    """Follow the tenant's log: for supervisors and backends."""
    chosen = choice(types, contact or "")
    hub: Hub = request.app.state.node.hub
    following = await hub.follow_log(claims.actor(), last_event_id or since, chosen.contact_id)
    return EventStream(following, chosen, claims.exp - time.time())
