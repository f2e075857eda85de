"""The nasty cases of calls: each a race or a tie between two people, a clock and a supervisor."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from tests.scripts.world import Failed, World

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}


async def scene(world: World, *, capacity: int = 1, **policy: Any) -> str:
    """Let kim be offered to anna; return the contact's id."""
    await world.queue("q", **policy)
    await world.agent("anna", "q", capacity=capacity)
    return await world.customer("kim", "q")


@pytest.mark.parametrize("order", list(permutations(("accept", "call", "stop_queuing"))))
async def test_accept_call_and_stop_queuing_in_every_order(world: World, order: tuple[str, ...]) -> None:
    contact = await scene(world)
    (given,) = await world.assignments("anna")
    left = False
    for step in order:
        if step == "stop_queuing":
            await world.run("contact_stop_queuing", actor="kim")
            left = (await world.contact(contact))["state"] == "ended"
            assert left == ("call" not in order[: order.index(step)]), "only an incoming call keeps him"
        elif step == "accept" and not left:
            await world.run("assignment_accept", actor="anna", assignment_id=given["assignment_id"])
        elif step == "accept":
            with pytest.raises(Failed, match="QUE_USER_CANCELLED"):
                await world.run("assignment_accept", actor="anna", assignment_id=given["assignment_id"])
        else:
            call = await world.call("anna", "kim")
            assert call.get("contact_id") == (None if left else contact), "who has left is called as anybody"
    if not left:
        await world.on_call("kim", "accept")
        assert (await world.contact(contact))["state"] == "serving"


@pytest.mark.parametrize("first", ["hangup", "timeout"])
async def test_a_hang_up_at_the_moment_of_the_timeout(world: World, first: str) -> None:
    contact = await scene(world, ring_timeout=10)
    call = await world.call("anna", "kim")
    await world.at(world.now + 10_000)
    if first == "hangup":
        await world.on_call("anna", "hangup")
        assert await world.run("tick", decode=False) == "0"
        assert (await world.contact(contact))["state"] == "waiting"
    else:
        assert await world.run("tick", decode=False) == "1"
        with pytest.raises(Failed, match="INVALID_CALLID"):
            await world.run("call_hangup", actor="anna", call_id=call["call_id"])
        assert (await world.contact(contact))["reason"] == "no_answer"


@pytest.mark.parametrize("first", ["accept", "timeout"])
async def test_an_answer_at_the_moment_of_the_timeout(world: World, first: str) -> None:
    contact = await scene(world, ring_timeout=10)
    call = await world.call("anna", "kim")
    await world.at(world.now + 10_000)
    if first == "accept":
        await world.on_call("kim", "accept")
        assert await world.run("tick", decode=False) == "0"
        assert (await world.contact(contact))["state"] == "serving"
    else:
        assert await world.run("tick", decode=False) == "1"
        with pytest.raises(Failed, match="INVALID_CALLID"):
            await world.run("call_accept", actor="kim", call_id=call["call_id"])


async def test_ring_timeout_and_grace_fall_due_in_the_same_tick(world: World) -> None:
    contact = await scene(world, ring_timeout=60)
    await world.call("anna", "kim")
    await world.drop("kim")
    await world.at(world.now + 60_000)
    await world.run("tick", decode=False)
    # Both are due at the same time; of those the timers take the first by its name.
    assert [event for event in world.told() if event.startswith("call.")] == ["call.ended(lost)"]
    assert (await world.contact(contact))["reason"] == "lost"


async def test_two_who_call_each_other_are_in_one_call(world: World) -> None:
    await world.login("ann", "bob")
    call = await world.call("ann", "bob")
    with pytest.raises(Failed, match="CALL_EXIST"):
        await world.call("bob", "ann")
    assert (await world.call_of("bob"))["call_id"] == call["call_id"]


