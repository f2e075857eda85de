"""A reference model with short hands, for tests that tell a story."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.model import Actor, QueueCreate, Role, Service
from tests.model.reference import Model
from tests.model.state import Refused

BOSS = Actor(tenant="t", user_id="boss", roles=frozenset({Role.ADMIN}))


class Scene(Model):
    """A model with short hands for what most rules need."""

    def __init__(self) -> None:
        super().__init__(now=1_763_824_800_000)

    def queue(self, queue_id: str = "1", **policy: Any) -> None:
        self.create_queue(BOSS, QueueCreate(queue_id=queue_id, **policy))

    def agent(self, user_id: str, *queue_ids: str, priority: int = 0) -> None:
        """Log in and serve."""
        self.log_in(user_id)
        self.start_service(
            me(user_id), user_id, [Service(queue_id=id, priority=priority) for id in queue_ids or ("1",)]
        )

    def log_in(self, user_id: str) -> None:
        self.open_session(me(user_id), f"session of {user_id}", "node")

    def drop(self, user_id: str) -> None:
        self.close_session("t", user_id, f"session of {user_id}")

    def customer(self, user_id: str, queue_id: str = "1") -> str:
        """Log in and queue; answer the contact's id."""
        self.log_in(user_id)
        return str(self.start_queuing(me(user_id), queue_id)["contact_id"])

    def go(self, seconds: float) -> None:
        """Let time pass and tick."""
        self.now += int(seconds * 1000)
        self.tick("t")

    def offer_of(self, agent_id: str) -> str:
        """The contact he prepares, by its customer's id; "" for none."""
        contact = self.prepared(self.users[agent_id])
        return contact.customer_id if contact else ""

    def offered(self, agent_id: str) -> str:
        """The assignment he prepares, by its id."""
        contact = self.prepared(self.users[agent_id])
        assert contact is not None
        assert contact.assignment is not None
        return contact.assignment.assignment_id

    def state(self, contact_id: str) -> str:
        contact = self.contacts[contact_id]
        return f"{contact.state} {contact.reason}".strip()

    def names(self) -> list[object]:
        return [event[0] for event in self.events]

    def refuses(self, code: str, command: str, *args: Any, **kwargs: Any) -> None:
        with pytest.raises(Refused) as refused:
            getattr(self, command)(*args, **kwargs)
        assert refused.value.code == code
        assert self.events == []


def me(user_id: str) -> Actor:
    return Actor(tenant="t", user_id=user_id, name=user_id.title(), roles=frozenset({Role.AGENT}))
