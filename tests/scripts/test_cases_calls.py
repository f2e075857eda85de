"""Calls: what is told to whom, what becomes of the contact, and of who may be given the next one."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.model import Call
from tests.scripts.world import START_AT, Failed, World

pytestmark = pytest.mark.lanes("embedded", "redis")

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}
BACK = ["contact.returned(rejected)", "contact.entered"]
MATCH = ["contact.left(in_service)", "assignment.offered", "contact.matched"]


async def scene(world: World, **policy: Any) -> str:
    """Let kim be offered to anna; return the contact's id."""
    await world.queue("q", **policy)
    await world.agent("anna", "q")
    return await world.customer("kim", "q")


async def ringing(world: World, **policy: Any) -> str:
    """Let anna call kim; return the contact's id."""
    contact = await scene(world, **policy)
    await world.call("anna", "kim")
    return contact


async def answered(world: World, **policy: Any) -> str:
    contact = await ringing(world, **policy)
    await world.on_call("kim", "accept")
    return contact


async def state(world: World, contact: str) -> str:
    shown = await world.contact(contact)
    return f"{shown['state']} {shown.get('reason') or ''}".strip()


async def able(world: World, agent: str = "anna") -> bool:
    return bool(await world.store.client.zscore(world.key("able", "q"), agent))


# As it is told and shown


async def test_a_call_as_it_is_told_and_shown(world: World) -> None:
    await world.login("ann", "bob")
    call = await world.call("ann", "bob", meeting='{"room":[1,null]}', ext="hello")
    assert Call.model_validate(call) == Call.model_validate(
        {
            "call_id": f"{START_AT}-0000",
            "caller_id": "ann",
            "caller_name": "Ann",
            "callee_id": "bob",
            "callee_name": "Bob",
            "state": "ringing",
            "meeting": {"room": [1, None]},
            "ext": "hello",
            "started_at": START_AT,
        }
    )
    assert world.events[0] == ("call.incoming", call)
    assert world.due_at == START_AT + 30_000
    assert await world.call_of("ann") == await world.call_of("bob") == call


async def test_the_answer_brings_its_own_ext_and_meeting_and_the_callers_ext_stays(world: World) -> None:
    await world.login("ann", "bob")
    await world.call("ann", "bob", meeting="1", ext="hello")
    accepted = await world.on_call("bob", "accept", meeting="2", ext="hi")
    assert (accepted["meeting"], accepted["ext"], accepted["state"]) == (2, "hi", "answered")
    assert world.events == [("call.accepted", accepted)]
    shown = await world.call_of("ann")
    assert (shown["meeting"], shown["ext"]) == (2, "hello")
    assert await world.on_call("bob", "accept", meeting="3", ext="again") == accepted | {"ext": "again"}
    assert world.events == [], "repeating it changes nothing"
    ended = await world.on_call("ann", "hangup", ext="bye")
    assert (ended["state"], ended["reason"], ended["ext"]) == ("ended", "hangup", "bye")
    assert await world.call_of("ann") is None
    assert "call" not in (await world.freeze()).facets()


@pytest.mark.parametrize(
    ("verb", "by", "told"),
    [
        ("reject", "bob", ["call.rejected(refused)"]),
        ("hangup", "bob", ["call.rejected(refused)"]),
        ("hangup", "ann", ["call.ended(hangup)"]),
    ],
)
async def test_the_end_of_a_call_between_two_of_no_queue(world: World, verb: str, by: str, told: list[str]) -> None:
    await world.login("ann", "bob")
    await world.call("ann", "bob")
    await world.on_call(by, verb)
    assert world.told() == told


async def test_a_call_that_nobody_answers_is_rejected_to_one_and_ended_to_the_other(world: World) -> None:
    await world.login("ann", "bob")
    await world.call("ann", "bob")
    await world.at(world.now + 29_999)
    assert await world.run("tick", decode=False) == "0"
    await world.at(world.now + 1)
    assert await world.run("tick", decode=False) == "1"
    assert world.told() == ["call.rejected(no_answer)", "call.ended(no_answer)"]
    assert world.events[0][1]["ext"] == ""


async def test_who_is_told_counts_one_frame(world: World) -> None:
    await world.login("ann", "bob")
    before = {user: (await world.run("session_snapshot", actor=user))["offset"] for user in ("ann", "bob")}
    await world.call("ann", "bob")
    await world.on_call("bob", "accept")
    await world.on_call("bob", "hangup")
    counted = {user: (await world.run("session_snapshot", actor=user))["offset"] for user in ("ann", "bob")}
    assert counted == {"ann": before["ann"] + 2, "bob": before["bob"] + 1}