async def test_reject_while_it_rings_is_refused_and_hanging_up_is_not(world: World) -> None:
    contact = await scene(world)
    await world.call("anna", "kim")
    with pytest.raises(Failed, match="WRONG_STATE"):
        await world.run("assignment_reject", actor="anna", assignment_id=f"{contact}-1")
    await world.on_call("anna", "hangup")
    again = await world.run("assignment_reject", actor="anna", assignment_id=f"{contact}-1")
    assert again["state"] == "rejected", "it counts as one"


async def test_capacity_two_one_served_without_a_call_one_called(world: World) -> None:
    first = await scene(world, capacity=2, wrap_up=5)
    await world.act("anna", "start", first)
    second = await world.customer("lea", "q")
    third = await world.customer("max", "q")
    call = await world.call("anna", "lea")
    assert call["contact_id"] == second
    await world.act("anna", "complete", first)
    assert (await world.call_of("lea"))["call_id"] == call["call_id"], "the other contact's end is not its"
    assert await world.offered("anna") == "lea"
    await world.on_call("lea", "accept")
    await world.after(5)
    assert (await world.contact(third))["state"] == "waiting", "in a call nobody is given to her"
    await world.on_call("lea", "hangup")
    await world.after(5)
    assert await world.offered("anna") == "max"


async def test_capacity_two_in_a_call_gets_no_second_one_until_it_ends(world: World) -> None:
    contact = await scene(world, capacity=2)
    await world.call("anna", "kim")
    await world.on_call("kim", "accept")
    await world.customer("lea", "q")
    assert await world.offered("anna") is None
    await world.act("anna", "complete", contact)
    assert await world.offered("anna") == "lea"


async def test_an_offered_agent_who_calls_somebody_else_keeps_his_offer(world: World) -> None:
    await scene(world, offer_timeout=30)
    await world.login("bob")
    await world.call("anna", "bob")
    assert await world.offered("anna") == "kim"
    with pytest.raises(Failed, match="CALL_EXIST"):
        await world.call("anna", "kim")
    await world.on_call("bob", "reject")
    assert (await world.call("anna", "kim")).get("contact_id")


async def test_the_offer_of_who_is_in_another_call_is_missed_and_he_is_not_able(world: World) -> None:
    await scene(world, offer_timeout=10, reject_cooldown=1)
    await world.login("bob")
    await world.call("anna", "bob")
    await world.on_call("bob", "accept")
    await world.after(10)
    await world.after(1)
    assert await world.offered("anna") is None
    await world.on_call("anna", "hangup")
    assert await world.offered("anna") == "kim"


async def test_both_hang_up_at_once(world: World) -> None:
    contact = await scene(world)
    call = await world.call("anna", "kim")
    await world.on_call("kim", "accept")
    await world.run("call_hangup", actor="kim", call_id=call["call_id"])
    with pytest.raises(Failed, match="INVALID_CALLID"):
        await world.run("call_hangup", actor="anna", call_id=call["call_id"])
    assert (await world.contact(contact))["reason"] == "completed"


async def test_a_lost_answer_of_a_hang_up_is_given_again_when_the_next_one_rings_already(world: World) -> None:
    await scene(world)
    await world.call("anna", "kim")
    await world.on_call("kim", "accept")
    await world.customer("lea", "q")
    call = await world.call_of("anna")
    hangup: dict[str, Any] = {"actor": "kim", "client": "client-kim", "request_id": 5, "call_id": call["call_id"]}
    first = await world.run("call_hangup", **hangup)
    assert await world.offered("anna") == "lea"
    await world.call("anna", "lea")
    assert await world.run("call_hangup", **hangup) == first
    assert world.events == []
    assert (await world.call_of("lea"))["state"] == "ringing"


async def test_a_removed_customer_can_be_called_and_queue_again_at_once(world: World) -> None:
    contact = await scene(world)
    await world.call("anna", "kim")
    await world.run("contact_stop_queuing", **ROOT, contact_id=contact)
    await world.join("kim", "q")
    assert await world.offered("anna") == "kim"
    assert (await world.call("anna", "kim"))["contact_id"] != contact
