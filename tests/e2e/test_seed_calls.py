"""The tenth section of that chapter: the agent calls the customer. Agents are on one node, customers on the other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from pydantic import JsonValue

from dispatcher.client import Client, Code, DispatcherError
from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, Call, Event, Role
from dispatcher.tenancy import CustomerReach, TenantPatch
from tests.e2e.nodes import World, offered, until

MEETING: JsonValue = {"ID": 89713, "pswd": "秘密", "hosts": ["a", None]}


async def given(world: World, **policy: int) -> tuple[Client, Client]:
    """Let ann be offered bob; return both."""
    await world.queue("loans", **policy)
    agent, customer = await world.agent("ann"), await world.customer("bob")
    await agent.start_service("loans")
    await customer.start_queuing("loans", ext="a house")
    assert await offered(agent) == "bob"
    return agent, customer


async def incoming(customer: Client) -> Call:
    """Wait for a call."""
    return Call.model_validate((await customer.wait_for("call.incoming")).data)


def assignment_of(agent: Client) -> str:
    (assignment,) = agent.state.assignments
    return assignment.assignment_id


async def refused(code: Code, command: Awaitable[object]) -> None:
    with pytest.raises(DispatcherError) as raised:
        await command
    assert raised.value.code is code


async def talk(agent: Client, customer: Client, call: Call) -> None:
    """From the ringing to the end of the contact, with the meeting both ways."""
    ringing = await incoming(customer)
    assert (ringing.call_id, ringing.caller_id, ringing.callee_id) == (call.call_id, "ann", "bob")
    assert (ringing.meeting, ringing.ext, ringing.state) == (MEETING, "from your bank", "ringing")
    # Clients send it on every incoming call.
    assert (await customer.stop_queuing()).state == "preparing"
    answered = await customer.accept_call(call.call_id, ext="at last")
    assert (answered.state, answered.meeting) == ("answered", MEETING)
    accepted = (await agent.wait_for("call.accepted")).data
    assert (accepted["ext"], accepted["meeting"], accepted["contact_id"]) == ("at last", MEETING, call.contact_id)
    await customer.wait_for("contact.serving")
    assert (await customer.stop_queuing()).state == "serving"
    status = await world_status(customer)
    assert status == (0, 1)
    await agent.hangup(call.call_id, ext="goodbye")
    ended = (await customer.wait_for("call.ended")).data
    assert (ended["reason"], ended["ext"]) == ("hangup", "goodbye")
    assert (await customer.wait_for("contact.ended")).data["reason"] == "completed"
    await agent.wait_for("assignment.completed")
    assert (agent.state.call, customer.state.call, agent.state.assignments) == (None, None, ())


async def world_status(customer: Client) -> tuple[int, int]:
    status = await customer.get_queue_status("loans")
    return status.prepare_num, status.srv_num


@pytest.mark.parametrize("order", ["accept, then call", "call, then accept", "call alone", "both at once"])
async def test_10_accept_and_call_in_every_order(world: World, order: str) -> None:
    agent, customer = await given(world)
    offer = assignment_of(agent)
    if order == "accept, then call":
        assert (await agent.accept(offer)).state == "accepted"
        call = await agent.call("bob", meeting=MEETING, ext="from your bank")
    elif order == "both at once":
        _, call = await asyncio.gather(agent.accept(offer), agent.call("bob", meeting=MEETING, ext="from your bank"))
    else:
        call = await agent.call("bob", meeting=MEETING, ext="from your bank")
    accepted = await agent.wait_for("assignment.accepted")
    assert accepted.data["assignment_id"] == offer
    if order == "call, then accept":
        again = await agent.accept(offer)
        assert (again.state, again.deadline_at) == ("accepted", None)
    assert call.contact_id == agent.state.assignments[0].contact.contact_id
    await talk(agent, customer, call)


async def test_10_the_customer_answers_with_another_meeting(world: World) -> None:
    agent, customer = await given(world)
    call = await agent.call("bob")
    assert (await incoming(customer)).meeting is None
    await customer.accept_call(call.call_id, meeting={"ID": 2})
    assert (await agent.wait_for("call.accepted")).data["meeting"] == {"ID": 2}
    assert agent.state.call is not None
    assert agent.state.call.meeting == {"ID": 2}
    assert agent.state.assignments[0].state == "serving"
    await customer.hangup(call.call_id)
    assert (await agent.wait_for("call.ended")).data["reason"] == "hangup"
    assert (await customer.wait_for("contact.ended")).data["reason"] == "completed"


async def test_10_the_customer_refuses(world: World) -> None:
    agent, customer = await given(world)
    call = await agent.call("bob")
    await incoming(customer)
    await customer.reject_call(call.call_id, ext="not now")
    rejected = (await agent.wait_for("call.rejected")).data
    assert (rejected["reason"], rejected["ext"]) == ("refused", "not now")
    assert (await agent.wait_for("assignment.cancelled")).data["reason"] == "refused"
    assert (await customer.wait_for("contact.ended")).data["reason"] == "refused"
    cat = await world.customer("cat")
    await cat.start_queuing("loans")
    assert await offered(agent) == "cat"


async def test_10_nobody_answers(world: World) -> None:
    agent, customer = await given(world, ring_timeout=1)
    call = await agent.call("bob")
    await incoming(customer)
    assert (await agent.wait_for("call.rejected")).data["reason"] == "no_answer"
    assert (await customer.wait_for("call.ended")).data["reason"] == "no_answer"
    assert (await customer.wait_for("contact.ended")).data["reason"] == "no_answer"
    await refused(Code.INVALID_CALLID, customer.accept_call(call.call_id))


async def test_10_the_agent_hangs_up_while_it_rings_and_the_customer_waits_again(world: World) -> None:
    agent, customer = await given(world, reject_cooldown=3600)
    call = await agent.call("bob")
    await incoming(customer)
    await agent.hangup(call.call_id)
    await customer.wait_for("call.ended")
    assert (await customer.wait_for("contact.returned")).data["reason"] == "rejected"
    await agent.wait_for("assignment.rejected")
    assert (await customer.get_queuing_info()).position == 1
    other = await world.agent("abe")
    await other.start_service("loans")
    assert await offered(other) == "bob"


async def test_10_a_transfer_ends_the_call_and_the_contact_waits_elsewhere(world: World) -> None:
    agent, customer = await given(world)
    await world.queue("cards")
    call = await agent.call("bob")
    await incoming(customer)
    await refused(Code.WRONG_STATE, agent.transfer(call.contact_id or "", queue_id="cards"))
    await refused(Code.WRONG_STATE, agent.start(call.contact_id or ""))
    await customer.accept_call(call.call_id)
    await agent.wait_for("call.accepted")
    await agent.transfer(call.contact_id or "", queue_id="cards")
    for one in (agent, customer):
        assert (await one.wait_for("call.ended")).data["reason"] == "transferred"
    assert (await customer.wait_for("contact.returned")).data["queue_id"] == "cards"
    other = await world.agent("abe")
    await other.start_service("cards")
    assert await offered(other) == "bob"


async def test_10_who_comes_back_stands_in_his_call(world: World) -> None:
    agent, customer = await given(world)
    call = await agent.call("bob", meeting=MEETING, ext="hello")
    await incoming(customer)
    await customer.close()
    again = await world.customer("bob", node=0)
    assert again.state.call == call
    await again.accept_call(call.call_id)
    await agent.wait_for("call.accepted")
    assert again.state.contact is not None
    assert again.state.contact.state in {"preparing", "serving"}
    await again.wait_for("contact.serving")


async def test_10_whom_nobody_can_call(world: World) -> None:
    agent, customer = await given(world)
    await (await world.agent("zoe")).close()
    await until(lambda: world.boss.get_user_status("zoe"), lambda user: user.status == "offline")
    other, third = await world.agent("abe"), await world.agent("eve", node=1)
    await refused(Code.USER_NOT_FOUND, other.call("nobody"))
    await refused(Code.BUSY, other.call("bob"))
    await refused(Code.BUSY, other.call("ann"))
    await refused(Code.PARAM_ERR, other.call("abe"))
    await refused(Code.API_NO_PERMISSION, customer.call("abe"))
    await third.set_dnd(1)
    await refused(Code.BUSY, other.call("eve"))
    await third.set_dnd(0)
    call = await other.call("eve", ext="a question")
    assert call.contact_id is None
    await refused(Code.CALL_EXIST, third.call("abe"))
    await refused(Code.CALL_EXIST, other.call("bob"))
    await refused(Code.INVALID_CALLID, agent.hangup(call.call_id))
    await refused(Code.API_NO_PERMISSION, other.accept_call(call.call_id))
    await refused(Code.OFFLINE, agent.call("zoe"))


async def test_10_the_doors_are_one(world: World) -> None:
    """The agent works over HTTP, with his session open; the customer over HTTP on the other node."""
    agent, customer = await given(world)
    over_http = await world.http("ann", Role.AGENT, node=1)
    his = await world.http("bob", node=0)
    call = await over_http.call("bob", meeting=MEETING)
    assert (await incoming(customer)).call_id == call.call_id
    assert (await his.get_user_status()).status == "in_call"
    assert (await his.accept_call(call.call_id, ext="yes")).state == "answered"
    assert (await agent.wait_for("call.accepted")).data["ext"] == "yes"
    await over_http.complete(call.contact_id or "")
    for one in (agent, customer):
        assert (await one.wait_for("call.ended")).data["reason"] == "completed"


# Who is there


async def test_10_the_status_of_users_is_read_and_watched(world: World) -> None:
    await world.queue("loans")
    watcher = await world.agent("wanda", node=1)
    everybody = await world.agent("eve")
    assert [status.status for status in await watcher.watch_users(["ann", "bob"])] == ["offline", "offline"]
    await everybody.watch_users()
    agent = await world.agent("ann")
    await watcher.wait_for("user.status", is_now("ann", "idle"))
    customer = await world.customer("bob")
    await agent.start_service("loans")
    await customer.start_queuing("loans")
    assert await offered(agent) == "bob"
    for name in ("ann", "bob"):
        await watcher.wait_for("user.status", is_now(name, "busy"))
    call = await agent.call("bob")
    for name in ("ann", "bob"):
        await watcher.wait_for("user.status", is_now(name, "in_call"))
        await everybody.wait_for("user.status", is_now(name, "in_call"))
    assert (await world.boss.get_user_status("bob")).status == "in_call"
    await customer.accept_call(call.call_id)
    await agent.hangup(call.call_id)
    await agent.set_dnd(2)
    await watcher.wait_for("user.status", lambda event: event.data == {"user_id": "ann", "status": "idle", "dnd": 2})
    await watcher.unwatch_users()
    await customer.close()
    await everybody.wait_for("user.status", is_now("bob", "offline"))


def is_now(user_id: str, status: str) -> Callable[[Event], bool]:
    def matches(event: Event) -> bool:
        return (event.data["user_id"], event.data["status"]) == (user_id, status)

    return matches


# Messages, and whom a customer reaches


async def test_10_messages_reach_a_session_and_no_log(world: World) -> None:
    agent, customer = await given(world)
    offset = customer.state.offset
    await agent.send_cmd("bob", '{"type": "hello"}')
    message = await customer.wait_for("message")
    assert message.data == {"from": "ann", "data": '{"type": "hello"}'}
    assert customer.state.offset == offset
    await customer.send_cmd("ann", "é" * 32_768)
    assert len((await agent.wait_for("message")).data["data"]) == 32_768
    await refused(Code.PARAM_ERR, agent.send_cmd("bob", "é" * 32_769))
    await refused(Code.USER_NOT_FOUND, agent.send_cmd("nobody", "x"))
    await (await world.http("bob")).send_cmd("ann", "by the other door")
    assert (await agent.wait_for("message")).data == {"from": "bob", "data": "by the other door"}


async def test_10_a_customer_reaches_his_party_and_nobody_else(world: World) -> None:
    _, customer = await given(world)
    await world.agent("abe")
    assert (await customer.get_user_status("ann")).status == "busy"
    assert (await customer.get_user_status("bob")).status == "busy"
    for command in (
        customer.send_cmd("abe", "x"),
        customer.get_user_status("abe"),
        customer.watch_users(["ann"]),
        customer.call("abe"),
    ):
        await refused(Code.API_NO_PERMISSION, command)


async def test_10_with_customer_reach_all_customers_call_each_other(world: World, dispatcher: Dispatcher) -> None:
    boss = Actor(tenant=world.tenant, user_id="boss", roles=frozenset({Role.ADMIN}))
    await dispatcher.update_tenant(boss, TenantPatch(customer_reach=CustomerReach.ALL))
    kim, lea = await world.customer("kim"), await world.customer("lea", node=0)
    await kim.watch_users(["lea"])
    call = await kim.call("lea", meeting="my place")
    assert (await incoming(lea)).meeting == "my place"
    await kim.wait_for("user.status", is_now("lea", "in_call"))
    await lea.accept_call(call.call_id)
    await kim.wait_for("call.accepted")
    await lea.hangup(call.call_id)
    assert (await kim.wait_for("call.ended")).data["reason"] == "hangup"
    await world.queue("loans")
    await kim.call("lea")
    await refused(Code.CALL_EXIST, lea.start_queuing("loans"))
