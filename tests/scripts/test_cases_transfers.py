"""Transfers of contacts in service, and moves of those that wait."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scripts.world import START_AT, Failed, World

pytestmark = pytest.mark.lanes("embedded", "redis")

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}
MATCH = ["contact.left(in_service)", "assignment.offered", "contact.matched"]


async def served(world: World, agent: str = "anna", queue: str = "q", customer: str = "kim") -> str:
    """Let an agent serve a customer of a queue; return the contact's id."""
    await world.queue(queue)
    await world.agent(agent, queue)
    contact = await world.customer(customer, queue)
    await world.act(agent, "start", contact)
    return contact


async def move(world: World, contact: str, queue: str) -> Any:
    return await world.run("contact_transfer", **ROOT, contact_id=contact, queue_id=queue)


async def test_a_transfer_to_a_queue_keeps_the_age(world: World) -> None:
    contact = await served(world)
    await world.queue("next", priority=3)
    await world.at(world.now + 2000)
    await world.customer("younger", "next")
    moved = await world.act("anna", "transfer", contact, queue_id="next")
    assert world.told() == [
        "assignment.completed",
        "contact.returned(transferred)",
        "contact.entered",
        "agent.changed",
    ]
    assert (moved["queue_id"], moved["state"], moved["position"], moved["queued_at"]) == (
        "next",
        "waiting",
        1,
        START_AT,
    )
    with pytest.raises(Failed, match="API_NO_PERMISSION"):
        await world.act("anna", "transfer", contact, queue_id="q")


async def test_a_transfer_to_a_queue_with_an_able_agent_is_matched_and_wraps_up(world: World) -> None:
    await world.queue("q", wrap_up=5)
    await world.queue("next")
    await world.agent("anna", "q", "next")
    contact = await world.customer("kim", "q")
    await world.act("anna", "start", contact)
    await world.agent("bert", "next")
    moved = await world.act("anna", "transfer", contact, queue_id="next")
    assert world.told() == [
        "assignment.completed",
        "contact.returned(transferred)",
        "contact.entered",
        *MATCH,
        "agent.changed",
        "agent.changed",
    ]
    assert (moved["state"], moved["agent_id"]) == ("preparing", "bert")
    assert (await world.show("anna"))["state"] == "wrapping"
    (given,) = await world.assignments("bert")
    assert given["why"]["rule"] == "order"
    assert given["assignment_id"] == f"{contact}-2"


async def test_a_transfer_ignores_the_limits_of_the_queue_and_max_wait_counts_from_it(world: World) -> None:
    contact = await served(world)
    await world.queue("next", max_waiting=1, join_when_no_agents=False, max_wait=10)
    await world.run("queue_update", **ROOT, queue_id="next", policy=json.dumps({"join_when_no_agents": 1}))
    await world.customer("lea", "next")
    await world.run("queue_update", **ROOT, queue_id="next", policy=json.dumps({"join_when_no_agents": 0}))
    await world.after(9)
    assert (await world.act("anna", "transfer", contact, queue_id="next"))["position"] == 1
    await world.after(9.999)
    assert (await world.contact(contact))["state"] == "waiting"
    await world.after(0.001)
    assert (await world.contact(contact))["reason"] == "timed_out"


async def test_a_transfer_of_a_customer_who_is_gone_makes_him_held_and_the_grace_runs_on(world: World) -> None:
    contact = await served(world)
    await world.queue("next")
    await world.agent("bert", "next")
    await world.drop("kim")
    assert world.told() == []
    await world.after(50)
    with pytest.raises(Failed, match="WRONG_STATE"):
        await world.act("anna", "transfer", contact, agent_id="bert")
    held = await world.act("anna", "transfer", contact, queue_id="next")
    assert world.told() == ["assignment.completed", "contact.held(transferred)", "contact.entered", "agent.changed"]
    assert (held["state"], held["position"]) == ("held", 1)
    await world.after(10)
    assert (await world.contact(contact))["reason"] == "lost"


