"""The table of events: what each one carries, and to whom it goes. Like `model`, it knows no Redis and no HTTP."""

from __future__ import annotations

from typing import NamedTuple

from pydantic import Field

from dispatcher.model import (
    AgentState,
    Assignment,
    Call,
    Contact,
    ContactId,
    Model,
    Queue,
    QueueStatus,
    Snapshot,
    UserStatus,
)


class QueuingInfo(Model):
    """Where a customer stands in his queue."""

    queue_id: str
    position: int
    queuing_time_s: int
    estimated_wait_s: int | None = None


class AgentChanged(Model):
    """An agent's state or settings changed, and why."""

    agent_id: str
    old_state: AgentState
    state: AgentState
    cause: str
    since_at: int
    dnd: int
    dnd_reason: str | None = None
    load: int
    capacity: int


class AgentService(Model):
    """An agent begins to serve a queue (with his priority in it), or serves it no more."""

    agent_id: str
    queue_id: str
    serving: bool
    priority: int | None = None


class QueueRef(Model):
    """One queue: it was deleted, or it is to be listed again."""

    queue_id: str


class Audit(Model):
    """A supervisor did something to somebody or something else; to which contact, where it was one."""

    actor_id: str
    command: str
    subject: str
    contact_id: ContactId | None = None


class SessionRef(Model):
    """The session that was replaced."""

    session_id: str


class TokenExpiring(Model):
    """When the session's token ends."""

    expires_at: int


class Message(Model):
    """What another user's program says to his."""

    sender: str = Field(alias="from")
    data: str


class EventKind(NamedTuple):
    """One row of the table of events: what it carries, to whom it goes, and whether it is in the tenant's log."""

    data: type[Model]
    to: str
    logged: bool = True


EVENTS: dict[str, EventKind] = {
    "queue.status": EventKind(QueueStatus, "agents serving the queue, its watchers, customers waiting in it", False),
    "queue.resync": EventKind(QueueRef, "agents serving the queue: list it again", False),
    "queuing.info": EventKind(QueuingInfo, "the customer", False),
    "contact.entered": EventKind(Contact, "agents serving the queue, and its customer"),
    "contact.left": EventKind(Contact, "agents serving the queue"),
    "contact.matched": EventKind(Contact, "the customer"),
    "contact.returned": EventKind(Contact, "the customer"),
    "contact.held": EventKind(Contact, "the customer"),
    "contact.resumed": EventKind(Contact, "the customer"),
    "contact.serving": EventKind(Contact, "the customer, and his agent"),
    "contact.ended": EventKind(Contact, "the customer"),
    "assignment.offered": EventKind(Assignment, "the agent"),
    "assignment.accepted": EventKind(Assignment, "the agent"),
    "assignment.rejected": EventKind(Assignment, "the agent"),
    "assignment.cancelled": EventKind(Assignment, "the agent"),
    "assignment.completed": EventKind(Assignment, "the agent"),
    "agent.changed": EventKind(AgentChanged, "the agent; boards"),
    "agent.service": EventKind(AgentService, "the agent; boards"),
    "queue.changed": EventKind(Queue, "boards"),
    "queue.deleted": EventKind(QueueRef, "boards"),
    "call.incoming": EventKind(Call, "the other party"),
    "call.accepted": EventKind(Call, "the other party"),
    "call.rejected": EventKind(Call, "the other party"),
    "call.ended": EventKind(Call, "the other party; both, where neither ended it"),
    "user.status": EventKind(UserStatus, "those who watch the user; told while anybody in the tenant watches"),
    "message": EventKind(Message, "the addressee, once at most", False),
    "audit": EventKind(Audit, "the log alone"),
    "session.replaced": EventKind(SessionRef, "the user, on the session that ended"),
    "token.expiring": EventKind(TokenExpiring, "the user, 30 s before", False),
    "snapshot": EventKind(Snapshot, "the user: he may have missed something", False),
}
"""The table of events, by name."""

LOGGED_EVENTS = frozenset(name for name, kind in EVENTS.items() if kind.logged)
