"""What the commands of the reference model answer: the same members as the types of `dispatcher.model`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatcher.model import Why

if TYPE_CHECKING:
    from tests.model.state import AssignmentState, CallState, ContactState, QueueState, UserState
    from tests.model.world import World

Result = dict[str, Any]
Board = tuple[str, int, str, int]


def queue(queue: QueueState) -> Result:
    """A queue's policy, without its status."""
    policy = queue.policy.model_dump()
    return {"queue_id": queue.queue_id, "name": queue.name, "deleting": queue.deleting, "status": None, **policy}


def contact(world: World, contact: ContactState) -> Result:
    """A contact as its customer and its agent see it."""
    until = next((at for at in (contact.matched_at, contact.ended_at) if at is not None), world.now)
    return {
        "contact_id": contact.contact_id,
        "customer_id": contact.customer_id,
        "name": contact.name,
        "queue_id": contact.queue_id,
        "state": contact.state,
        "position": world.position(contact),
        "queued_at": contact.queued_at,
        "queuing_time_s": (until - contact.queued_at) // 1000,
        "ext": contact.ext,
        "agent_id": contact.agent_id or None,
        "reason": contact.reason or None,
    }


def assignment(world: World, given: AssignmentState) -> Result:
    """An assignment; of an ended one without its contact, which has gone on since."""
    is_open = given.state in {"offered", "accepted", "serving"}
    return {
        "assignment_id": given.assignment_id,
        "state": given.state,
        "agent_id": given.agent_id,
        "contact": contact(world, world.contacts[given.contact_id]) if is_open else None,
        "deadline_at": given.deadline_at,
        "why": dict(zip(Why.model_fields, given.why, strict=True)),
        "requested": given.requested,
        "reason": given.reason or None,
    }


def call(world: World, call: CallState, ext: str, reason: str = "") -> Result:
    """A call as both parties see it; `ext` of whoever acts."""
    return {
        "call_id": call.call_id,
        "caller_id": call.caller_id,
        "caller_name": world.users[call.caller_id].name,
        "callee_id": call.callee_id,
        "callee_name": world.users[call.callee_id].name,
        "state": call.state if call.call_id in world.calls else "ended",
        "meeting": call.meeting,
        "ext": ext,
        "started_at": int(call.call_id[:13]),
        "contact_id": call.contact_id or None,
        "reason": reason or None,
    }


def user_status(world: World, user_id: str, user: UserState | None) -> Result:
    """What others may know of a user."""
    status, dnd = ("offline", 0) if user is None else world.user_status(user)
    return {"user_id": user_id, "status": status, "dnd": dnd}


def agent(world: World, user: UserState) -> Result:
    """An agent as the board shows him; his queues and contacts in order of their ids."""
    return {
        "agent_id": user.user_id,
        "name": user.name,
        "state": world.agent_state(user),
        "since_at": world.now if user.since_at is None else user.since_at,
        "dnd": user.dnd,
        "dnd_reason": user.dnd_reason or None,
        "queues": [{"queue_id": queue_id, "priority": user.serves[queue_id]} for queue_id in sorted(user.serves)],
        "load": len(world.load(user)),
        "capacity": user.capacity,
        "contacts": sorted(contact.contact_id for contact in world.load(user)),
    }


def snapshot(world: World, user: UserState) -> Result:
    """Where a user stands."""
    is_agent = user.serves or world.load(user) or user.dnd
    own, in_call = world.open_contact(user.user_id), world.call_of(user.user_id)
    given = sorted(contact.contact_id for contact in world.load(user))
    return {
        "user_id": user.user_id,
        "name": user.name,
        "agent": agent(world, user) if is_agent else None,
        "contact": contact(world, own) if own is not None else None,
        "assignments": [assignment(world, a) for a in (world.contacts[id].assignment for id in given) if a is not None],
        "call": call(world, in_call, in_call.ext) if in_call is not None else None,
    }


def board(world: World, user: UserState) -> Board:
    """What `agent.changed` tells the change of."""
    return world.agent_state(user), user.dnd, user.dnd_reason, user.capacity
