"""The fixtures that every lane shares."""

from __future__ import annotations

from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, QueueCreate, Role
from tests.conftest import Clock


async def test_a_tenant_is_ready_for_commands(dispatcher: Dispatcher, tenant: str) -> None:
    boss = Actor(tenant=tenant, user_id="boss", roles=frozenset({Role.ADMIN}))
    queue = await dispatcher.create_queue(boss, QueueCreate(queue_id="1", name="Sales"))
    assert queue.name == "Sales"


async def test_the_virtual_clock_is_the_time_of_commands(virtual: Dispatcher, clock: Clock, tenant: str) -> None:
    boss = Actor(tenant=tenant, user_id="boss", roles=frozenset({Role.ADMIN}))
    await virtual.create_queue(boss, QueueCreate(queue_id="1"))
    customer = Actor(tenant=tenant, user_id="anna", roles=frozenset({Role.CUSTOMER}))
    await clock.advance(1234)
    contact = await virtual.start_queuing(customer, "1")
    assert contact.queued_at == clock.now
