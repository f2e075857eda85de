"""What connections do to people: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any
from urllib.parse import urlsplit

import pytest

from dispatcher.client import Client, Code, DispatcherError
from dispatcher.model import Contact, ContactState, Role
from tests.e2e.nodes import World, until
from tests.proxy import Proxy, before


@pytest.fixture
async def line(world: World) -> AsyncIterator[Proxy]:
    """A line to the second node that can be cut."""
    port = urlsplit(world.nodes[1]).port
    assert port is not None
    async with before(port) as proxy:
        yield proxy


def address(line: Proxy) -> str:
    return f"http://127.0.0.1:{line.port}"


async def lost(line: Proxy, command: Coroutine[Any, Any, Any]) -> Any:
    """Send a command whose answer is lost with its connection; return the answer that came over the next one."""
    line.swallow = True
    line.answered.clear()
    sending = asyncio.create_task(command, name="command with a lost answer")
    await line.answered.wait()
    line.swallow = False
    line.cut()
    return await sending


async def state_of(world: World, contact_id: str, state: ContactState) -> Contact:
    """Wait until the contact is in that state."""
    return await until(lambda: world.boss.get_contact(contact_id), lambda contact: contact.state is state)


async def test_a_customer_who_drops_and_returns_keeps_his_place(world: World) -> None:
    await world.queue("loans")
    bob, cat = await world.customer("bob"), await world.customer("cat")
    contact = await bob.start_queuing("loans")
    await cat.start_queuing("loans")
    await bob.close()
    held = await state_of(world, contact.contact_id, ContactState.HELD)
    assert held.position == 1
    agent = await world.agent("ann")
    await agent.start_service("loans")
    assert (await agent.wait_for("assignment.offered")).data["contact"]["customer_id"] == "cat"
    await agent.set_dnd(1)
    await cat.stop_queuing()
    bob = await world.customer("bob", node=0)
    assert bob.state.contact is not None
    back = bob.state.contact
    assert (back.contact_id, back.queued_at, back.state, back.position) == (
        contact.contact_id, contact.queued_at, "waiting", 1,
    )  # fmt: skip
    await agent.set_dnd(0)
    assert (await bob.wait_for("contact.matched")).data["agent_id"] == "ann"


async def test_a_held_customer_who_returns_is_matched_in_the_same_step(world: World) -> None:
    await world.queue("loans")
    bob = await world.customer("bob")
    contact = await bob.start_queuing("loans")
    await bob.close()
    await state_of(world, contact.contact_id, ContactState.HELD)
    agent = await world.agent("ann")
    assert (await agent.start_service("loans")).state == "idle"
    bob = await world.customer("bob", node=0)
    assert bob.state.contact is not None
    assert (bob.state.contact.state, bob.state.contact.agent_id) == ("preparing", "ann")
    assert (await agent.wait_for("assignment.offered")).data["contact"]["contact_id"] == contact.contact_id


async def test_a_customer_who_drops_while_offered_frees_the_agent_and_comes_back_first(world: World) -> None:
    await world.queue("loans")
    agent, bob, cat = await world.agent("ann"), await world.customer("bob"), await world.customer("cat")
    await agent.start_service("loans")
    contact = await bob.start_queuing("loans")
    await cat.start_queuing("loans")
    await agent.wait_for("assignment.offered")
    await bob.close()
    assert (await agent.wait_for("assignment.cancelled")).data["reason"] == "customer_left"
    assert (await agent.wait_for("assignment.offered")).data["contact"]["customer_id"] == "cat"
    bob = await world.customer("bob")
    assert bob.state.contact is not None
    assert (bob.state.contact.contact_id, bob.state.contact.position) == (contact.contact_id, 1)


async def test_a_second_login_replaces_the_first_one(world: World) -> None:
    await world.queue("loans")
    first = await world.agent("ann")
    await first.start_service("loans")
    await (await world.customer("bob")).start_queuing("loans")
    await first.wait_for("assignment.offered")
    second = await world.agent("ann", node=1)
    await first.wait_for("session.replaced")
    with pytest.raises(DispatcherError) as raised:
        [event async for event in first.events()]
    assert raised.value.code is Code.KICKOUT_BY_RELOGIN
    with pytest.raises(DispatcherError) as raised:
        await first.ping()
    assert raised.value.code is Code.KICKOUT_BY_RELOGIN
    (offer,) = second.state.assignments
    assert (await second.accept(offer.assignment_id)).state == "accepted"


async def test_an_agent_who_reloads_with_an_offer_finds_it_again(world: World) -> None:
    await world.queue("loans")
    agent, customer = await world.agent("ann"), await world.customer("bob")
    await agent.start_service("loans")
    await customer.start_queuing("loans")
    await agent.wait_for("assignment.offered")
    (offer,) = agent.state.assignments
    await agent.close()
    agent = await world.agent("ann", node=1)
    assert agent.state.assignments == (offer,)
    assert agent.state.agent is not None
    assert [queue.queue_id for queue in agent.state.agent.queues] == ["loans"]
    await agent.start(offer.contact.contact_id)
    await customer.wait_for("contact.serving")


async def test_a_cut_line_is_mended_and_what_was_missed_is_told(world: World, line: Proxy) -> None:
    await world.queue("loans")
    agent = await world.agent("ann")
    customer = await world.customer("bob", url=address(line))
    await customer.start_queuing("loans")
    await customer.wait_for("snapshot")
    line.cut()
    await customer.wait_for("snapshot")
    assert customer.state.contact is not None
    assert (customer.state.contact.state, customer.state.contact.position) == ("waiting", 1)
    await agent.start_service("loans")
    await customer.wait_for("contact.matched")


async def test_stopping_with_a_lost_answer_is_done_once(world: World, line: Proxy) -> None:
    await world.queue("loans")
    customer = await world.customer("bob", url=address(line))
    contact = await customer.start_queuing("loans")
    # Done twice it would find nothing: CONTACT_NOT_FOUND.
    stopped = await lost(line, customer.stop_queuing())
    assert (stopped.contact_id, stopped.reason) == (contact.contact_id, "abandoned")


async def test_serving_with_lost_answers_is_done_once(world: World, line: Proxy) -> None:
    await world.queue("cards")
    await world.queue("loans")
    agent = await world.agent("ann", url=address(line))
    await agent.start_service("cards")
    served = await lost(line, agent.start_service("loans"))
    assert {queue.queue_id for queue in served.queues} == {"cards", "loans"}
    # Done twice it would not be served any more: QUE_SERVICE_NOT_START.
    stopped = await lost(line, agent.stop_service("cards"))
    assert [queue.queue_id for queue in stopped.queues] == ["loans"]


async def test_a_whole_contact_with_every_answer_lost(world: World, line: Proxy) -> None:
    await world.queue("loans")
    agent = await world.agent("ann", url=address(line))
    customer = await world.customer("bob", node=0)
    await lost(line, agent.set_dnd(1))
    await lost(line, agent.start_service("loans"))
    contact = await customer.start_queuing("loans")
    assignment = await lost(line, agent.request_assignment())
    assert assignment.contact.contact_id == contact.contact_id
    assert (await lost(line, agent.accept(assignment.assignment_id))).state == "accepted"
    assert (await lost(line, agent.start(contact.contact_id))).state == "serving"
    assert (await lost(line, agent.complete(contact.contact_id))).reason == "completed"
    seen = [event.event async for event in _until_ended(customer)]
    assert [name for name in seen if name.startswith("contact.")] == [
        "contact.entered", "contact.matched", "contact.serving", "contact.ended",
    ]  # fmt: skip
    status = await world.boss.get_queue_status("loans")
    assert (status.wait_num, status.prepare_num, status.srv_num) == (0, 0, 0)
    assert (await (await world.http("ann", Role.AGENT)).get_agent()).load == 0


async def _until_ended(client: Client) -> AsyncIterator[Any]:
    async for event in client.events():
        yield event
        if event.event == "contact.ended":
            return
