"""Absence: the grace of agents, time in which nobody ticked, pause and resume."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scripts.absence import AGENT_GRACE, CUSTOMER_GRACE, LEASE, renew, state, tick_at, timers
from tests.scripts.world import START_AT, Failed, World

pytestmark = pytest.mark.lanes("embedded", "redis")

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}
MATCH = ["contact.left(in_service)", "assignment.offered", "contact.matched"]


# The grace of agents


async def lost(world: World, agent: str = "anna") -> list[str]:
    """Let an agent's connection drop and her grace end; return what was told."""
    await world.drop(agent)
    await world.at(world.now + AGENT_GRACE)
    await world.run("tick")
    return world.told()


async def test_an_agent_lost_for_good_serves_nothing(world: World) -> None:
    await world.queue("a")
    await world.queue("b")
    await world.agent("anna", "a", "b")
    await world.drop("anna")
    assert world.due_at == START_AT + AGENT_GRACE
    assert await tick_at(world, START_AT + AGENT_GRACE - 1) == []
    assert (await world.show("anna"))["queues"] != []
    assert await tick_at(world, START_AT + AGENT_GRACE) == ["agent.service", "agent.service"]
    assert (await world.show("anna"))["queues"] == []
    assert await timers(world) == {}
    await world.login("anna")
    assert await state(world) == "idle"
    await world.customer("kim", "a")
    assert await world.offered("anna") is None, "he has to start service again"


