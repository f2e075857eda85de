"""Time: what each timer does when it is due, wrap-up and cool-down, misses, the tick itself."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scripts.world import START_AT, World

pytestmark = pytest.mark.lanes("embedded", "redis")

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}
MATCH = ["contact.left(in_service)", "assignment.offered", "contact.matched"]


async def state(world: World, agent: str = "anna") -> str:
    return str((await world.show(agent))["state"])


async def tick_at(world: World, now: int) -> list[str]:
    """Set the clock, tick once; return what was told."""
    await world.at(now)
    await world.run("tick")
    return world.told()


# Offers and connects


async def test_a_missed_offer(world: World) -> None:
    await world.queue("q", offer_timeout=10, reject_cooldown=4)
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    assert world.due_at == START_AT + 10_000
    assert await tick_at(world, START_AT + 9_999) == []
    assert world.due_at == START_AT + 10_000
    told = await tick_at(world, START_AT + 10_000)
    assert told == ["assignment.cancelled(missed)", "contact.returned(missed)", "contact.entered", "agent.changed"]
    assert (world.events[0][1]["state"], world.events[0][1]["deadline_at"]) == ("missed", None)
    assert (await world.contact(contact))["position"] == 1
    assert world.due_at is None
    assert await state(world) == "cooling"
    assert await tick_at(world, START_AT + 13_999) == []
    told = await tick_at(world, START_AT + 14_000)
    assert told == [*MATCH, "agent.changed"]


async def test_an_accepted_one_that_was_not_connected(world: World) -> None:
    await world.queue("q", offer_timeout=10, connect_timeout=20)
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    await world.at(START_AT + 9_000)
    await world.answer("anna", "accept")
    assert await tick_at(world, START_AT + 28_999) == []
    told = await tick_at(world, START_AT + 29_000)
    assert told == [
        "assignment.cancelled(not_connected)",
        "contact.returned(not_connected)",
        "contact.entered",
        "agent.changed",
    ]
    assert world.events[0][1]["state"] == "cancelled"
    assert await state(world) == "cooling"


async def test_no_timer_runs_in_service(world: World) -> None:
    await world.queue("q", offer_timeout=1, connect_timeout=1, max_wait=1)
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.act("anna", "start", contact)
    await world.after(86_400)
    assert (await world.contact(contact))["state"] == "serving"


# Misses


async def miss(world: World) -> None:
    """Let the offer that anna has be missed, and her cool-down end."""
    await world.after(30)
    await world.after(5)


async def test_misses_in_a_row_end_in_manual_mode(world: World) -> None:
    await world.queue("q", missed_limit=2)
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    await miss(world)
    assert await state(world) == "offered"
    await world.after(30)
    shown = await world.show("anna")
    assert (shown["state"], shown["dnd"], shown["dnd_reason"]) == ("cooling", 1, "missed")
    await world.after(5)
    assert await state(world) == "manual"
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=0)
    await miss(world)
    assert await state(world) == "offered", "clearing forgot the misses"


async def test_an_accept_and_a_start_forget_misses_and_a_rejection_does_not(world: World) -> None:
    await world.queue("q", missed_limit=2, connect_timeout=1)
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    await miss(world)
    await world.answer("anna", "accept")
    await world.after(1)
    await world.after(5)
    await miss(world)
    assert await state(world) == "offered", "only one since the accept"
    await world.answer("anna", "reject")
    await world.after(5)
    await miss(world)
    assert await state(world) == "manual"


async def test_misses_of_what_was_asked_for_do_not_count(world: World) -> None:
    await world.queue("q", missed_limit=1)
    await world.agent("anna", "q")
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=3, reason="mine")
    await world.customer("kim", "q")
    for _ in range(2):
        await world.run("agent_request_assignment", actor="anna", agent_id="anna")
        await world.after(30)
        assert await state(world) == "cooling", "but it cools down as well"
    shown = await world.show("anna")
    assert (shown["dnd"], shown["dnd_reason"]) == (3, "mine")


async def test_manual_mode_set_already_keeps_its_reason(world: World) -> None:
    await world.queue("q", missed_limit=1)
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=3, reason="lunch")
    await world.after(30)
    shown = await world.show("anna")
    assert (shown["dnd"], shown["dnd_reason"], shown["state"]) == (3, "lunch", "cooling")


async def test_a_limit_of_0_is_none_and_the_limit_is_the_queues(world: World) -> None:
    await world.queue("never", missed_limit=0, priority=1)
    await world.queue("strict", missed_limit=3, priority=2)
    await world.agent("anna", "never", "strict")
    await world.customer("kim", "never")
    for _ in range(3):
        await miss(world)
    assert await state(world) == "offered"
    await world.run("contact_stop_queuing", actor="kim")
    await world.customer("lea", "strict")
    await miss(world)
    assert (await world.show("anna"))["dnd_reason"] == "missed", "the fourth in a row, and strict allows two"


# Wrap-up and cool-down


async def test_wrap_up_ends_and_matches(world: World) -> None:
    await world.queue("q", wrap_up=7)
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.act("anna", "start", contact)
    await world.customer("lea", "q")
    await world.act("anna", "complete", contact)
    assert world.due_at == START_AT + 7000
    assert await tick_at(world, START_AT + 6_999) == []
    assert await tick_at(world, START_AT + 7_000) == [*MATCH, "agent.changed"]
    assert await world.offered("anna") == "lea"


@pytest.mark.parametrize("end", ["complete", "stop", "remove", "transfer", "lost"])
async def test_every_end_of_service_is_followed_by_wrap_up(world: World, end: str) -> None:
    await world.queue("q", wrap_up=7)
    await world.queue("next")
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.act("anna", "start", contact)
    if end == "complete":
        await world.act("anna", "complete", contact)
    elif end == "stop":
        await world.run("contact_stop_queuing", actor="kim")
    elif end == "remove":
        await world.run("contact_stop_queuing", **ROOT, contact_id=contact)
    elif end == "transfer":
        await world.act("anna", "transfer", contact, queue_id="next")
    else:
        await world.drop("kim")
        await world.after(60)
    assert await state(world) == "wrapping"


@pytest.mark.parametrize(("wrap_ups", "over_at"), [((20, 5), 20_000), ((5, 20), 21_000)])
async def test_of_two_wrap_ups_the_one_that_ends_later_counts(
    world: World, wrap_ups: tuple[int, int], over_at: int
) -> None:
    contacts = []
    for queue, wrap_up in zip(("one", "two"), wrap_ups, strict=True):
        await world.queue(queue, wrap_up=wrap_up)
    await world.agent("anna", "one", "two", capacity=2)
    for customer, queue in (("k1", "one"), ("k2", "two")):
        contacts.append(await world.customer(customer, queue))
        await world.act("anna", "start", contacts[-1])
    await world.act("anna", "complete", contacts[0])
    assert await state(world) == "busy", "she serves the other, and gets nothing"
    await world.customer("k3", "one")
    assert await world.offered("anna") is None
    await world.at(world.now + 1000)
    await world.act("anna", "complete", contacts[1])
    await world.at(START_AT + over_at - 1)
    assert await world.run("tick") == 0
    await world.at(START_AT + over_at)
    assert await world.run("tick") == 1
    assert await world.offered("anna") == "k3"
    await world.after(3600)


async def test_a_later_cool_down_takes_the_place_of_the_earlier(world: World) -> None:
    await world.queue("q", reject_cooldown=10)
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.answer("anna", "reject")
    await world.at(START_AT + 4_000)
    await world.run("agent_request_assignment", actor="anna", agent_id="anna")
    await world.answer("anna", "reject")
    assert await tick_at(world, START_AT + 10_000) == []
    assert await tick_at(world, START_AT + 14_000) == [*MATCH, "agent.changed"]
    assert (await world.contact(contact))["state"] == "preparing"


async def test_a_pause_that_ends_in_manual_mode_or_without_connection_gives_nothing(world: World) -> None:
    await world.queue("q", reject_cooldown=10)
    for agent in ("anna", "bert"):
        await world.agent(agent, "q")
        customer = f"of-{agent}"
        await world.customer(customer, "q")
    for agent in ("anna", "bert"):
        await world.answer(agent, "reject")
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=1)
    await world.drop("bert")
    await world.after(10)
    assert (await state(world, "anna"), await state(world, "bert")) == ("manual", "offline")


# Waiting


@pytest.mark.parametrize("held", [False, True])
async def test_max_wait_ends_waiting_and_held_ones(world: World, held: bool) -> None:
    await world.queue("q", max_wait=10)
    contact = await world.customer("kim", "q")
    if held:
        await world.drop("kim")
    assert await tick_at(world, START_AT + 9_999) == []
    assert await tick_at(world, START_AT + 10_000) == ["contact.left(timed_out)", "contact.ended(timed_out)"]
    assert world.due_at is None, "nor is a grace left"
    ended = await world.contact(contact)
    assert (ended["reason"], ended["queuing_time_s"]) == ("timed_out", 10)


async def test_a_match_in_time_stops_max_wait(world: World) -> None:
    await world.queue("q", max_wait=10, reject_cooldown=3)
    await world.customer("kim", "q")
    await world.agent("anna", "q")
    await world.at(START_AT + 8_000)
    await world.answer("anna", "reject")
    assert await tick_at(world, START_AT + 10_000) == ["contact.left(timed_out)", "contact.ended(timed_out)"]


async def test_the_grace_ends_a_contact_that_is_held(world: World) -> None:
    await world.queue("q")
    await world.customer("kim", "q")
    await world.drop("kim")
    assert await tick_at(world, START_AT + 60_000) == ["contact.left(lost)", "contact.ended(lost)"]


# The tick


async def test_a_tick_takes_16_in_the_order_of_their_deadlines_and_says_that_more_is_due(world: World) -> None:
    await world.queue("q", max_wait=10)
    ids = []
    for n in range(20):
        ids.append(await world.customer(f"k{n}", "q"))
        await world.at(world.now + 1)
    await world.at(START_AT + 20_000)
    assert await world.run("tick") == 16
    assert [data["contact_id"] for event, data in world.events if event == "contact.ended"] == ids[:16]
    assert world.due_at == START_AT + 10_016
    assert await world.run("tick") == 4
    assert world.due_at is None
    assert await world.run("tick") == 0


async def test_timers_of_one_moment_are_taken_in_the_order_of_their_names(world: World) -> None:
    await world.queue("q", offer_timeout=30, max_wait=30)
    await world.agent("anna", "q")
    await world.customer("k1", "q")
    await world.customer("k2", "q")
    await world.at(START_AT + 30_000)
    assert await world.run("tick") == 2
    assert world.told() == [
        "assignment.cancelled(missed)",
        "contact.ended(timed_out)",
        "contact.left(timed_out)",
        "contact.ended(timed_out)",
        "agent.changed",
    ]


async def test_a_timer_that_an_earlier_one_of_the_batch_stopped_does_nothing(world: World) -> None:
    await world.queue("q", max_wait=60)
    await world.agent("anna", "q")
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=1)
    await world.customer("kim", "q")
    await world.drop("kim")
    await world.at(START_AT + 60_000)
    await world.run("tick")
    assert world.told() == ["contact.left(lost)", "contact.ended(lost)"], "and not timed out as well"


async def test_time_never_runs_backwards(world: World) -> None:
    await world.queue("q")
    first = await world.customer("k1", "q")
    await world.at(START_AT - 5_000)
    second = await world.customer("k2", "q")
    assert second == f"{START_AT}-0001"
    assert (await world.contact(second))["position"] == 2
    await world.agent("anna", "q")
    assert await world.offered("anna") == "k1"
    assert (await world.contact(first))["queuing_time_s"] == 0