async def test_a_transfer_to_an_agent_who_serves_any_queue(world: World) -> None:
    contact = await served(world)
    await world.queue("elsewhere")
    await world.agent("bert", "elsewhere")
    await world.at(world.now + 3000)
    moved = await world.act("anna", "transfer", contact, agent_id="bert")
    assert world.told() == [
        "assignment.completed",
        "assignment.offered",
        "contact.matched",
        "agent.changed",
        "agent.changed",
    ]
    assert (moved["queue_id"], moved["state"], moved["agent_id"]) == ("q", "preparing", "bert")
    (given,) = await world.assignments("bert")
    why = {"rule": "transfer", "queue_priority": 10, "agent_priority": None, "waited_ms": 3000, "idle_ms": 3000}
    assert given["why"] == {**why, "others_able": 0}
    assert given["requested"] is False
    await world.answer("bert", "reject")
    assert await world.offered("anna") == "kim", "it goes back to the queue it came from"


@pytest.mark.parametrize("busy", ["offline", "manual", "full", "offered", "wrapping", "serves nothing", "cooling"])
async def test_a_transfer_to_an_agent_who_is_not_able(world: World, busy: str) -> None:
    contact = await served(world)
    await world.queue("elsewhere", wrap_up=60, reject_cooldown=60)
    if busy == "serves nothing":
        await world.login("bert")
    else:
        await world.agent("bert", "elsewhere")
    other = ""
    if busy in ("full", "offered", "wrapping", "cooling"):
        other = await world.customer("lea", "elsewhere")
    if busy in ("full", "wrapping"):
        await world.act("bert", "start", other)
    if busy == "wrapping":
        await world.act("bert", "complete", other)
    if busy == "cooling":
        await world.answer("bert", "reject")
    if busy == "manual":
        await world.run("agent_set_dnd", actor="bert", agent_id="bert", dnd=1)
    if busy == "offline":
        await world.drop("bert")
    with pytest.raises(Failed, match="AGENT_BUSY"):
        await world.act("anna", "transfer", contact, agent_id="bert")


@pytest.mark.parametrize("state", ["waiting", "held"])
async def test_a_supervisor_moves_who_waits_with_his_age(world: World, state: str) -> None:
    await world.queue("q", max_wait=20)
    await world.queue("next", max_waiting=1, max_wait=30)
    contact = await world.customer("kim", "q")
    await world.at(world.now + 5000)
    await world.customer("lea", "next")
    if state == "held":
        await world.drop("kim")
    with pytest.raises(Failed, match="API_NO_PERMISSION"):
        await world.run("contact_transfer", actor="kim", contact_id=contact, queue_id="next")
    with pytest.raises(Failed, match="WRONG_STATE"):
        await world.run("contact_transfer", **ROOT, contact_id=contact, agent_id="lea")
    moved = await move(world, contact, "next")
    back = "contact.held(moved)" if state == "held" else "contact.returned(moved)"
    assert world.told() == ["audit", "contact.left(moved)", back, "contact.entered"]
    assert (moved["position"], moved["queue_id"], moved["state"], moved["queued_at"]) == (1, "next", state, START_AT)
    await world.after(24.999)
    assert (await world.contact(contact))["state"] == state, "the wait counts from the join, by the new policy"
    await world.after(0.001)
    assert (await world.contact(contact))["reason"] == "timed_out"


async def test_a_move_to_an_able_agent_is_matched(world: World) -> None:
    await world.queue("q")
    await world.queue("next", max_wait=1)
    contact = await world.customer("kim", "q")
    await world.agent("anna", "next")
    await world.at(world.now + 5000)
    moved = await move(world, contact, "next")
    assert world.told() == [
        "audit",
        "contact.left(moved)",
        "contact.returned(moved)",
        "contact.entered",
        *MATCH,
        "agent.changed",
    ]
    assert (moved["agent_id"], moved["state"]) == ("anna", "preparing")
    with pytest.raises(Failed, match="WRONG_STATE"):
        await move(world, contact, "q")
