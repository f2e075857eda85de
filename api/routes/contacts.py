"""Contacts: joining a queue, waiting, being served, leaving."""

from __future__ import annotations

from fastapi import status
from pydantic import Field

from api.auth import CurrentActor
from api.routes.common import ContactInPath, Engine, rows
from dispatcher.model import Contact, Model, Name, Presence, QueueId, Text, UserId

router = rows("contacts")


class JoinRequest(Model):
    """Who joins which queue. A backend joins for others (`customer_id`), also for people without a connection."""

    queue_id: QueueId
    ext: Text = ""
    customer_id: UserId | None = None
    name: Name | None = None
    presence: Presence = Field(
        default=Presence.SESSION,
        description="session: he is held, and not matched, until he has a session, and lost after `customer_grace`; "
        "none: he has no connection (phone, e-mail) and waits without one, which only a backend may say",
    )


class TransferRequest(Model):
    """Where a contact goes: exactly one of the two."""

    queue_id: QueueId | None = None
    agent_id: UserId | None = None


@router.post("/contacts", status_code=status.HTTP_201_CREATED)
async def start_queuing(body: JoinRequest, actor: CurrentActor, engine: Engine) -> Contact:
    """Join a queue; asking again for the same queue answers the same contact.

    Who has no session on a WebSocket is held: he keeps his place, and is matched when he comes.
    """
    return await engine.start_queuing(
        actor,
        body.queue_id,
        customer_id=body.customer_id,
        name=body.name,
        ext=body.ext,
        presence=body.presence,
    )


@router.get("/contacts/{contact}")
async def get_contact(contact: ContactInPath, actor: CurrentActor, engine: Engine) -> Contact:
    """Read a contact and its position."""
    return await engine.get_contact(actor, contact)


@router.delete("/contacts/{contact}")
async def stop_queuing(contact: ContactInPath, actor: CurrentActor, engine: Engine) -> Contact:
    """Leave the queue; by a supervisor, of somebody else: removal."""
    return await engine.stop_queuing(actor, contact)


@router.post("/contacts/{contact}/start")
async def start(contact: ContactInPath, actor: CurrentActor, engine: Engine) -> Contact:
    """Begin to serve without a call; implies accept."""
    return await engine.start(actor, contact)


@router.post("/contacts/{contact}/complete")
async def complete(contact: ContactInPath, actor: CurrentActor, engine: Engine) -> Contact:
    """End the service; the agent wraps up."""
    return await engine.complete(actor, contact)


@router.post("/contacts/{contact}/transfer")
async def transfer(contact: ContactInPath, body: TransferRequest, actor: CurrentActor, engine: Engine) -> Contact:
    """Send a contact in service to a queue or an agent; a supervisor also moves one that waits."""
    return await engine.transfer(actor, contact, queue_id=body.queue_id or "", agent_id=body.agent_id or "")
