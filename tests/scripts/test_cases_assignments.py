"""Assignments: why they were made, accepting, rejecting, asking for one, how they end."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.model import Assignment
from tests.scripts.world import START_AT, Failed, World

pytestmark = pytest.mark.lanes("embedded", "redis")

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}
MATCH = ["contact.left(in_service)", "assignment.offered", "contact.matched"]


async def scene(world: World, **policy: Any) -> tuple[str, str]:
    """Let a contact be offered to anna; return the contact's and the assignment's id."""
    await world.queue("q", **policy)
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    (given,) = await world.assignments("anna")
    return contact, str(given["assignment_id"])


async def manual(world: World, agent: str, *queues: str) -> None:
    """Log in an agent in manual mode."""
    await world.login(agent)
    await world.run("agent_set_dnd", actor=agent, agent_id=agent, dnd=1)
    await world.serve(agent, *queues)


async def request(world: World, agent: str, queue: str = "", customer: str = "") -> Any:
    return await world.run(
        "agent_request_assignment", actor=agent, agent_id=agent, queue_id=queue, customer_id=customer
    )


async def answer(world: World, verb: str, assignment: str, actor: str = "anna") -> Any:
    return await world.run(f"assignment_{verb}", actor=actor, assignment_id=assignment)


# The offer and its why


async def test_an_offer_as_it_is_told_and_shown(world: World) -> None:
    await world.queue("q", offer_timeout=7, priority=3)
    await world.login("anna", "bert", "cara")
    await world.serve("anna", "q", priority=2)
    await world.serve("bert", "q", priority=4)
    await world.serve("cara", "q", priority=5)
    await world.at(world.now + 250)
    contact = await world.customer("kim", "q")
    (given,) = await world.assignments("anna")
    assert Assignment.model_validate(given) == Assignment.model_validate(
        {
            "assignment_id": f"{contact}-1",
            "state": "offered",
            "agent_id": "anna",
            "contact": await world.contact(contact),
            "deadline_at": START_AT + 7250,
            "why": {
                "rule": "order",
                "queue_priority": 3,
                "agent_priority": 2,
                "waited_ms": 0,
                "idle_ms": 250,
                "others_able": 2,
            },
            "requested": False,
        }
    )
    assert given["contact"]["agent_id"] == "anna"


async def test_the_event_of_an_offer_is_the_assignment(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.login("kim")
    await world.join("kim", "q")
    told = dict(world.events)
    assert [told["assignment.offered"]] == await world.assignments("anna")
    assert told["contact.matched"] == told["assignment.offered"]["contact"]
    assert told["contact.entered"]["position"] is None, "it passes the line by"


async def test_why_for_an_agent_who_becomes_able(world: World) -> None:
    await world.queue("q", priority=1)
    await world.customer("kim", "q")
    await world.at(world.now + 12_345)
    await world.agent("anna", "q", priority=6)
    (given,) = await world.assignments("anna")
    why = {"rule": "order", "queue_priority": 1, "agent_priority": 6, "waited_ms": 12_345, "idle_ms": 0}
    assert given["why"] == {**why, "others_able": 0}


async def test_why_for_an_agent_who_was_idle_and_serves_a_further_queue(world: World) -> None:
    await world.queue("q")
    await world.queue("other")
    await world.agent("anna", "other")
    await world.customer("kim", "q")
    await world.at(world.now + 500)
    await world.serve("anna", "q", priority=1)
    (given,) = await world.assignments("anna")
    assert (given["why"]["idle_ms"], given["why"]["waited_ms"], given["why"]["agent_priority"]) == (500, 500, 1)


async def test_the_time_waited_counts_from_the_join_however_often_it_was_offered(world: World) -> None:
    await scene(world, reject_cooldown=5)
    await world.at(world.now + 2000)
    await world.answer("anna", "reject")
    await world.after(5)
    (given,) = await world.assignments("anna")
    assert (given["why"]["waited_ms"], given["why"]["idle_ms"]) == (7000, 0)
    assert given["assignment_id"].endswith("-2")


# Answers


async def test_accepting_once_and_again(world: World) -> None:
    _, assignment = await scene(world, connect_timeout=9)
    await world.at(world.now + 1000)
    accepted = await answer(world, "accept", assignment)
    assert world.told() == ["assignment.accepted"]
    assert (accepted["state"], accepted["deadline_at"]) == ("accepted", START_AT + 10_000)
    assert world.due_at == START_AT + 10_000
    await world.at(world.now + 1000)
    assert await answer(world, "accept", assignment) == accepted
    assert world.events == []
    assert (await world.show("anna"))["state"] == "offered"


async def test_accepting_what_is_served_already_succeeds(world: World) -> None:
    contact, assignment = await scene(world)
    await world.act("anna", "start", contact)
    given = await answer(world, "accept", assignment)
    assert (given["state"], given["deadline_at"]) == ("serving", None)
    assert world.events == []


@pytest.mark.parametrize("accepted", [False, True])
async def test_rejecting_once_and_again(world: World, accepted: bool) -> None:
    _, assignment = await scene(world)
    if accepted:
        await answer(world, "accept", assignment)
    rejected = await answer(world, "reject", assignment)
    assert world.told() == ["assignment.rejected", "contact.returned(rejected)", "contact.entered", "agent.changed"]
    assert (rejected["state"], rejected["deadline_at"], rejected["assignment_id"]) == ("rejected", None, assignment)
    assert world.events[0][1] == rejected
    changed = world.events[-1][1]
    assert (changed["old_state"], changed["state"], changed["cause"]) == ("offered", "cooling", "rejected")
    assert await answer(world, "reject", assignment) == rejected
    assert world.events == []
    with pytest.raises(Failed, match="ASSIGNMENT_GONE: the assignment is rejected"):
        await answer(world, "accept", assignment)


async def test_a_rejected_one_stays_rejected_when_the_contact_was_offered_to_him_again(world: World) -> None:
    _, first = await scene(world)
    await answer(world, "reject", first)
    await world.after(5)
    (given,) = await world.assignments("anna")
    assert (await answer(world, "reject", first))["state"] == "rejected"
    with pytest.raises(Failed, match="ASSIGNMENT_GONE"):
        await answer(world, "accept", first)
    assert (await world.assignments("anna")) == [given]


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("stop", "QUE_USER_CANCELLED"),
        ("drop", "QUE_USER_CANCELLED"),
        ("remove", "ASSIGNMENT_GONE"),
        ("withdraw", "ASSIGNMENT_GONE"),
        ("miss", "ASSIGNMENT_GONE"),
        ("complete", "ASSIGNMENT_GONE"),
        ("delete", "ASSIGNMENT_GONE"),
    ],
)
async def test_what_an_ended_assignment_answers(world: World, end: str, code: str) -> None:
    contact, assignment = await scene(world)
    if end == "stop":
        await world.run("contact_stop_queuing", actor="kim")
    elif end == "drop":
        await world.drop("kim")
    elif end == "remove":
        await world.run("contact_stop_queuing", **ROOT, contact_id=contact)
    elif end == "withdraw":
        await world.run("agent_stop_service", actor="anna", agent_id="anna", queue_id="q")
    elif end == "miss":
        await world.after(30)
    elif end == "complete":
        await world.act("anna", "start", contact)
        await world.act("anna", "complete", contact)
    else:
        await world.run("queue_delete", **ROOT, queue_id="q", force=1)
    for verb in ("accept", "reject"):
        with pytest.raises(Failed, match=code):
            await answer(world, verb, assignment)


@pytest.mark.parametrize(
    "assignment", ["{contact}-2", "{contact}-0", "{contact}-01", "{contact}", "1763824800000-0009-1"]
)
async def test_an_assignment_that_never_was(world: World, assignment: str) -> None:
    contact, _ = await scene(world)
    for verb in ("accept", "reject"):
        with pytest.raises(Failed, match="ASSIGNMENT_GONE"):
            await answer(world, verb, assignment.format(contact=contact))


async def test_another_ones_assignment_is_none_even_for_a_supervisor(world: World) -> None:
    _, assignment = await scene(world)
    for actor in ("bert", "kim", "root"):
        with pytest.raises(Failed, match="ASSIGNMENT_GONE"):
            await world.run("assignment_accept", actor=actor, supervisor=1, assignment_id=assignment)


# Asking for one


async def test_a_request_by_the_order_rule(world: World) -> None:
    await world.queue("low", priority=20)
    await world.queue("high", priority=10, offer_timeout=4)
    await world.customer("k1", "low")
    await world.at(world.now + 100)
    await world.customer("k2", "high")
    await world.customer("k3", "high")
    await manual(world, "anna", "low", "high")
    given = await request(world, "anna")
    assert world.told() == [*MATCH, "agent.changed"]
    assert world.events[1][1] == given
    assert (given["requested"], given["contact"]["customer_id"], given["state"]) == (True, "k2", "offered")
    why = {"rule": "order", "queue_priority": 10, "agent_priority": 0, "waited_ms": 0, "idle_ms": 0, "others_able": 0}
    assert given["why"] == why
    assert given["deadline_at"] == world.now + 4000
    assert await request(world, "anna") == given, "an unanswered one is returned again"
    assert await request(world, "anna", "low") == given
    assert world.events == []
    await answer(world, "accept", given["assignment_id"])
    with pytest.raises(Failed, match="AGENT_BUSY"):
        await request(world, "anna")


async def test_a_request_for_the_oldest_of_one_queue_or_one_customer(world: World) -> None:
    await world.queue("low", priority=20)
    await world.queue("high", priority=10)
    for customer, queue in (("k1", "high"), ("k2", "low"), ("k3", "low"), ("k4", "low")):
        await world.customer(customer, queue)
    await world.drop("k2")
    await manual(world, "anna", "low", "high")
    await manual(world, "bert", "low")
    given = await request(world, "anna", "low")
    assert (given["contact"]["customer_id"], given["why"]["rule"]) == ("k3", "requested_queue")
    for agent, queue, customer in (
        ("bert", "low", "k2"),
        ("bert", "low", "k1"),
        ("bert", "low", "k3"),
        ("bert", "low", "x"),
    ):
        with pytest.raises(Failed, match="QUE_NOUSER"):
            await request(world, agent, queue, customer)
    for queue, customer in (("high", "k1"), ("high", "")):
        with pytest.raises(Failed, match="QUE_SERVICE_NOT_START"):
            await request(world, "bert", queue, customer)
    given = await request(world, "bert", "low", "k4")
    assert (given["contact"]["customer_id"], given["why"]["rule"]) == ("k4", "requested_customer")


async def test_a_customer_out_of_the_middle_leaves_the_others_in_order(world: World) -> None:
    await world.queue("q")
    for n in range(3):
        await world.customer(f"k{n}", "q")
        await world.at(world.now + 1)
    await manual(world, "anna", "q")
    assert (await request(world, "anna", "q", "k1"))["contact"]["customer_id"] == "k1"
    await world.agent("bert", "q")
    assert await world.offered("bert") == "k0"


async def test_an_able_agent_who_asks_finds_nobody(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    for queue in ("", "q"):
        with pytest.raises(Failed, match="QUE_NOUSER"):
            await request(world, "anna", queue)


@pytest.mark.parametrize("pause", ["wrapping", "cooling"])
async def test_a_request_ends_wrap_up_and_cool_down_and_a_failed_one_does_not(world: World, pause: str) -> None:
    contact, assignment = await scene(world, wrap_up=50, reject_cooldown=50)
    if pause == "wrapping":
        await world.act("anna", "start", contact)
        await world.act("anna", "complete", contact)
        with pytest.raises(Failed, match="QUE_NOUSER"):
            await request(world, "anna")
        await world.customer("lea", "q")
    else:
        await answer(world, "reject", assignment)
    assert (await world.show("anna"))["state"] == pause
    given = await request(world, "anna")
    assert given["contact"]["customer_id"] == ("lea" if pause == "wrapping" else "kim")
    assert world.events[-1][1]["old_state"] == pause
    await world.run("contact_stop_queuing", actor="lea" if pause == "wrapping" else "kim")
    assert (await world.show("anna"))["state"] == "idle", "the pause is over for good"


async def test_asking_with_room_left_and_full(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q", capacity=2)
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=1)
    for n in range(3):
        await world.customer(f"k{n}", "q")
    for _ in range(2):
        given = await request(world, "anna")
        await world.act("anna", "start", given["contact"]["contact_id"])
    with pytest.raises(Failed, match="AGENT_BUSY: he holds as many"):
        await request(world, "anna")


async def test_a_request_finds_nobody_in_a_queue_being_deleted(world: World) -> None:
    await world.queue("q")
    join = {**ROOT, "queue_id": "q", "presence": "none"}
    await world.many("contact_start_queuing", [{**join, "customer_id": f"k{n}"} for n in range(55)])
    await manual(world, "anna", "q")
    assert await world.run("queue_delete", **ROOT, queue_id="q", force=1) is False
    for queue, customer in (("", ""), ("q", ""), ("q", "k54")):
        with pytest.raises(Failed, match="QUE_NOUSER"):
            await request(world, "anna", queue, customer)