# Implied accept


@pytest.mark.parametrize("accepts_first", [True, False])
async def test_calling_the_customer_is_accepting_him(world: World, accepts_first: bool) -> None:
    contact = await scene(world, ring_timeout=7)
    if accepts_first:
        await world.answer("anna", "accept")
    call = await world.call("anna", "kim")
    accepted = [] if accepts_first else ["assignment.accepted"]
    assert world.told() == [*accepted, "call.incoming", "agent.changed"]
    assert call["contact_id"] == contact
    assert world.due_at == world.now + 7000
    (given,) = await world.assignments("anna")
    assert (given["state"], given["deadline_at"]) == ("accepted", None)
    again = await world.run("assignment_accept", actor="anna", assignment_id=given["assignment_id"])
    assert (again["state"], world.events) == ("accepted", [])


async def test_the_answer_begins_the_service(world: World) -> None:
    contact = await ringing(world)
    await world.on_call("kim", "accept")
    assert world.told() == ["call.accepted", "contact.serving"]
    assert await state(world, contact) == "serving"
    assert (await world.assignments("anna"))[0]["state"] == "serving"
    await world.after(1000)
    assert await state(world, contact) == "serving", "no deadline is left"


async def test_misses_are_forgotten_by_calling(world: World) -> None:
    await scene(world, offer_timeout=1, reject_cooldown=1, missed_limit=2)
    await world.after(1)
    await world.after(1)
    await world.call("anna", "kim")
    await world.on_call("anna", "hangup")
    await world.after(1)
    await world.after(1)
    assert (await world.show("anna"))["dnd"] == 0, "missed, called, missed: not twice in a row"


# Ends, and the contact


async def test_refused(world: World) -> None:
    contact = await ringing(world)
    await world.customer("lea", "q")
    await world.on_call("kim", "reject", ext="no")
    ends = ["call.rejected(refused)", "assignment.cancelled(refused)", "contact.ended(refused)"]
    assert world.told() == [*ends, *MATCH, "agent.changed"]
    assert await state(world, contact) == "ended refused"
    assert await world.offered("anna") == "lea", "no cool-down"


async def test_not_answered(world: World) -> None:
    contact = await ringing(world, ring_timeout=9)
    await world.at(world.now + 9000)
    await world.run("tick", decode=False)
    calls = ["call.rejected(no_answer)", "call.ended(no_answer)"]
    assert world.told() == [*calls, "assignment.cancelled(no_answer)", "contact.ended(no_answer)", "agent.changed"]
    assert await state(world, contact) == "ended no_answer"
    assert await able(world)


async def test_the_agent_hangs_up_while_it_rings(world: World) -> None:
    contact = await ringing(world, reject_cooldown=5)
    await world.agent("bert", "q")
    await world.customer("lea", "q")
    await world.on_call("anna", "hangup")
    assert world.told() == ["call.ended(hangup)", "assignment.rejected", *BACK, "agent.changed"]
    assert (await world.contact(contact))["position"] == 1
    assert (await world.show("anna"))["state"] == "cooling"
    await world.after(5)
    assert await world.offered("anna") == "kim"


@pytest.mark.parametrize("by", ["anna", "kim"])
async def test_a_hang_up_after_the_answer(world: World, by: str) -> None:
    contact = await answered(world, wrap_up=10)
    await world.on_call(by, "hangup")
    ends = ["call.ended(hangup)", "assignment.completed", "contact.ended(completed)"]
    assert world.told() == [*ends, "agent.changed"]
    assert await state(world, contact) == "ended completed"
    assert (await world.show("anna"))["state"] == "wrapping"
    await world.after(10)
    assert await able(world)


async def test_complete_ends_the_call(world: World) -> None:
    contact = await answered(world)
    await world.act("anna", "complete", contact)
    ends = ["call.ended(completed)", "assignment.completed", "contact.ended(completed)"]
    assert world.told() == [*ends, "agent.changed"]
    assert (await world.act("anna", "complete", contact))["state"] == "ended"


async def test_a_removal_ends_the_call_in_either_state(world: World) -> None:
    contact = await ringing(world)
    await world.run("contact_stop_queuing", **ROOT, contact_id=contact)
    ends = ["audit", "call.ended(removed)", "assignment.cancelled(removed)", "contact.ended(removed)"]
    assert world.told() == [*ends, "agent.changed"]
    other = await world.customer("lea", "q")
    await world.call("anna", "lea")
    await world.on_call("lea", "accept")
    await world.run("contact_stop_queuing", **ROOT, contact_id=other)
    assert world.told() == [*ends[:2], "assignment.completed", "contact.ended(removed)", "agent.changed"]


