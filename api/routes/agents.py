"""Agents: whom they serve, their manual mode, their requests. `{agent}` may be `me`."""

from __future__ import annotations

from typing import Annotated

from fastapi import status
from pydantic import Field

from api.auth import CurrentActor
from api.routes.common import AgentCursor, AgentInPath, Engine, Limit, QueueInPath, rows
from dispatcher.commands import LIST_LIMIT_MAX
from dispatcher.model import (
    SERVED_QUEUES_MAX,
    Agent,
    Assignment,
    Capacity,
    Dnd,
    Model,
    Page,
    Priority,
    QueueId,
    Service,
    Text,
    UserId,
)

router = rows("agents")


class AgentPatch(Model):
    """A change of an agent."""

    capacity: Capacity


class ServiceRequest(Model):
    """The agent's priority in the queue; smaller is served by him before others."""

    priority: Priority = 0


class ServicesRequest(Model):
    """Several queues at once, so that the first match already sees them all."""

    queues: Annotated[tuple[Service, ...], Field(min_length=1, max_length=SERVED_QUEUES_MAX)]


class DndRequest(Model):
    """Manual mode (not 0) or automatic (0)."""

    dnd: Dnd
    reason: Text = ""


class AssignmentRequest(Model):
    """Whom to ask for: nobody named (the order rule), the oldest of a queue, or one customer in a queue."""

    queue_id: QueueId | None = None
    customer_id: UserId | None = None


_PLAIN_SERVICE = ServiceRequest()
_ANYBODY = AssignmentRequest()


@router.get("/agents")
async def list_agents(
    actor: CurrentActor, engine: Engine, limit: Limit = LIST_LIMIT_MAX, cursor: AgentCursor = ""
) -> Page[Agent]:
    """List the agents who serve at least one queue."""
    return await engine.list_agents(actor, limit=limit, cursor=cursor)


@router.get("/agents/{agent}")
async def get_agent(agent: AgentInPath, actor: CurrentActor, engine: Engine) -> Agent:
    """Read one agent."""
    return await engine.get_agent(actor, agent)


@router.patch("/agents/{agent}")
async def update_agent(agent: AgentInPath, body: AgentPatch, actor: CurrentActor, engine: Engine) -> Agent:
    """Set how many contacts he may hold at once."""
    return await engine.set_capacity(actor, agent, body.capacity)


@router.put("/agents/{agent}/queues/{queue}")
async def start_service(
    agent: AgentInPath,
    queue: QueueInPath,
    actor: CurrentActor,
    engine: Engine,
    body: ServiceRequest = _PLAIN_SERVICE,
) -> Agent:
    """Serve one queue, or change the priority in it."""
    return await engine.start_service(actor, agent, [Service(queue_id=queue, priority=body.priority)])


@router.post("/agents/{agent}/queues")
async def start_services(agent: AgentInPath, body: ServicesRequest, actor: CurrentActor, engine: Engine) -> Agent:
    """Serve several queues in one step."""
    return await engine.start_service(actor, agent, body.queues)


@router.delete("/agents/{agent}/queues/{queue}")
async def stop_service(agent: AgentInPath, queue: QueueInPath, actor: CurrentActor, engine: Engine) -> Agent:
    """Stop serving a queue."""
    return await engine.stop_service(actor, agent, queue)


@router.put("/agents/{agent}/dnd")
async def set_dnd(agent: AgentInPath, body: DndRequest, actor: CurrentActor, engine: Engine) -> Agent:
    """Set or clear manual mode; clearing matches at once."""
    return await engine.set_dnd(actor, agent, body.dnd, body.reason)


@router.post("/agents/{agent}/assignments", status_code=status.HTTP_201_CREATED)
async def request_assignment(
    agent: AgentInPath, actor: CurrentActor, engine: Engine, body: AssignmentRequest = _ANYBODY
) -> Assignment:
    """Ask for one contact."""
    return await engine.request_assignment(
        actor, agent, queue_id=body.queue_id or "", customer_id=body.customer_id or ""
    )
