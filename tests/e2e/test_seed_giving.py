"""The ninth section of that chapter: how agents are given customers, by the system itself and when they ask.

Agents are on one node, customers on the other.
"""

from __future__ import annotations

import pytest

from dispatcher.client import Code, DispatcherError
from dispatcher.model import Service
from tests.e2e.nodes import World, offered, serve

# By itself


async def test_9_a_free_agent_is_given_the_customer_at_once(world: World) -> None:
    await world.queue("loans")
    agent, customer = await world.agent("ann"), await world.customer("bob")
    await agent.start_service("loans")
    contact = await customer.start_queuing("loans")
    assert (contact.state, contact.agent_id) == ("preparing", "ann")
    offer = (await agent.wait_for("assignment.offered")).data
    assert (offer["state"], offer["requested"], offer["why"]["rule"]) == ("offered", False, "order")
    assert offer["deadline_at"] > contact.queued_at
    await customer.wait_for("contact.matched")
    accepted = await agent.accept(offer["assignment_id"])
    assert accepted.state == "accepted"
    await serve(agent, customer)
    assert agent.state.assignments == ()


async def test_9_an_agent_who_becomes_free_is_given_who_waits_longest(world: World) -> None:
    await world.queue("loans")
    bob, cat = await world.customer("bob"), await world.customer("cat")
    await bob.start_queuing("loans")
    await cat.start_queuing("loans")
    agent = await world.agent("ann")
    await agent.start_service("loans")
    assert await offered(agent) == "bob"
    await serve(agent, bob)
    assert await offered(agent) == "cat"


async def test_9_a_rejected_customer_goes_to_another_agent_before_who_came_later(world: World) -> None:
    await world.queue("loans", reject_cooldown=3600)
    ann, abe = await world.agent("ann"), await world.agent("abe")
    await ann.start_service("loans")
    bob, cat = await world.customer("bob"), await world.customer("cat")
    await bob.start_queuing("loans")
    await cat.start_queuing("loans")
    assert await offered(ann) == "bob"
    rejected = await ann.reject(ann.state.assignments[0].assignment_id)
    assert rejected.state == "rejected"
    assert (await bob.wait_for("contact.returned")).data["reason"] == "rejected"
    await abe.start_service("loans")
    assert await offered(abe) == "bob"
    await bob.wait_for("contact.matched")


async def test_9_an_offer_is_cancelled_when_its_customer_leaves(world: World) -> None:
    await world.queue("loans")
    agent, customer = await world.agent("ann"), await world.customer("bob")
    await agent.start_service("loans")
    await customer.start_queuing("loans")
    assert await offered(agent) == "bob"
    offer = agent.state.assignments[0]
    await customer.stop_queuing()
    assert (await agent.wait_for("assignment.cancelled")).data["reason"] == "customer_left"
    assert agent.state.assignments == ()
    with pytest.raises(DispatcherError) as raised:
        await agent.accept(offer.assignment_id)
    assert raised.value.code is Code.QUE_USER_CANCELLED


async def test_9_an_offer_not_answered_in_time_is_missed(world: World) -> None:
    await world.queue("loans", offer_timeout=1, missed_limit=1)
    agent, customer = await world.agent("ann"), await world.customer("bob")
    await agent.start_service("loans")
    await customer.start_queuing("loans")
    assert await offered(agent) == "bob"
    assert (await agent.wait_for("assignment.cancelled")).data["reason"] == "missed"
    assert (await customer.wait_for("contact.returned")).data["reason"] == "missed"
    changed = await agent.wait_for("agent.changed", lambda event: bool(event.data["dnd"]))
    assert changed.data["dnd_reason"] == "missed"
    assert (await customer.get_queuing_info()).position == 1


# When they ask


async def test_9_with_dnd_the_agent_asks_when_he_is_ready(world: World) -> None:
    await world.queue("loans")
    agent, customer = await world.agent("ann"), await world.customer("bob")
    assert (await agent.set_dnd(1, "writing up")).dnd == 1
    assert (await agent.start_service("loans")).state == "manual"
    with pytest.raises(DispatcherError) as raised:
        await agent.request_assignment()
    assert raised.value.code is Code.QUE_NOUSER
    assert (await customer.start_queuing("loans")).state == "waiting"
    assert agent.state.assignments == ()
    assignment = await agent.request_assignment()
    assert (assignment.contact.customer_id, assignment.requested) == ("bob", True)
    assert (await agent.request_assignment()).assignment_id == assignment.assignment_id
    await customer.wait_for("contact.matched")
    await serve(agent, customer)
    with pytest.raises(DispatcherError) as raised:
        await agent.request_assignment()
    assert raised.value.code is Code.QUE_NOUSER


async def test_9_the_agent_asks_for_a_queue_or_for_one_customer(world: World) -> None:
    for queue_id in ("cards", "loans", "misc"):
        await world.queue(queue_id)
    agent = await world.agent("ann")
    await agent.set_dnd(1)
    await agent.start_service(queues=[Service(queue_id="cards"), Service(queue_id="loans")])
    customers = {name: await world.customer(name) for name in ("bob", "cat", "dan")}
    for name, queue_id in (("bob", "cards"), ("cat", "loans"), ("dan", "loans")):
        await customers[name].start_queuing(queue_id)
    with pytest.raises(DispatcherError) as raised:
        await agent.request_assignment("misc")
    assert raised.value.code is Code.QUE_SERVICE_NOT_START
    with pytest.raises(DispatcherError) as raised:
        await agent.request_assignment("cards", "dan")
    assert raised.value.code is Code.QUE_NOUSER
    wanted = await agent.request_assignment("loans", "dan")
    assert (wanted.contact.customer_id, wanted.why.rule) == ("dan", "requested_customer")
    await serve(agent, customers["dan"])
    oldest = await agent.request_assignment("loans")
    assert (oldest.contact.customer_id, oldest.why.rule) == ("cat", "requested_queue")


async def test_9_clearing_dnd_gives_the_customer_by_itself_again(world: World) -> None:
    await world.queue("loans")
    agent, customer = await world.agent("ann"), await world.customer("bob")
    await agent.set_dnd(1)
    await agent.start_service("loans")
    await customer.start_queuing("loans")
    await agent.set_dnd(0)
    assert await offered(agent) == "bob"
