"""Queues: ids and names, policy, counts, lists, deletion."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dispatcher.model import Policy, Queue, QueueStatus
from tests.scripts.world import START_AT, Failed, World

pytestmark = pytest.mark.lanes("embedded", "redis")

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}


async def create(world: World, queue_id: str = "", name: str = "", **policy: Any) -> Any:
    return await world.run("queue_create", **ROOT, queue_id=queue_id, name=name, policy=world.policy(**policy))


async def update(world: World, queue_id: str, name: str = "", **policy: Any) -> Any:
    return await world.run("queue_update", **ROOT, queue_id=queue_id, name=name, policy=json.dumps(policy))


async def delete(world: World, queue_id: str, force: int = 0) -> Any:
    return await world.run("queue_delete", **ROOT, queue_id=queue_id, force=force)


async def status(world: World, queue_id: str) -> dict[str, int]:
    counts: dict[str, Any] = await world.run("queue_status", queue_id=queue_id)
    assert QueueStatus.model_validate(counts).queue_id == queue_id
    return {name: value for name, value in counts.items() if name != "queue_id" and value}


# Creating


async def test_a_new_queue_is_answered_told_and_shown_with_every_default(world: World) -> None:
    queue = await create(world, "q")
    assert Queue.model_validate(queue) == Queue(queue_id="q", name="q", **Policy().model_dump())
    assert world.told() == ["audit", "queue.changed"]
    audit, changed = (data for _, data in world.events)
    assert audit == {"actor_id": "root", "command": "create_queue", "subject": "q"}
    assert changed == queue == await world.run("queue_show", queue_id="q")


async def test_every_member_of_a_policy_is_kept(world: World) -> None:
    policy: dict[str, Any] = {
        "description": "The first line",
        "priority": 0,
        "open": False,
        "max_waiting": 1_000_000_000,
        "max_wait": 86_400,
        "offer_timeout": 1,
        "connect_timeout": 86_400,
        "ring_timeout": 2,
        "reject_cooldown": 3,
        "missed_limit": 0,
        "wrap_up": 4,
        "service_level": 5,
        "join_when_no_agents": False,
    }
    assert policy.keys() == Policy.model_fields.keys()
    await create(world, "q", "Sales", **policy)
    shown = await world.run("queue_show", queue_id="q")
    assert shown == {"queue_id": "q", "name": "Sales", "deleting": False, **policy}


async def test_without_an_id_it_gets_the_next_free_integer(world: World) -> None:
    assert [(await create(world))["queue_id"] for _ in range(2)] == ["1", "2"]
    await create(world, "3")
    await create(world, "sales")
    assert (await create(world))["queue_id"] == "4"
    assert (await create(world))["name"] == "5", "the name is the id where none is given"


async def test_an_integer_that_is_taken_as_a_name_is_passed_over(world: World) -> None:
    await create(world, "x", "1")
    assert (await create(world))["queue_id"] == "2"
    await create(world, "y", "3")
    assert (await create(world, name="Other"))["queue_id"] == "4"


async def test_ids_and_names_are_unique_apart_from_each_other(world: World) -> None:
    await create(world, "a", "Sales")
    with pytest.raises(Failed, match="QUEUE_EXISTS: the id"):
        await create(world, "a", "Other")
    with pytest.raises(Failed, match="QUEUE_EXISTS: the name"):
        await create(world, "b", "Sales")
    await create(world, "Sales", "a")
    await create(world, "b", "sales")


async def test_names_are_freed_by_renaming_and_by_deletion(world: World) -> None:
    await create(world, "a", "Sales")
    await update(world, "a", "Support")
    await create(world, "b", "Sales")
    with pytest.raises(Failed, match="QUEUE_EXISTS"):
        await update(world, "a", "Sales")
    assert await delete(world, "b") is True
    assert (await update(world, "a", "Sales"))["name"] == "Sales"
    assert (await create(world, "b", "Support"))["name"] == "Support"


# Changing


async def test_a_change_leaves_the_other_members_alone(world: World) -> None:
    await create(world, "q", "Sales", priority=3, wrap_up=9)
    changed = await update(world, "q", wrap_up=1, open=0)
    assert world.told() == ["audit", "queue.changed"]
    assert (changed["name"], changed["priority"], changed["wrap_up"], changed["open"]) == ("Sales", 3, 1, False)
    assert changed == await world.run("queue_show", queue_id="q")


async def test_renaming_to_its_own_name_and_changing_nothing_succeed(world: World) -> None:
    await create(world, "q", "Sales")
    assert await update(world, "q", "Sales") == await update(world, "q")


async def test_a_priority_changed_reorders_and_changed_back_again(world: World) -> None:
    for queue in ("a", "b"):
        await world.queue(queue, priority=10)
        await world.customer(f"{queue}1", queue)
        await world.at(world.now + 1)
    await update(world, "b", priority=9)
    await update(world, "a", priority=8)
    await update(world, "a", priority=10)
    await world.agent("anna", "a", "b")
    assert await world.offered("anna") == "b1"


async def test_a_closed_queue_still_serves_who_waits(world: World) -> None:
    await world.queue("q")
    await world.customer("kim", "q")
    await update(world, "q", open=0)
    await world.agent("anna", "q")
    assert await world.offered("anna") == "kim"
    await world.login("lea")
    with pytest.raises(Failed, match="QUEUE_CLOSED"):
        await world.join("lea", "q")
    await update(world, "q", open=1)
    assert (await world.join("lea", "q"))["state"] == "waiting"


async def test_a_policy_time_is_fixed_when_its_timer_is_armed(world: World) -> None:
    await world.queue("q", offer_timeout=10, max_wait=20)
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    await world.customer("lea", "q")
    await update(world, "q", offer_timeout=100, max_wait=100)
    await world.after(10)
    assert (await world.show("anna"))["state"] == "cooling"
    # The one who waited all the time has the old end, the one who came back the new one.
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=1)
    await world.after(10)
    page = await world.run("contact_list", **ROOT, queue_id="q", limit=10)
    assert [contact["customer_id"] for contact in page["items"]] == ["kim"]


# Counting and listing


async def test_the_counts_follow_everything(world: World) -> None:
    await world.queue("q")
    assert await status(world, "q") == {}
    await world.agent("anna", "q", capacity=2)
    await world.agent("bert", "q")
    assert await status(world, "q") == {"agent_num": 2}
    await world.drop("bert")
    first = await world.customer("k1", "q")
    assert await status(world, "q") == {"agent_num": 1, "prepare_num": 1}
    await world.customer("k2", "q")
    await world.act("anna", "start", first)
    await world.customer("k3", "q")
    await world.customer("k4", "q")
    await world.drop("k3")
    await world.at(world.now + 2999)
    counts = {"agent_num": 1, "prepare_num": 1, "srv_num": 1, "wait_num": 2, "longest_wait_s": 2}
    assert await status(world, "q") == counts
    page = await world.run("queue_list", status=1, limit=10)
    assert page["items"][0]["status"] == {"queue_id": "q"} | counts
    assert "status" not in (await world.run("queue_list", status=0, limit=10))["items"][0]


async def test_queues_are_listed_in_pages_in_the_order_of_their_ids(world: World) -> None:
    ids = ["10", "2", "A", "a", "a.b", "b_c", "z-1"]
    for queue in reversed(ids):
        await world.queue(queue)
    listed: list[str] = []
    cursor = ""
    for _ in range(4):
        page = await world.run("queue_list", limit=2, cursor=cursor)
        listed += [queue["queue_id"] for queue in page["items"]]
        cursor = page.get("cursor", "")
    assert listed == ids
    assert cursor == ""


# Deleting


async def test_an_empty_queue_goes_at_once_and_its_agents_with_it(world: World) -> None:
    await world.queue("q")
    await world.queue("other")
    await world.agent("anna", "q", "other", priority=4)
    await world.agent("bert", "q")
    assert await delete(world, "q") is True
    assert world.told() == ["audit", "queue.changed", "agent.service", "agent.service", "queue.deleted"]
    assert world.events[1][1]["deleting"] is True
    assert world.events[2][1] == {"agent_id": "anna", "queue_id": "q", "serving": False}
    assert (await world.show("anna"))["queues"] == [{"queue_id": "other", "priority": 4}]
    assert (await world.show("bert"))["queues"] == []
    with pytest.raises(Failed, match="QUE_ID_INVALID"):
        await world.run("queue_show", queue_id="q")
    await create(world, "q")
    assert await status(world, "q") == {}, "a new one of the same id begins with nothing"


@pytest.mark.parametrize("state", ["waiting", "held", "preparing", "serving"])
async def test_a_queue_with_a_contact_is_not_empty(world: World, state: str) -> None:
    await world.queue("q")
    contact = await world.customer("kim", "q")
    if state == "held":
        await world.drop("kim")
    if state in ("preparing", "serving"):
        await world.agent("anna", "q")
    if state == "serving":
        await world.act("anna", "start", contact)
    with pytest.raises(Failed, match="QUEUE_NOT_EMPTY"):
        await delete(world, "q")
    assert await delete(world, "q", force=1) is (state != "serving")
    shown = await world.contact(contact)
    assert (shown["state"], shown.get("reason")) == (("serving", None) if state == "serving" else ("ended", "removed"))
    if state == "serving":
        await world.act("anna", "complete", contact)
        assert world.due_at == world.now, "now it can go"
        assert await world.run("tick") == 1
        assert world.told() == ["queue.deleted"]


async def test_what_is_told_of_each_contact_of_a_queue_that_is_forced_away(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.customer("offered", "q")
    await world.customer("waits", "q")
    await world.customer("gone", "q")
    await world.drop("gone")
    assert await delete(world, "q", force=1) is True
    assert world.told() == [
        "audit",
        "queue.changed",
        "contact.left(removed)",
        "contact.ended(removed)",
        "contact.left(removed)",
        "contact.ended(removed)",
        "assignment.cancelled(removed)",
        "contact.ended(removed)",
        "agent.service",
        "queue.deleted",
        "agent.changed",
    ]
    assert (await world.show("anna"))["state"] == "idle"


async def test_an_agent_freed_by_a_deletion_gets_the_next_contact_of_another_queue(world: World) -> None:
    await world.queue("q", priority=1)
    await world.queue("other")
    await world.agent("anna", "q", "other")
    await world.customer("kim", "q")
    await world.customer("lea", "other")
    await delete(world, "q", force=1)
    assert await world.offered("anna") == "lea"


async def test_a_queue_being_deleted_takes_nobody(world: World) -> None:
    await world.queue("q")
    await world.queue("other")
    await world.agent("anna", "q")
    served = await world.customer("kim", "q")
    await world.act("anna", "start", served)
    waits = await world.customer("lea", "other")
    assert await delete(world, "q", force=1) is False
    for refused in (
        world.join("mia", "q"),
        world.serve("bert", "q"),
        world.run("contact_transfer", **ROOT, contact_id=waits, queue_id="q"),
        world.run("contact_transfer", actor="anna", contact_id=served, queue_id="q"),
        update(world, "q", open=1),
    ):
        await world.login("mia", "bert")
        with pytest.raises(Failed, match="QUEUE_CLOSED"):
            await refused
    await world.serve("bert", "other")
    assert await world.offered("bert") == "lea"
    await world.act("bert", "start", waits)
    await world.act("bert", "complete", waits)
    with pytest.raises(Failed, match="QUEUE_CLOSED"):
        await world.act("anna", "transfer", served, agent_id="bert")
    assert (await world.act("anna", "transfer", served, queue_id="other"))["agent_id"] == "bert"
    await world.after(0)
    assert await world.run("queue_list", limit=9) == {"items": [await world.run("queue_show", queue_id="other")]}


async def test_deleting_twice_is_one_deletion(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    served = await world.customer("kim", "q")
    await world.act("anna", "start", served)
    assert await delete(world, "q", force=1) is False
    assert await delete(world, "q", force=1) is False
    assert world.told() == ["audit"]
    await world.act("anna", "complete", served)
    await world.after(0)
    with pytest.raises(Failed, match="QUE_ID_INVALID"):
        await delete(world, "q", force=1)


async def test_batches_of_50_first_contacts_then_agents(world: World) -> None:
    await world.queue("q")
    await world.many("session_open", [{"actor": f"a{n}", "session_id": "s", "node_id": "n"} for n in range(60)])
    serve = [{"actor": f"a{n}", "agent_id": f"a{n}", "services": "q 0"} for n in range(60)]
    await world.many("agent_start_service", serve)
    await world.many("agent_set_dnd", [{"actor": f"a{n}", "agent_id": f"a{n}", "dnd": 1} for n in range(60)])
    join = {**ROOT, "queue_id": "q", "presence": "none"}
    await world.many("contact_start_queuing", [{**join, "customer_id": f"k{n}"} for n in range(70)])
    assert await delete(world, "q", force=1) is False
    left = []
    for _ in range(2):
        counts = await status(world, "q")
        left.append((counts.get("wait_num", 0), counts["agent_num"]))
        await world.run("tick")
    assert left == [(20, 60), (0, 30)]
    assert world.told()[-1] == "queue.deleted"


# The highest seen, which the older Web API tells


async def highest(world: World) -> tuple[int, int]:
    (record,) = await world.run("queue_records", queue_ids="q")
    return record["wait_num_max"], record["waited_ms_max"]


async def test_the_most_that_waited_at_once_counts_the_held_and_who_came_back(world: World) -> None:
    await world.queue("q", offer_timeout=5, reject_cooldown=60)
    await world.queue("other")
    assert await highest(world) == (0, 0)
    await world.customer("c1", "q")
    await world.customer("c2", "q")
    await world.run("session_close", actor="c2", session_id=world.sessions["c2"])
    await world.customer("c3", "q")
    assert (await highest(world))[0] == 3
    # The first is offered, one more joins, the first comes back: four now, as never before.
    await world.agent("anna", "q")
    await world.customer("c4", "q")
    assert (await highest(world))[0] == 3
    await world.run("assignment_reject", actor="anna", assignment_id=f"{START_AT}-0000-1")
    assert (await highest(world))[0] == 4
    await world.customer("c5", "other")
    assert (await highest(world))[0] == 4


async def test_the_longest_wait_is_of_the_matched_and_of_who_left(world: World) -> None:
    await world.queue("q")
    contact = await world.customer("c1", "q")
    await world.after(7.5)
    await world.agent("anna", "q")
    assert (await highest(world))[1] == 7500
    await world.run("contact_start", actor="anna", contact_id=contact)
    await world.customer("c2", "q")
    await world.after(9)
    await world.run("contact_stop_queuing", actor="c2")
    assert (await highest(world))[1] == 9000
    await world.customer("c3", "q")
    await world.after(1)
    # Handing on what is served is no wait, however long ago it began.
    await world.run("contact_stop_queuing", actor="c3")
    await world.after(100)
    await world.agent("bert", "q")
    await world.run("contact_transfer", actor="anna", contact_id=contact, agent_id="bert")
    assert (await highest(world))[1] == 9000
