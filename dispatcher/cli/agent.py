"""`dispatcher agent …`: the agents of a tenant, as they are now."""

from __future__ import annotations

from typing import Annotated

import typer

from dispatcher.cli.common import (
    Json,
    Tenant,
    all_pages,
    moment,
    on_engine,
    operator,
    show_fields,
    show_json,
    show_table,
)
from dispatcher.engine import Dispatcher
from dispatcher.model import Agent

app = typer.Typer(help="Look at agents.", no_args_is_help=True, rich_markup_mode=None)

LIST_EPILOG = """\b
Examples:
  dispatcher agent list acme
  dispatcher agent list acme --queue support
  dispatcher agent list acme --json
"""
SHOW_EPILOG = """\b
Examples:
  dispatcher agent show acme ann
  dispatcher agent show acme ann --json
"""


@app.command("list", epilog=LIST_EPILOG)
def list_agents(
    tenant: Tenant,
    queue: Annotated[str, typer.Option(help="Only those who serve this queue.")] = "",
    json: Json = False,
) -> None:
    """List the agents who serve at least one queue."""

    async def work(engine: Dispatcher) -> list[Agent]:
        actor = operator(tenant)
        if queue:
            return await all_pages(lambda cursor: engine.list_queue_agents(actor, queue, cursor=cursor))
        return await all_pages(lambda cursor: engine.list_agents(actor, cursor=cursor))

    agents = on_engine(work)
    if json:
        show_json(agents)
        return
    show_table(
        ("agent", "name", "state", "since (UTC)", "dnd", "load", "queues"),
        [
            (
                agent.agent_id,
                agent.name,
                agent.state.value,
                moment(agent.since_at),
                agent.dnd,
                f"{agent.load} of {agent.capacity}",
                " ".join(f"{service.queue_id}:{service.priority}" for service in agent.queues),
            )
            for agent in agents
        ],
        none=f"nobody serves {queue}" if queue else "nobody serves a queue",
    )


@app.command("show", epilog=SHOW_EPILOG)
def show(
    tenant: Tenant,
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="The agent's user id.")],
    json: Json = False,
) -> None:
    """Show one agent: his state, his queues, the contacts he holds."""

    async def work(engine: Dispatcher) -> Agent:
        return await engine.get_agent(operator(tenant), agent)

    found = on_engine(work)
    if json:
        show_json(found)
    else:
        show_fields(found)
