"""`dispatcher contact show`: a contact, and its story as the log tells it."""

from __future__ import annotations

import re
from typing import Annotated, Any, NamedTuple

import typer

from dispatcher.cli.common import (
    WRONG_USAGE,
    Json,
    Tenant,
    engine_on,
    fail,
    moment,
    on_store,
    operator,
    show_fields,
    show_json,
    show_table,
)
from dispatcher.errors import Code, DispatcherError
from dispatcher.events import log
from dispatcher.events.choice import Choice
from dispatcher.model import CONTACT_PATTERN, Contact, Event, LogEntry
from dispatcher.store.connect import Store

app = typer.Typer(help="Look at contacts.", no_args_is_help=True, rich_markup_mode=None)

SHOW_EPILOG = """\b
Examples:
  dispatcher contact show acme 1763824800000-0000
  dispatcher contact show acme 1763824800000-0000 --json
"""


class Step(NamedTuple):
    """One event of a contact's story, when it happened (epoch ms), and whose command for somebody else did it."""

    at: int
    event: Event
    by: str


@app.callback()
def _group() -> None:
    """Keep `show` a verb of its own: a lone command would take the group's name."""


@app.command("show", epilog=SHOW_EPILOG)
def show(
    tenant: Tenant,
    contact: Annotated[str, typer.Argument(metavar="CONTACT", help="The contact's id.")],
    json: Json = False,
) -> None:
    """Show a contact and its story. It is known for 10 minutes after its end, its story for the log's 7 days."""
    if not re.fullmatch(CONTACT_PATTERN, contact):
        fail("CONTACT: a contact's id is like 1763824800123-0007", WRONG_USAGE)

    async def work(store: Store) -> tuple[Contact | None, list[Step]]:
        actor = operator(tenant)
        found: Contact | None = None
        try:
            found = await engine_on(store).get_contact(actor, contact)
        except DispatcherError as error:
            if error.code is not Code.CONTACT_NOT_FOUND:
                raise
        steps = await _story(store, tenant, contact)
        if found is None and not steps:
            raise DispatcherError(Code.CONTACT_NOT_FOUND, "There is no such contact, and the log does not know it")
        return found, steps

    found, steps = on_store(work)
    if json:
        story = [{"at": step.at, **step.event.model_dump(), **({"by": step.by} if step.by else {})} for step in steps]
        show_json({"contact": found and found.model_dump(mode="json", exclude_unset=True), "story": story})
        return
    if found is not None:
        show_fields(found)
        typer.echo()
    head = ("at (UTC)", "event", "queue", "agent", "why", "by")
    show_table(head, [_row(step) for step in steps], none="the log does not know it any more")


async def _story(store: Store, tenant: str, contact_id: str) -> list[Step]:
    """Read the log from the contact's beginning to its end, or to the log's."""
    steps: list[Step] = []
    since = await log.begin(store, tenant, contact_id=contact_id)
    while entries := (await log.read(store, tenant, since, log.BATCH_MAX)).entries:
        actors = {entry.cursor: _actor(entry) for entry in entries}
        for entry in Choice(contact_id=contact_id).of(entries):
            told = [event for event in entry.events if event.event != "audit"]
            steps += [Step(entry.at, event, actors[entry.cursor]) for event in told]
            if any(step.event.event == "contact.ended" for step in steps):
                return steps
        since = entries[-1].cursor
    return steps


def _actor(entry: LogEntry) -> str:
    """Return who did it for somebody else; empty: whom it is about himself, or a deadline."""
    return next((str(event.data["actor_id"]) for event in entry.events if event.event == "audit"), "")


def _contact(event: Event) -> dict[str, Any]:
    """Return the contact that an event is about, or tells the assignment of."""
    inside = event.data.get("contact")
    return inside if isinstance(inside, dict) else event.data


def _row(step: Step) -> tuple[str, ...]:
    data, contact = step.event.data, _contact(step.event)
    why = data.get("reason") or contact.get("reason") or ""
    if step.event.event == "assignment.offered":
        match = data["why"]
        why = f"{match['rule']}, waited {match['waited_ms'] / 1000:.1f} s"
    agent_id = data.get("agent_id") or contact.get("agent_id") or ""
    return moment(step.at), step.event.event, contact.get("queue_id", ""), agent_id, why, step.by
