"""`dispatcher queue …`: the queues of a tenant."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydantic import TypeAdapter, ValidationError

from dispatcher.cli.common import (
    Json,
    Tenant,
    all_pages,
    on_engine,
    operator,
    read_members,
    show_fields,
    show_json,
    show_table,
)
from dispatcher.engine import Dispatcher
from dispatcher.model import Policy, Queue, QueueCreate, QueuePatch

app = typer.Typer(help="Create, look at, change and delete queues.", no_args_is_help=True, rich_markup_mode=None)

MEANINGS = {
    "description": "for people",
    "priority": "0 to 1000; smaller is served first",
    "open": "no: nobody joins, those who wait are still served",
    "max_waiting": "how many may wait; 0: any number",
    "max_wait": "seconds after which one who waits is let go; 0: never",
    "offer_timeout": "seconds in which an agent answers an offer",
    "connect_timeout": "seconds from accepting to the call or start",
    "ring_timeout": "seconds that a call rings",
    "reject_cooldown": "seconds without offers for an agent who let one go",
    "missed_limit": "offers missed in a row that set manual mode; 0: never",
    "wrap_up": "seconds without offers after a service",
    "service_level": "seconds in which a customer should be served; for statistics",
    "join_when_no_agents": "no: nobody joins while no agent serves the queue",
}
"""What each member of a policy is, for people."""


def _policy_help() -> str:
    width = max(map(len, MEANINGS))
    defaults = Policy().model_dump()
    shown = {name: ("yes" if value else "no") if isinstance(value, bool) else value for name, value in defaults.items()}
    lines = [f"  {name:{width}}  {text} [{shown[name]}]" for name, text in MEANINGS.items()]
    return "\n".join(["\b", "Members [default], and name=TEXT:", *lines, ""])


CREATE_EPILOG = f"""{_policy_help()}
\b
Examples:
  dispatcher queue create acme
  dispatcher queue create acme --id support name='Support, second line' priority=5 wrap_up=10
  dispatcher queue create acme --json
"""
LIST_EPILOG = """\b
Examples:
  dispatcher queue list acme
  dispatcher queue list acme --json
"""
SHOW_EPILOG = """\b
Examples:
  dispatcher queue show acme support
  dispatcher queue show acme support --json
"""
EDIT_EPILOG = f"""{_policy_help()}
\b
Examples:
  dispatcher queue edit acme support priority=5
  dispatcher queue edit acme support open=no max_wait=600
"""
DELETE_EPILOG = """\b
Examples:
  dispatcher queue delete acme support
  dispatcher queue delete acme support --force
"""

QueueArgument = Annotated[str, typer.Argument(metavar="QUEUE", help="The queue's id.")]
Members = Annotated[list[str], typer.Argument(metavar="MEMBER=VALUE...", help="What it shall be; see below.")]
SomeMembers = Annotated[
    list[str] | None, typer.Argument(metavar="[MEMBER=VALUE...]", help="Where not the default; see below.")
]


@app.command("create", epilog=CREATE_EPILOG)
def create(
    tenant: Tenant,
    members: SomeMembers = None,
    id: Annotated[str | None, typer.Option(help="The queue's id; without it the next free number.")] = None,
    json: Json = False,
) -> None:
    """Create a queue and print its id."""
    given = read_members(QueueCreate, members or [], _value, {"queue_id": id} if id is not None else {})

    async def work(engine: Dispatcher) -> Queue:
        return await engine.create_queue(operator(tenant), given)

    queue = on_engine(work)
    if json:
        show_json(queue)
    else:
        typer.echo(queue.queue_id)


@app.command("list", epilog=LIST_EPILOG)
def list_queues(tenant: Tenant, json: Json = False) -> None:
    """List the queues with their counts."""

    async def work(engine: Dispatcher) -> list[Queue]:
        actor = operator(tenant)
        return await all_pages(lambda cursor: engine.list_queues(actor, status=True, cursor=cursor))

    queues = on_engine(work)
    if json:
        show_json(queues)
        return
    show_table(
        ("queue", "name", "priority", "open", "waiting", "longest_s", "preparing", "serving", "agents"),
        [
            (
                queue.queue_id,
                queue.name,
                queue.priority,
                "deleting" if queue.deleting else "yes" if queue.open else "no",
                *(
                    (status.wait_num, status.longest_wait_s, status.prepare_num, status.srv_num, status.agent_num)
                    if (status := queue.status)
                    else "-----"
                ),
            )
            for queue in queues
        ],
        none="there are no queues",
    )


@app.command("show", epilog=SHOW_EPILOG)
def show(tenant: Tenant, queue: QueueArgument, json: Json = False) -> None:
    """Show one queue: its policy and its counts."""

    async def work(engine: Dispatcher) -> Queue:
        actor = operator(tenant)
        status = await engine.get_queue_status(actor, queue)
        return (await engine.get_queue(actor, queue)).model_copy(update={"status": status})

    _show(on_engine(work), json)


@app.command("edit", epilog=EDIT_EPILOG)
def edit(tenant: Tenant, queue: QueueArgument, members: Members, json: Json = False) -> None:
    """Change the given members; the next decision uses them."""
    patch = read_members(QueuePatch, members, _value)

    async def work(engine: Dispatcher) -> Queue:
        return await engine.update_queue(operator(tenant), queue, patch)

    _show(on_engine(work), json)


@app.command("delete", epilog=DELETE_EPILOG)
def delete(
    tenant: Tenant,
    queue: QueueArgument,
    force: Annotated[bool, typer.Option("--force", help="Also one with contacts: those not in service end.")] = False,
    json: Json = False,
) -> None:
    """Delete a queue. A forced deletion goes on by itself: running nodes end the contacts in batches."""

    async def work(engine: Dispatcher) -> bool:
        return await engine.delete_queue(operator(tenant), queue, force)

    gone = on_engine(work)
    if json:
        show_json({"queue_id": queue, "gone": gone})
    else:
        typer.echo(f"{queue} is gone" if gone else f"{queue} is closed; its contacts are being removed")


def _show(queue: Queue, as_json: bool) -> None:
    if as_json:
        show_json(queue)
    else:
        show_fields(queue, first=("queue_id", "name"))


def _value(name: str, text: str) -> Any:
    """Read a value as the policy's default of that name has it; what does not fit is left to the model to refuse."""
    default = getattr(Policy(), name, "")
    if isinstance(default, str):
        return text
    try:
        return TypeAdapter(type(default)).validate_python(text)
    except ValidationError:
        return text