async def test_an_agent_back_in_time_keeps_everything(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.act("anna", "start", contact)
    await world.drop("anna")
    await world.after(29.999)
    await world.login("anna")
    assert await timers(world) == {}
    await world.after(3600)
    assert (await world.contact(contact))["state"] == "serving"
    assert (await world.show("anna"))["queues"] == [{"queue_id": "q", "priority": 0}]


@pytest.mark.parametrize("accepted", [False, True])
async def test_an_offer_of_a_lost_agent_is_withdrawn_and_given_to_another(world: World, accepted: bool) -> None:
    await world.queue("q", offer_timeout=100, connect_timeout=100)
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    if accepted:
        await world.answer("anna", "accept")
    await world.agent("bert", "q", priority=1)
    assert await lost(world) == [
        "agent.service",
        "assignment.cancelled(withdrawn)",
        "contact.returned(withdrawn)",
        "contact.entered",
        *MATCH,
        "agent.changed",
    ]
    assert (await world.contact(contact))["agent_id"] == "bert"


async def test_what_a_lost_agent_serves_ends_and_he_does_not_wrap_up(world: World) -> None:
    await world.queue("q", wrap_up=60)
    await world.agent("anna", "q", capacity=3)
    contacts = []
    for customer in ("k1", "k2"):
        contacts.append(await world.customer(customer, "q"))
        await world.act("anna", "start", contacts[-1])
    told = await lost(world)
    assert told == [
        "agent.service",
        *["assignment.completed", "contact.ended(agent_lost)"] * 2,
    ]
    assert [(await world.contact(id))["reason"] for id in contacts] == ["agent_lost"] * 2
    assert await timers(world) == {}
    assert (await world.show("anna"))["load"] == 0


async def test_with_both_gone_the_first_grace_to_end_decides(world: World) -> None:
    await world.queue("q", wrap_up=5)
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.act("anna", "start", contact)
    await world.drop("kim")
    await world.after(40)
    await world.drop("anna")
    await world.after(20)
    assert (await world.contact(contact))["reason"] == "lost"
    await world.after(10)
    assert (await world.show("anna"))["queues"] == []


async def test_a_grace_with_nothing_left_to_end_has_no_timer(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.act("anna", "start", contact)
    await world.drop("anna")
    await world.run("agent_stop_service", **ROOT, agent_id="anna", queue_id="q")
    assert "grace:anna" in await timers(world), "she serves somebody still"
    await world.run("contact_complete", **ROOT, contact_id=contact)
    assert await timers(world) == {}
    await world.login("idle")
    await world.drop("idle")
    assert await timers(world) == {}, "no agent at all"


async def test_many_contacts_of_a_lost_agent_end_in_batches(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q", capacity=100)
    for n in range(60):
        contact = await world.join(f"k{n}", "q", presence="none")
        await world.act("anna", "start", contact["contact_id"])
    await world.drop("anna")
    await world.at(world.now + AGENT_GRACE)
    await world.run("tick")
    assert world.due_at == world.now
    assert (await world.show("anna"))["load"] == 13
    await world.run("tick")
    assert world.due_at is None
    assert (await world.show("anna"))["load"] == 0


# Gaps: nobody ticked for a while


async def test_what_fell_due_while_nobody_ticked_gets_its_time_once_more(world: World) -> None:
    await world.queue("q", offer_timeout=20, connect_timeout=40)
    await world.login("waits", node="n")
    await world.agent("anna", "q")
    await world.agent("bert", "q")
    await world.agent("cleo", "q")
    offered = await world.customer("k1", "q")
    accepted = await world.customer("k2", "q")
    await world.answer("bert", "accept")
    await world.run("agent_set_dnd", actor="cleo", agent_id="cleo", dnd=1)
    held = await world.customer("k3", "q")
    await world.drop("k3")
    await world.drop("cleo")
    back = START_AT + 120_000
    assert await tick_at(world, back) == []
    assert await timers(world) == {
        "lease:n": back + LEASE,
        "grace:cleo": back + AGENT_GRACE,
        "grace:k3": back + CUSTOMER_GRACE,
        f"assignment:{offered}": back + 20_000,
        f"assignment:{accepted}": back + 40_000,
    }
    assert (await world.assignments("anna"))[0]["deadline_at"] == back + 20_000
    assert await renew(world) == 1
    assert await tick_at(world, back + 20_000) == [
        "assignment.cancelled(missed)", "contact.returned(missed)", "contact.entered", "agent.changed",
    ]  # fmt: skip
    await world.run("node_renew", node_id="n")
    await world.at(back + 30_000)
    await world.run("tick")
    assert (await world.show("cleo"))["queues"] == []
    await world.run("node_renew", node_id="n")
    assert (await world.contact(held))["state"] == "held"


async def test_what_rang_while_nobody_ticked_rings_once_more(world: World) -> None:
    """Nobody could have answered, and a customer must not lose his place by that."""
    await world.queue("q", ring_timeout=20)
    await world.agent("anna", "q")
    await world.login("bert", "cleo")
    contact = await world.customer("kim", "q")
    assigned = (await world.call("anna", "kim"))["call_id"]
    other = (await world.call("bert", "cleo"))["call_id"]
    back = START_AT + 120_000
    assert await tick_at(world, back) == []
    assert await timers(world) == {f"ring:{assigned}": back + 20_000, f"ring:{other}": back + 30_000}
    assert await tick_at(world, back + 19_999) == []
    told = await tick_at(world, back + 20_000)
    assert told[:2] == ["call.rejected(no_answer)", "call.ended(no_answer)"]
    assert (await world.contact(contact))["reason"] == "no_answer"
    assert await tick_at(world, back + 30_000) == ["call.rejected(no_answer)", "call.ended(no_answer)"]


async def test_a_gap_of_five_seconds_is_none(world: World) -> None:
    await world.queue("q", offer_timeout=10)
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    assert "assignment.cancelled(missed)" in await tick_at(world, START_AT + 15_000)
    assert await world.offered("anna") is None
    await world.at(START_AT + 20_000)
    await world.run("tick")
    assert await world.offered("anna") == "kim"
    deadline = START_AT + 30_000
    assert await tick_at(world, deadline + 5_001) == []
    assert "assignment.cancelled(missed)" in await tick_at(world, deadline + 5_001 + 10_000)


async def test_the_end_of_waits_and_rests_is_not_put_off(world: World) -> None:
    await world.queue("q", max_wait=10, wrap_up=10)
    await world.queue("other")
    await world.agent("anna", "other")
    await world.customer("kim", "q")
    contact = await world.customer("lea", "other")
    await world.act("anna", "start", contact)
    await world.run("contact_transfer", **ROOT, contact_id=contact, queue_id="q")
    await world.at(START_AT + 100_000)
    await world.run("tick")
    assert [told for told in world.told() if told.startswith("contact.ended")] == ["contact.ended(timed_out)"] * 2


async def test_a_gap_is_known_to_all_the_ticks_that_go_on_with_it(world: World) -> None:
    await world.queue("q")
    customers = [f"k{n:02}" for n in range(40)]
    for customer in customers:
        await world.join(customer, "q")
        await world.at(world.now + 10)
    back = START_AT + 300_000
    await world.at(back)
    for _ in range(3):
        await world.run("tick")
        await world.at(world.now + 50)
        assert world.events == []
    assert {at // 1000 for at in (await timers(world)).values()} == {(back + CUSTOMER_GRACE) // 1000}


async def test_a_tick_that_is_behind_with_its_work_is_no_gap(world: World) -> None:
    await world.queue("q")
    for n in range(20):
        await world.join(f"k{n:02}", "q")
    await world.at(START_AT + 60_000)
    assert await world.run("tick") == 16
    assert len(world.events) == 32
    await world.at(START_AT + 65_000)
    assert await world.run("tick") == 4
    assert len(world.events) == 8, "somebody ticked five seconds ago"


async def test_a_wait_that_ended_while_it_stood_still_is_no_gap(world: World) -> None:
    """A contact comes back held, long past its `max_wait`: it falls due now, and has not been due all the time."""
    await world.queue("q", max_wait=10)
    await world.queue("other", offer_timeout=20)
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.answer("anna", "accept")
    await world.after(15)
    await world.agent("ben", "other")
    await world.customer("lea", "other")
    await world.after(19.999)
    await world.drop("kim")
    told = await tick_at(world, START_AT + 35_002)
    assert "assignment.cancelled(missed)" in told, "ben's offer ended, and somebody ticked a moment ago"
    assert (await world.contact(contact))["reason"] == "timed_out"


async def test_each_gap_is_a_gap_of_its_own(world: World) -> None:
    await world.queue("q")
    await world.join("kim", "q")
    first, second = START_AT + 100_000, START_AT + 200_000
    assert await tick_at(world, first) == []
    assert await tick_at(world, second) == []
    assert await tick_at(world, second + CUSTOMER_GRACE) == ["contact.left(lost)", "contact.ended(lost)"]


# Pause and resume


async def test_a_paused_tenant_is_unavailable_and_nothing_fires(world: World) -> None:
    await world.queue("q", offer_timeout=10)
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    assert await world.run("tenant_pause") is True
    assert await world.run("tenant_pause") is False
    for script, arguments in (
        ("contact_show", {**ROOT, "contact_id": contact}),
        ("queue_list", {"limit": 10}),
        ("contact_start_queuing", {"actor": "lea", "customer_id": "lea", "queue_id": "q"}),
        ("contact_stop_queuing", {"actor": "kim"}),
        ("session_open", {"actor": "lea", "session_id": "s"}),
        ("session_snapshot", {"actor": "lea"}),
        ("tenant_login", {"secret_hash": "x", "address": "a", "tries_max": 9}),
    ):
        with pytest.raises(Failed, match="UNAVAILABLE"):
            await world.run(script, **arguments)
    assert await tick_at(world, START_AT + 11_000) == []
    assert world.due_at == START_AT + 12_000, "nobody tells the nodes when it goes on"
    assert await world.run("tenant_resume") is True
    assert await world.run("tenant_resume") is False
    assert world.due_at is None
    assert await tick_at(world, START_AT + 11_000) == []
    assert (await timers(world))[f"assignment:{contact}"] == START_AT + 21_000, "its time once more"
    assert "assignment.cancelled(missed)" in await tick_at(world, START_AT + 21_000)


async def test_while_paused_leases_are_renewed_and_do_not_end(world: World) -> None:
    await world.login("kim", "lea", node="n")
    await world.login("mia", node="dead")
    await world.run("tenant_pause")
    await world.at(START_AT + 9_000)
    assert await renew(world) == 2
    await tick_at(world, START_AT + 60_000)
    assert await renew(world) == 2
    await world.run("tenant_resume")
    await tick_at(world, START_AT + 60_000)
    assert await timers(world) == {"lease:n": START_AT + 70_000, "lease:dead": START_AT + 70_000}


async def test_while_paused_disconnects_are_carried_out_without_matching(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    offered = await world.customer("k1", "q")
    waits = await world.customer("k2", "q")
    held = await world.customer("k3", "q")
    await world.run("tenant_pause")
    await world.drop("k3")
    assert world.told() == ["contact.held"]
    await world.drop("k1")
    assert world.told() == [
        "assignment.cancelled(customer_left)", "contact.held(customer_left)", "contact.entered", "agent.changed",
    ]  # fmt: skip
    await world.at(world.now + 100_000)
    await world.run("tenant_resume")
    assert [(await world.contact(id))["state"] for id in (offered, waits, held)] == ["held", "waiting", "held"]
    await world.run("tick")
    assert world.told() == [*MATCH, "agent.changed"]
    assert await world.offered("anna") == "k2"
    await world.at(world.now + CUSTOMER_GRACE - 1)
    assert (await world.contact(offered))["state"] == "held", "the grace began anew"


async def test_everybody_who_became_free_while_paused_is_matched_afterwards(world: World) -> None:
    await world.queue("q")
    for n in range(20):
        await world.agent(f"a{n:02}", "q")
        await world.customer(f"c{n:02}", "q")
    for n in range(30):
        await world.customer(f"w{n:02}", "q")
    await world.run("tenant_pause")
    for n in range(20):
        await world.drop(f"c{n:02}")
    await world.at(world.now + 1_000)
    await world.run("tenant_resume")
    assert world.due_at == world.now
    await world.run("tick")
    assert world.due_at <= world.now
    await world.run("tick")
    assert {await world.offered(f"a{n:02}") for n in range(20)} == {f"w{n:02}" for n in range(20)}
