"""`dispatcher events`: the log of a tenant, what is kept of it and what is added."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated

import typer

from dispatcher.cli.common import WRONG_USAGE, Json, Tenant, engine_on, fail, moment, on_store, operator, show_json
from dispatcher.errors import DispatcherError
from dispatcher.events import log
from dispatcher.events.choice import Choice, choice
from dispatcher.events.log import Part
from dispatcher.model import Event
from dispatcher.store.connect import Store

EPILOG = """\b
Examples:
  dispatcher events acme
  dispatcher events acme --follow
  dispatcher events acme --follow --types contact.ended,agent
  dispatcher events acme --contact 1763824800000-0000
  dispatcher events acme --since 1763824800000-0 --json | jq -c '.events[]'
"""

SHOWN = (
    *("contact_id", "customer_id", "queue_id", "agent_id", "call_id", "caller_id", "callee_id", "user_id"),
    *("session_id", "old_state", "state", "status", "serving", "cause", "reason", "actor_id", "command", "subject"),
)
"""What is shown of an event's data; `--json` has all of it."""


def events(
    tenant: Tenant,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what is added, until Ctrl-C.")] = False,
    since: Annotated[
        str,
        typer.Option(help="A cursor, or a time in epoch ms: show what came after it."),
    ] = "",
    types: Annotated[str, typer.Option(help="Only these events, with commas; a noun like `agent`: all of it.")] = "",
    contact: Annotated[str, typer.Option(help="Only this contact's story, from its beginning.")] = "",
    json: Json = False,
) -> None:
    """Show the events of a tenant, which are kept for 7 days: all, or with --follow those from now on.

    With --json each line is one entry, everything that one command did; its cursor is what --since goes on from.
    """
    try:
        chosen = choice(types, contact)
        if since:
            log.position(since)
    except DispatcherError as error:
        fail(error.detail, WRONG_USAGE)

    async def work(store: Store) -> None:
        await engine_on(store).list_queues(operator(tenant), limit=1)  # says that there is no such tenant
        begin = since or ("" if follow or contact else log.START)
        begin = await log.begin(store, tenant, begin, contact)
        async with aclosing((log.tail if follow else _kept)(store, tenant, begin, log.BATCH_MAX)) as parts:
            async for part in parts:
                _show(part, chosen, json)

    with suppress(KeyboardInterrupt):
        on_store(work)


async def _kept(store: Store, tenant: str, since: str, limit: int) -> AsyncGenerator[Part, None]:
    """Yield what is in the log after `since`."""
    while (part := await log.read(store, tenant, since, limit)).entries:
        yield part
        since = part.entries[-1].cursor


def _show(part: Part, chosen: Choice, json: bool) -> None:
    if part.reset:
        typer.echo(f"dispatcher: older events are gone; the log begins at {part.entries[0].cursor}", err=True)
    for entry in chosen.of(part.entries):
        if json:
            show_json(entry)
            continue
        for event in entry.events:
            typer.echo(f"{moment(entry.at)}  {event.event:20}  {_details(event)}".rstrip())


def _details(event: Event) -> str:
    inside = event.data.get("contact")
    data = {**(inside if isinstance(inside, dict) else {}), **event.data}
    return " ".join(f"{name}={_value(data[name])}" for name in SHOWN if data.get(name) is not None)


def _value(value: object) -> object:
    """Write a flag as JSON does."""
    return str(value).lower() if isinstance(value, bool) else value