async def test_a_forced_deletion_ends_what_rings_and_lets_what_was_answered_finish(world: World) -> None:
    await answered(world)
    await world.agent("bert", "q")
    other = await world.customer("lea", "q")
    await world.call("bert", "lea")
    assert await world.run("queue_delete", **ROOT, queue_id="q", force=1) is False
    assert "call.ended(removed)" in world.told()
    assert await state(world, other) == "ended removed"
    assert (await world.call_of("kim"))["state"] == "answered"
    await world.on_call("kim", "hangup")
    await world.run("tick", decode=False)
    assert world.told() == ["queue.deleted"]


async def test_a_transfer_to_a_queue_ends_the_call(world: World) -> None:
    await world.queue("other")
    contact = await answered(world)
    await world.act("anna", "transfer", contact, queue_id="other")
    told = ["call.ended(transferred)", "assignment.completed", "contact.returned(transferred)", "contact.entered"]
    assert world.told() == [*told, "agent.changed"]
    assert (await world.contact(contact))["queue_id"] == "other"


async def test_a_transfer_to_an_agent_ends_the_call_and_he_calls_anew(world: World) -> None:
    contact = await answered(world)
    await world.agent("bert", "q")
    await world.act("anna", "transfer", contact, agent_id="bert")
    assert world.told()[:3] == ["call.ended(transferred)", "assignment.completed", "assignment.offered"]
    assert (await world.call("bert", "kim"))["contact_id"] == contact


# What a call forbids


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("contact_start", {"contact_id": "contact"}),
        ("contact_complete", {"contact_id": "contact"}),
        ("contact_transfer", {"contact_id": "contact", "queue_id": "q"}),
        ("assignment_reject", {"assignment_id": "assignment"}),
    ],
)
async def test_while_it_rings_the_call_decides(world: World, script: str, arguments: dict[str, str]) -> None:
    contact = await ringing(world)
    ids = {"contact": contact, "assignment": f"{contact}-1"}
    given: dict[str, Any] = {name: ids.get(value, value) for name, value in arguments.items()}
    with pytest.raises(Failed, match="WRONG_STATE"):
        await world.run(script, actor="anna", **given)


@pytest.mark.parametrize("prepare", [ringing, answered])
async def test_stop_queuing_in_a_call_succeeds_and_changes_nothing(world: World, prepare: Any) -> None:
    contact = await prepare(world)
    before = await world.freeze()
    shown = await world.run("contact_stop_queuing", actor="kim")
    assert (shown["contact_id"], shown["state"]) == (contact, "preparing" if prepare is ringing else "serving")
    assert world.events == []
    assert (await world.freeze()).same_as(before)


async def test_stop_service_leaves_a_ringing_assignment_alone(world: World) -> None:
    contact = await ringing(world)
    await world.run("agent_stop_service", actor="anna", agent_id="anna", queue_id="q")
    assert world.told() == ["agent.service"]
    assert (await world.contact(contact))["state"] == "preparing"
    await world.on_call("anna", "hangup")
    assert (await world.contact(contact))["position"] == 1


async def test_dnd_leaves_a_call_alone(world: World) -> None:
    contact = await ringing(world)
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=1)
    await world.on_call("kim", "accept")
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=0)
    assert not await able(world), "in a call"
    await world.on_call("anna", "hangup")
    assert await state(world, contact) == "ended completed"
    assert await able(world)


async def test_in_a_call_nobody_asks_for_a_contact(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.login("bob")
    await world.call("anna", "bob")
    await world.customer("kim", "q")
    with pytest.raises(Failed, match="AGENT_BUSY"):
        await world.run("agent_request_assignment", actor="anna", agent_id="anna")
    await world.on_call("anna", "hangup")
    assert await world.offered("anna") == "kim", "matched by the end of the call"


async def test_a_call_takes_both_out_of_the_able_ones_and_brings_them_back(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.agent("bert", "q")
    await world.call("anna", "bert")
    changed = [(data["agent_id"], data["state"]) for event, data in world.events if event == "agent.changed"]
    assert sorted(changed) == [("anna", "busy"), ("bert", "busy")]
    assert (await able(world), await able(world, "bert")) == (False, False)
    await world.at(world.now + 5000)
    await world.on_call("bert", "reject")
    assert (await able(world), await able(world, "bert")) == (True, True)
    assert (await world.show("anna"))["since_at"] == world.now, "idle since the end of the call"
