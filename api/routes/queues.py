"""Queues: everybody reads them, an admin edits them."""

from __future__ import annotations

from fastapi import Response, status

from api.auth import CurrentActor
from api.routes.common import AgentCursor, ContactCursor, Engine, Limit, QueueCursor, QueueInPath, rows
from dispatcher.commands import LIST_LIMIT_MAX
from dispatcher.model import Agent, Contact, Page, Queue, QueueCreate, QueuePatch, QueueStatus

router = rows("queues")


@router.get("/queues")
async def list_queues(
    actor: CurrentActor, engine: Engine, status: bool = False, limit: Limit = LIST_LIMIT_MAX, cursor: QueueCursor = ""
) -> Page[Queue]:
    """List the queues; `?status=1` adds each one's counts."""
    return await engine.list_queues(actor, status=status, limit=limit, cursor=cursor)


@router.post("/queues", status_code=status.HTTP_201_CREATED)
async def create_queue(body: QueueCreate, actor: CurrentActor, engine: Engine) -> Queue:
    """Create a queue; without `queue_id` it gets the next free integer."""
    return await engine.create_queue(actor, body)


@router.get("/queues/{queue}")
async def get_queue(queue: QueueInPath, actor: CurrentActor, engine: Engine) -> Queue:
    """Read one queue."""
    return await engine.get_queue(actor, queue)


@router.patch("/queues/{queue}")
async def update_queue(queue: QueueInPath, body: QueuePatch, actor: CurrentActor, engine: Engine) -> Queue:
    """Change the given members; the next decision uses them."""
    return await engine.update_queue(actor, queue, body)


@router.delete(
    "/queues/{queue}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses={status.HTTP_202_ACCEPTED: {"description": "Closed at once; its contacts are being removed"}},
)
async def delete_queue(queue: QueueInPath, actor: CurrentActor, engine: Engine, force: bool = False) -> Response:
    """Delete a queue: 204 when it is gone, 202 while a forced deletion goes on."""
    gone = await engine.delete_queue(actor, queue, force)
    return Response(status_code=status.HTTP_204_NO_CONTENT if gone else status.HTTP_202_ACCEPTED)


@router.get("/queues/{queue}/status")
async def get_queue_status(queue: QueueInPath, actor: CurrentActor, engine: Engine) -> QueueStatus:
    """Count who serves, waits, is being prepared and is served."""
    return await engine.get_queue_status(actor, queue)


@router.get("/queues/{queue}/contacts")
async def list_contacts(
    queue: QueueInPath, actor: CurrentActor, engine: Engine, limit: Limit = LIST_LIMIT_MAX, cursor: ContactCursor = ""
) -> Page[Contact]:
    """List who waits, in order."""
    return await engine.list_contacts(actor, queue, limit=limit, cursor=cursor)


@router.get("/queues/{queue}/agents")
async def list_queue_agents(
    queue: QueueInPath, actor: CurrentActor, engine: Engine, limit: Limit = LIST_LIMIT_MAX, cursor: AgentCursor = ""
) -> Page[Agent]:
    """List who serves the queue."""
    return await engine.list_queue_agents(actor, queue, limit=limit, cursor=cursor)
