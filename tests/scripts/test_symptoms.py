"""What once went wrong, each by its symptom."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scripts.world import World

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}


async def crowd(world: World, queue: str, number: int) -> None:
    """Let many wait in a queue, more than one batch of a deletion takes."""
    join = {**ROOT, "queue_id": queue, "presence": "none"}
    await world.many("contact_start_queuing", [{**join, "customer_id": f"{queue}-{n}"} for n in range(number)])


async def test_a_held_customer_who_returned_into_a_queue_being_deleted_was_matched(world: World) -> None:
    await world.queue("q", priority=1)
    await world.queue("other")
    contact = await world.customer("kim", "q")
    await world.drop("kim")
    await crowd(world, "q", 60)
    await world.agent("anna", "other")
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=1)
    await world.login("bert")
    await world.run("agent_set_dnd", actor="bert", agent_id="bert", dnd=1)
    await world.serve("bert", "q", "other")
    assert await world.run("queue_delete", **ROOT, queue_id="q", force=1) is False
    await world.login("kim")
    await world.run("agent_set_dnd", actor="bert", agent_id="bert", dnd=0)
    assert await world.offered("bert") is None
    await world.after(0)
    assert (await world.contact(contact))["reason"] == "removed"
    await world.queue("q")


async def test_the_timer_of_a_deletion_deleted_the_next_queue_of_the_same_id(world: World) -> None:
    await world.queue("q")
    await crowd(world, "q", 60)
    assert await world.run("queue_delete", **ROOT, queue_id="q", force=1) is False
    assert await world.run("queue_delete", **ROOT, queue_id="q", force=1) is True
    await world.queue("q")
    await world.after(0)
    assert (await world.run("queue_show", queue_id="q"))["deleting"] is False


@pytest.mark.parametrize("queue_id", ["inf", "nan", "-5", "2.5", "0x10", "1e3", "007", "99999999999999999999"])
async def test_an_id_that_is_no_integer_was_counted_from(world: World, queue_id: str) -> None:
    await world.queue(queue_id)
    for number in ("1", "2"):
        created = await world.run("queue_create", **ROOT, policy=world.policy())
        assert created["queue_id"] == number


@pytest.mark.parametrize("pause", ["wrap", "cool"])
async def test_a_late_timer_made_a_user_who_had_expired_anew_and_for_ever(world: World, pause: str) -> None:
    await world.queue("q", wrap_up=86_400, reject_cooldown=86_400)
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    if pause == "wrap":
        await world.act("anna", "start", contact)
        await world.act("anna", "complete", contact)
    else:
        await world.answer("anna", "reject")
    await world.run("agent_stop_service", actor="anna", agent_id="anna", queue_id="q")
    await world.drop("anna")
    await world.store.client.delete(world.key("user", "anna"))
    world.forget()
    await world.after(86_401)
    assert world.key("user", "anna") not in (await world.freeze()).contents


async def test_a_failing_change_of_a_queue_left_its_new_name(world: World) -> None:
    await world.queue("q")
    before = await world.freeze()
    with pytest.raises(Exception, match="Expect"):
        await world.run("queue_update", **ROOT, queue_id="q", name="new", policy="{")
    assert (await world.freeze()).same_as(before)


async def test_one_tick_carried_out_a_batch_for_each_of_many_deletions(world: World) -> None:
    for n in range(16):
        await world.queue(f"q{n}", quick=True)
        await crowd(world, f"q{n}", 101)
        await world.run("queue_delete", check=False, **ROOT, queue_id=f"q{n}", force=1)
    while int(await world.run("tick", check=False)):
        assert world.calls <= world.bound("tick")
    assert await world.run("queue_list", limit=9) == {"items": []}


async def test_agents_are_listed_by_id_and_those_of_a_queue_the_connected_ones_last(world: World) -> None:
    await world.queue("q")
    await world.queue("other")
    for agent, queue in (("d", "q"), ("b", "q"), ("c", "other"), ("a", "q"), ("e", "q")):
        await world.agent(agent, queue)
    await world.drop("b")
    await world.login("nobody")

    async def listed(limit: int, **arguments: Any) -> list[str]:
        ids: list[str] = []
        cursor = ""
        while True:
            page = await world.run("agent_list", limit=limit, cursor=cursor, **arguments)
            ids += [item["agent_id"] for item in page["items"]]
            cursor = page.get("cursor", "")
            if not cursor:
                break
        return ids

    assert await listed(2, **ROOT) == ["a", "b", "c", "d", "e"]
    assert await listed(2, **ROOT, queue_id="q") == ["b", "a", "d", "e"]
    assert await listed(2, actor="a", queue_id="q") == ["b", "a", "d", "e"]
    shown = (await world.run("agent_list", **ROOT, limit=2))["items"]
    assert shown == [await world.show("a"), await world.show("b")]
    assert [agent["state"] for agent in shown] == ["idle", "offline"]


async def test_a_last_page_that_is_full_says_that_it_is_the_last(world: World) -> None:
    for queue in ("q", "r"):
        await world.queue(queue)
    for agent in ("a", "b"):
        await world.agent(agent, "q")
        await world.run("agent_set_dnd", actor=agent, agent_id=agent, dnd=1)
    for customer in ("kim", "lee"):
        await world.customer(customer, "q")
    for script in ("queue_list", "agent_list", "contact_list"):
        line: dict[str, Any] = {"queue_id": "q"} if script == "contact_list" else {}
        page = await world.run(script, **ROOT, **line, limit=2)
        assert (len(page["items"]), "cursor" in page) == (2, False), script
        page = await world.run(script, **ROOT, **line, limit=1)
        assert (len(page["items"]), "cursor" in page) == (1, True), script
