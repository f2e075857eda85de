"""Who may be called, whose call outlives his connection; the status of users, and messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scripts.test_cases_calls import ROOT, answered, ringing, scene, state
from tests.scripts.world import Failed, World

pytestmark = pytest.mark.lanes("embedded", "redis")

# Busy


@pytest.mark.parametrize("why", ["is called", "calls", "dnd", "queues", "is offered somebody"])
async def test_busy(world: World, why: str) -> None:
    await world.queue("q")
    await world.login("bob", "cat", "dan")
    if why == "is called":
        await world.call("cat", "bob")
    elif why == "calls":
        await world.call("bob", "cat")
    elif why == "dnd":
        await world.run("agent_set_dnd", actor="bob", agent_id="bob", dnd=1)
    elif why == "queues":
        await world.join("bob", "q")
    else:
        await world.serve("bob", "q")
        await world.customer("kim", "q")
    with pytest.raises(Failed, match="BUSY"):
        await world.call("dan", "bob")


async def test_the_customer_of_ones_own_assignment_is_called_in_spite_of_dnd(world: World) -> None:
    await scene(world)
    await world.run("agent_set_dnd", **ROOT, agent_id="kim", dnd=1)
    assert (await world.call("anna", "kim"))["state"] == "ringing"


async def test_who_queues_calls_nobody(world: World) -> None:
    await scene(world)
    with pytest.raises(Failed, match="WRONG_STATE"):
        await world.call("kim", "anna")


async def test_a_customer_who_calls_needs_customer_reach(world: World) -> None:
    await world.login("kim", "lea")
    with pytest.raises(Failed, match="API_NO_PERMISSION"):
        await world.call("kim", "lea", customer_only=1)
    await world.store.client.hset(world.key("meta"), "customer_reach", "all")
    world.forget()
    assert (await world.call("kim", "lea", customer_only=1))["state"] == "ringing"


# Connections


@pytest.mark.parametrize("prepare", [ringing, answered])
async def test_a_customer_who_drops_in_a_call_keeps_it_for_the_grace(world: World, prepare: Any) -> None:
    contact = await prepare(world, ring_timeout=3600)
    await world.drop("kim")
    assert world.events == []
    await world.after(59.999)
    assert (await world.contact(contact))["state"] == ("preparing" if prepare is ringing else "serving")
    await world.login("kim")
    assert (await world.call_of("kim"))["contact_id"] == contact
    await world.after(3000)
    assert (await world.contact(contact))["state"] != "ended"
    await world.drop("kim")
    await world.at(world.now + 60_000)
    await world.run("tick", decode=False)
    ended = "assignment.cancelled(lost)" if prepare is ringing else "assignment.completed"
    assert world.told() == ["call.ended(lost)", ended, "contact.ended(lost)", "agent.changed"]


async def test_the_agent_hangs_up_on_who_has_dropped_and_he_is_held(world: World) -> None:
    contact = await ringing(world)
    await world.drop("kim")
    await world.on_call("anna", "hangup")
    assert (await world.contact(contact))["state"] == "held"
    await world.after(60)
    assert await state(world, contact) == "ended lost"


async def test_a_call_of_no_queue_outlives_a_dropped_connection_for_the_grace(world: World) -> None:
    await world.login("ann", "bob")
    await world.call("ann", "bob")
    await world.on_call("bob", "accept")
    await world.drop("ann")
    await world.at(world.now + 60_000)
    await world.run("tick", decode=False)
    assert world.told() == ["call.ended(lost)"]
    assert "timers" not in (await world.freeze()).facets()


# Status and messages


async def test_the_status_of_a_user_is_the_first_that_applies(world: World) -> None:
    async def status(user: str) -> str:
        return str((await world.run("user_status", actor="root", user_id=user))["status"])

    await scene(world)
    await world.login("bob")
    assert [await status(user) for user in ("anna", "kim", "bob")] == ["busy", "busy", "idle"]
    await world.call("anna", "kim")
    assert [await status(user) for user in ("anna", "kim")] == ["in_call", "in_call"]
    await world.drop("kim")
    assert await status("kim") == "offline"


async def test_changes_of_status_are_told_only_while_somebody_watches(world: World) -> None:
    await world.login("bob")
    assert world.told() == []
    known = await world.run("user_watch", actor="root", user_ids=json.dumps(["bob", "nobody"]))
    assert known == [
        {"user_id": "bob", "status": "idle", "dnd": 0},
        {"user_id": "nobody", "status": "offline", "dnd": 0},
    ]
    await world.drop("bob")
    assert world.events == [("user.status", {"user_id": "bob", "status": "offline", "dnd": 0})]
    await world.at(world.now + 60_000)
    await world.login("bob")
    assert world.told() == ["user.status"], "a minute includes its end"
    await world.run("agent_set_dnd", actor="bob", agent_id="bob", dnd=3)
    assert ("user.status", {"user_id": "bob", "status": "idle", "dnd": 3}) in world.events
    await world.at(world.now + 1)
    await world.drop("bob")
    assert "user.status" not in world.told()


async def test_a_customer_sees_and_writes_to_his_party_only(world: World) -> None:
    await scene(world)
    await world.login("bob")
    mine: dict[str, Any] = {"actor": "kim", "customer_only": 1}
    for user in ("anna", "kim"):
        await world.run("user_status", **mine, user_id=user)
        await world.run("message_send", **mine, to=user, data="x")
    with pytest.raises(Failed, match="API_NO_PERMISSION"):
        await world.run("user_status", **mine, user_id="bob")
    await world.run("contact_stop_queuing", actor="kim")
    with pytest.raises(Failed, match="API_NO_PERMISSION"):
        await world.run("message_send", **mine, to="anna", data="x")
    await world.call("bob", "kim")
    await world.run("message_send", **mine, to="bob", data="x")


async def test_a_message_leaves_no_trace_but_the_memory_of_its_request(world: World) -> None:
    await world.login("ann", "bob")
    before = await world.freeze()
    await world.run("message_send", actor="ann", to="bob", data="x" * 65_536)
    assert world.events == []
    assert (await world.freeze()).same_as(before)
