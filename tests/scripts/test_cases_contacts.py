"""Contacts: joining, position and time, leaving, serving, completing, lists."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.model import Contact
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


async def page(world: World, queue: str, limit: int = 50, cursor: str = "") -> Any:
    return await world.run("contact_list", **ROOT, queue_id=queue, limit=limit, cursor=cursor)


# Joining


async def test_a_new_contact_as_it_is_answered_told_and_shown(world: World) -> None:
    await world.queue("q")
    await world.login("kim")
    contact = await world.join("kim", "q", ext="order 17")
    assert Contact.model_validate(contact) == Contact.model_validate(
        {
            "contact_id": f"{START_AT}-0000",
            "customer_id": "kim",
            "name": "Kim",
            "queue_id": "q",
            "state": "waiting",
            "position": 1,
            "queued_at": START_AT,
            "queuing_time_s": 0,
            "ext": "order 17",
        }
    )
    assert world.events == [("contact.entered", contact)]
    assert await world.run("contact_show", actor="kim") == contact
    assert await world.contact(contact["contact_id"]) == contact


async def test_joining_where_an_agent_is_able_is_answered_with_the_match(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.login("kim")
    contact = await world.join("kim", "q")
    assert (contact["state"], contact["agent_id"], contact["position"]) == ("preparing", "anna", None)
    assert world.told() == ["contact.entered", *MATCH, "agent.changed"]


async def test_asking_again_for_the_same_queue_returns_the_same_contact_in_every_state(world: World) -> None:
    await world.queue("q", max_waiting=1)
    contact = await world.customer("kim", "q")
    await world.at(world.now + 1500)
    again = await world.join("kim", "q", ext="other")
    assert (again["contact_id"], again["ext"], again["queuing_time_s"]) == (contact, "", 1)
    await world.agent("anna", "q")
    assert (await world.join("kim", "q"))["state"] == "preparing"
    await world.act("anna", "start", contact)
    assert (await world.join("kim", "q"))["state"] == "serving"
    assert world.events == []
    await world.act("anna", "complete", contact)
    assert (await world.join("kim", "q"))["contact_id"] != contact


async def test_joining_for_somebody_else_is_audited_and_he_keeps_his_name(world: World) -> None:
    await world.queue("q")
    await world.login("kim")
    join = {**ROOT, "queue_id": "q", "presence": "none"}
    given = await world.run("contact_start_queuing", **join, customer_id="kim", name="The Caller")
    assert world.told() == ["audit", "contact.entered"]
    audit = {"actor_id": "root", "command": "start_queuing", "subject": "kim", "contact_id": given["contact_id"]}
    assert world.events[0][1] == audit
    assert given["name"] == "The Caller"
    assert (await world.run("session_snapshot", actor="kim"))["user"]["name"] == "Kim"
    unknown = await world.run("contact_start_queuing", **join, customer_id="+49 30 1234", name="Lea")
    assert (unknown["name"], unknown["state"]) == ("Lea", "waiting")
    assert (await world.run("session_snapshot", actor="+49 30 1234"))["user"]["name"] == "Lea"


async def test_who_joins_without_a_session_is_held_for_the_grace(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    held = await world.join("kim", "q")
    assert (held["state"], held["position"]) == ("held", 1)
    assert world.told() == ["contact.entered"]
    assert world.due_at == world.now + 60_000
    await world.after(40)
    await world.join("kim", "q")
    await world.after(19.999)
    assert (await world.contact(held["contact_id"]))["state"] == "held", "asking again did not restart the grace"
    await world.after(0.001)
    assert (await world.contact(held["contact_id"]))["reason"] == "lost"


async def test_a_presence_of_none_is_never_held(world: World) -> None:
    await world.queue("q")
    contact = (await world.join("kim", "q", presence="none"))["contact_id"]
    assert world.due_at is None
    await world.login("kim")
    await world.drop("kim")
    assert world.events == []
    await world.after(3600)
    assert (await world.contact(contact))["state"] == "waiting"
    await world.agent("anna", "q")
    await world.login("kim")
    await world.drop("kim")
    assert await world.offered("anna") == "kim"
    await world.answer("anna", "reject")
    assert (await world.contact(contact))["state"] == "waiting"


async def test_max_waiting_counts_the_held_ones_and_not_those_in_hand(world: World) -> None:
    await world.queue("q", max_waiting=2)
    await world.agent("anna", "q")
    await world.customer("k0", "q")
    await world.customer("k1", "q")
    await world.drop("k1")
    await world.customer("k2", "q")
    await world.login("k3")
    with pytest.raises(Failed, match="QUEUE_FULL"):
        await world.join("k3", "q")
    await world.run("contact_stop_queuing", actor="k1")
    assert (await world.join("k3", "q"))["position"] == 2


async def test_no_agents_means_no_connected_agent_whatever_he_does(world: World) -> None:
    await world.queue("q", join_when_no_agents=False)
    await world.agent("anna", "q")
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=1)
    await world.login("kim", "lea")
    assert (await world.join("kim", "q"))["state"] == "waiting"
    await world.drop("anna")
    with pytest.raises(Failed, match="NO_AGENTS"):
        await world.join("lea", "q")
    assert (await world.join("kim", "q"))["state"] == "waiting", "who is in already stays in"
    await world.login("anna")
    assert (await world.join("lea", "q"))["state"] == "waiting"


# Position and time


async def test_the_position_counts_waiting_and_held_ones_by_age_and_by_id_within_a_millisecond(world: World) -> None:
    await world.queue("q")
    ids = []
    for n in range(7):
        ids.append(await world.customer(f"k{n}", "q"))
        if n == 4:
            await world.at(world.now + 1)
    for n in (1, 3, 4, 6):
        await world.drop(f"k{n}")
    assert [(await world.contact(id))["position"] for id in ids] == [1, 2, 3, 4, 5, 6, 7]
    assert [item["contact_id"] for item in (await page(world, "q"))["items"]] == ids
    await world.run("contact_stop_queuing", actor="k1")
    await world.run("contact_stop_queuing", actor="k2")
    assert [(await world.contact(ids[n]))["position"] for n in (0, 3, 4, 5, 6)] == [1, 2, 3, 4, 5]
    await world.login("k3")
    assert world.events[0][1]["position"] == 2


async def test_lines_are_listed_in_pages_with_their_positions(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=1)
    ids = [await world.customer(f"k{n}", "q") for n in range(5)]
    for n in (0, 3):
        await world.drop(f"k{n}")
    listed, cursor = [], ""
    for _ in range(3):
        part = await world.run("contact_list", actor="anna", queue_id="q", limit=2, cursor=cursor)
        listed += [(item["contact_id"], item["position"], item["state"]) for item in part["items"]]
        cursor = part.get("cursor", "")
    states = ["held", "waiting", "waiting", "held", "waiting"]
    assert listed == [(id, n + 1, states[n]) for n, id in enumerate(ids)]
    assert cursor == ""
    # A cursor stays good when its contact has left.
    await world.run("contact_stop_queuing", actor="k1")
    rest = await page(world, "q", cursor=ids[1])
    assert [(item["contact_id"], item["position"]) for item in rest["items"]] == [(ids[2], 2), (ids[3], 3), (ids[4], 4)]


async def test_positions_of_many_agree_with_each_one_s_own(world: World) -> None:
    await world.queue("q")
    await world.queue("other")
    contacts = [await world.customer(f"c{n}", "q") for n in range(8)]
    elsewhere = await world.customer("kim", "other")
    for n in (0, 3, 4):
        await world.drop(f"c{n}")
    await world.after(2)
    asked = [*reversed(contacts), elsewhere, "none", f"{START_AT}-9999"]
    found = await world.run("queue_positions", queue_id="q", contact_ids=" ".join(asked))
    own = [(await world.run("contact_show", **ROOT, contact_id=contact))["position"] for contact in reversed(contacts)]
    assert own == [8, 7, 6, 5, 4, 3, 2, 1]
    assert found == {"at": world.now, "positions": [*own, None, None, None]}
    assert (await world.run("queue_positions", queue_id="none", contact_ids=contacts[0]))["positions"] == [None]
    assert (await world.run("queue_positions", queue_id="q"))["positions"] == []
    assert len((await world.run("queue_positions", queue_id="q", contact_ids="x " * 101))["positions"]) == 100


async def test_the_queuing_time_runs_until_the_last_match(world: World) -> None:
    await world.queue("q")
    contact = await world.customer("kim", "q")
    await world.at(world.now + 1999)
    assert (await world.contact(contact))["queuing_time_s"] == 1
    await world.agent("anna", "q")
    await world.at(world.now + 5000)
    assert (await world.contact(contact))["queuing_time_s"] == 1, "it stands still from the match"
    await world.answer("anna", "reject")
    assert (await world.contact(contact))["queuing_time_s"] == 6, "and counts on from the beginning"
    await world.after(5)
    await world.act("anna", "start", contact)
    await world.at(world.now + 9000)
    ended = await world.act("anna", "complete", contact)
    await world.at(world.now + 9000)
    assert ended["queuing_time_s"] == (await world.contact(contact))["queuing_time_s"] == 11


# Leaving


@pytest.mark.parametrize(
    ("state", "events", "reason"),
    [
        ("waiting", ["contact.left(abandoned)", "contact.ended(abandoned)"], "abandoned"),
        ("held", ["contact.left(abandoned)", "contact.ended(abandoned)"], "abandoned"),
        (
            "preparing",
            ["assignment.cancelled(customer_left)", "contact.ended(abandoned)", "agent.changed"],
            "abandoned",
        ),
        ("serving", ["assignment.completed", "contact.ended(completed)", "agent.changed"], "completed"),
    ],
)
@pytest.mark.parametrize("who", ["customer", "supervisor"])
async def test_leaving_and_removal(world: World, state: str, events: list[str], reason: str, who: str) -> None:
    await world.queue("q")
    contact = await world.customer("kim", "q")
    if state == "held":
        await world.drop("kim")
    if state in ("preparing", "serving"):
        await world.agent("anna", "q")
    if state == "serving":
        await world.act("anna", "start", contact)
    if who == "supervisor":
        reason = "removed"
        events = ["audit", *[event.split("(")[0] + "(removed)" if "(" in event else event for event in events]]
    actor = ROOT if who == "supervisor" else {"actor": "kim"}
    ended = await world.run("contact_stop_queuing", **actor, contact_id=contact)
    assert world.told() == events
    assert (ended["state"], ended["reason"], ended["position"]) == ("ended", reason, None)
    if state in ("preparing", "serving"):
        assert (await world.show("anna"))["state"] == "idle"
    again = await world.run("contact_stop_queuing", **actor, contact_id=contact)
    assert again == ended, "once more changes nothing"
    assert world.events == []
    with pytest.raises(Failed, match="CONTACT_NOT_FOUND"):
        await world.run("contact_stop_queuing", actor="kim")


async def test_an_agent_whose_customer_leaves_gets_the_next_in_the_same_step(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    await world.customer("lea", "q")
    await world.run("contact_stop_queuing", actor="kim")
    assert world.told() == ["assignment.cancelled(customer_left)", "contact.ended(abandoned)", *MATCH]
    assert await world.offered("anna") == "lea"


# Serving and completing


async def test_start_implies_accept_and_both_may_be_repeated(world: World) -> None:
    await world.queue("q", wrap_up=10)
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    started = await world.act("anna", "start", contact)
    assert world.told() == ["assignment.accepted", "contact.serving", "agent.changed"]
    assert (started["state"], started["agent_id"], started["position"]) == ("serving", "anna", None)
    assert await world.act("anna", "start", contact) == started
    assert world.events == []
    completed = await world.act("anna", "complete", contact)
    assert world.told() == ["assignment.completed", "contact.ended(completed)", "agent.changed"]
    assert (completed["state"], completed["reason"], completed["agent_id"]) == ("ended", "completed", "anna")
    assert await world.act("anna", "complete", contact) == completed
    assert world.events == []
    assert (await world.show("anna"))["state"] == "wrapping"


async def test_a_supervisor_starts_and_completes_for_an_agent(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.run("contact_start", **ROOT, contact_id=contact)
    assert world.told() == ["audit", "assignment.accepted", "contact.serving", "agent.changed"]
    assert world.events[0][1] == {"actor_id": "root", "command": "start", "subject": "anna", "contact_id": contact}
    await world.run("contact_complete", **ROOT, contact_id=contact)
    assert world.told() == ["audit", "assignment.completed", "contact.ended(completed)", "agent.changed"]


async def test_a_contact_that_waits_is_nobodys_to_start(world: World) -> None:
    await world.queue("q")
    contact = await world.customer("kim", "q")
    await world.login("anna")
    for script in ("contact_start", "contact_complete", "contact_transfer"):
        with pytest.raises(Failed, match="API_NO_PERMISSION"):
            await world.run(script, actor="anna", contact_id=contact)
    for script in ("contact_start", "contact_complete"):
        with pytest.raises(Failed, match="WRONG_STATE"):
            await world.run(script, **ROOT, contact_id=contact)


async def test_who_may_see_a_contact(world: World) -> None:
    contact = await served(world)
    for actor in ({"actor": "kim"}, {"actor": "anna"}, ROOT):
        assert (await world.run("contact_show", **actor, contact_id=contact))["contact_id"] == contact
    for actor, id in (({"actor": "lea"}, contact), (ROOT, "1763824800000-9999"), ({"actor": "lea"}, "")):
        with pytest.raises(Failed, match="CONTACT_NOT_FOUND"):
            await world.run("contact_show", **actor, contact_id=id)


@pytest.mark.parametrize(
    ("script", "by", "reason"),
    [
        ("contact_complete", {"actor": "anna"}, "completed"),
        ("contact_stop_queuing", {"actor": "kim"}, "completed"),
        ("contact_stop_queuing", {"actor": "root", "supervisor": 1}, "removed"),
    ],
)
async def test_a_completed_assignment_tells_what_became_of_its_contact(
    world: World, script: str, by: dict[str, Any], reason: str
) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.run("contact_start", actor="anna", contact_id=contact)
    await world.run(script, contact_id=contact, **by)
    (told,) = [data for event, data in world.events if event == "assignment.completed"]
    assert (told["contact"]["state"], told["contact"]["reason"]) == ("ended", reason)
    assert "reason" not in told


async def test_a_transferred_contact_is_still_served_when_its_assignment_is_told(world: World) -> None:
    await world.queue("q")
    await world.queue("other")
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.run("contact_start", actor="anna", contact_id=contact)
    await world.run("contact_transfer", actor="anna", contact_id=contact, queue_id="other")
    (told,) = [data for event, data in world.events if event == "assignment.completed"]
    assert (told["contact"]["state"], told["contact"].get("reason")) == ("serving", None)
