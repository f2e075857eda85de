"""Agents: who is able, in which order; service, manual mode, capacity, lists."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.model import Agent
from tests.scripts.world import START_AT, Failed, World

pytestmark = pytest.mark.lanes("embedded", "redis")

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}


async def dnd(world: World, agent: str, value: int, reason: str = "") -> Any:
    return await world.run("agent_set_dnd", actor=agent, agent_id=agent, dnd=value, reason=reason)


async def capacity(world: World, agent: str, value: int) -> Any:
    return await world.run("agent_set_capacity", **ROOT, agent_id=agent, capacity=value)


async def offers(world: World, *agents: str) -> dict[str, str | None]:
    return {agent: await world.offered(agent) for agent in agents if await world.offered(agent)}


# The order among able agents: priority in that queue, idle longest, smaller id


async def test_the_smallest_agent_priority_in_that_queue_comes_first(world: World) -> None:
    await world.queue("q")
    await world.queue("other")
    await world.login("anna", "bert")
    await world.serve("anna", "other", priority=0)
    await world.serve("anna", "q", priority=2)
    await world.at(world.now + 1000)
    await world.serve("bert", "other", priority=9)
    await world.serve("bert", "q", priority=1)
    await world.customer("kim", "q")
    assert await offers(world, "anna", "bert") == {"bert": "kim"}
    await world.customer("lea", "other")
    assert await world.offered("anna") == "lea"


async def test_of_equal_priority_the_one_idle_longest_comes_first(world: World) -> None:
    await world.queue("q")
    for agent in ("cara", "bert", "anna"):
        await world.agent(agent, "q")
        await world.at(world.now + 1)
    for customer, agent in (("k1", "cara"), ("k2", "bert"), ("k3", "anna")):
        await world.customer(customer, "q")
        assert await world.offered(agent) == customer


async def test_idle_equally_long_the_smaller_id_by_bytes_comes_first(world: World) -> None:
    await world.queue("q")
    agents = ["10", "9", "Anna", "_x", "anna", "ärla"]
    for agent in reversed(agents):
        await world.agent(agent, "q")
    for n, agent in enumerate(agents):
        await world.customer(f"k{n}", "q")
        assert await world.offered(agent) == f"k{n}"


async def test_idle_begins_when_he_became_able_last(world: World) -> None:
    await world.queue("q")
    await world.queue("further")
    await world.agent("anna", "q")
    await world.at(world.now + 10)
    await world.agent("bert", "q")
    await world.at(world.now + 10)
    await world.serve("anna", "further")
    await world.at(world.now + 10)
    await dnd(world, "bert", 1)
    await dnd(world, "bert", 0)
    await world.at(world.now + 70)
    await world.customer("kim", "q")
    (given,) = await world.assignments("anna")
    assert given["why"]["idle_ms"] == 100, "serving a further queue does not change it"
    await world.customer("lea", "q")
    (given,) = await world.assignments("bert")
    assert given["why"]["idle_ms"] == 70


async def test_a_new_agent_priority_counts_for_the_next_match(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.agent("bert", "q")
    shown = await world.serve("bert", "q", priority=0)
    await world.serve("anna", "q", priority=5)
    assert shown["queues"] == [{"queue_id": "q", "priority": 0}]
    assert world.told() == ["agent.service"]
    await world.customer("kim", "q")
    assert await world.offered("bert") == "kim"
    await world.customer("lea", "q")
    (given,) = await world.assignments("anna")
    assert given["why"]["agent_priority"] == 5


async def test_nothing_is_taken_back_when_a_better_agent_becomes_free(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q", priority=9)
    await world.customer("kim", "q")
    await world.agent("best", "q", priority=0)
    assert await offers(world, "anna", "best") == {"anna": "kim"}


# The order among queues


async def test_the_oldest_over_all_queues_of_equal_priority_comes_first(world: World) -> None:
    for queue in ("a", "b"):
        await world.queue(queue, priority=7)
    await world.queue("worse", priority=8)
    for customer, queue in (("k0", "worse"), ("k1", "b"), ("k2", "a"), ("k3", "b")):
        await world.customer(customer, queue)
        await world.at(world.now + 1)
    await world.agent("anna", "a", "b", "worse", capacity=9)
    got = []
    for _ in range(4):
        got.append(await world.offered("anna"))
        await world.act("anna", "start", (await world.assignments("anna"))[-1]["contact"]["contact_id"])
    assert got == ["k1", "k2", "k3", "k0"]


async def test_the_agents_own_priorities_do_not_order_queues(world: World) -> None:
    await world.queue("first", priority=1)
    await world.queue("second", priority=2)
    await world.customer("k2", "second")
    await world.customer("k1", "first")
    await world.login("anna")
    await world.run("agent_start_service", actor="anna", agent_id="anna", services="second 0 first 1000")
    assert await world.offered("anna") == "k1"


# Service


async def test_an_agent_as_he_is_answered_and_shown(world: World) -> None:
    await world.queue("a")
    await world.queue("b")
    await world.login("anna")
    shown = await world.run("agent_start_service", actor="anna", agent_id="anna", services="b 3 a 4")
    assert Agent.model_validate(shown) == Agent.model_validate(
        {
            "agent_id": "anna",
            "name": "Anna",
            "state": "idle",
            "since_at": START_AT,
            "dnd": 0,
            "queues": [{"queue_id": "b", "priority": 3}, {"queue_id": "a", "priority": 4}],
            "load": 0,
            "capacity": 1,
            "contacts": [],
        }
    )
    assert world.events == [
        ("agent.service", {"agent_id": "anna", "queue_id": "b", "serving": True, "priority": 3}),
        ("agent.service", {"agent_id": "anna", "queue_id": "a", "serving": True, "priority": 4}),
    ]
    assert await world.show("anna") == shown


async def test_a_supervisor_starts_and_stops_service_for_somebody(world: World) -> None:
    await world.queue("q")
    await world.login("anna")
    await world.run("agent_start_service", **ROOT, agent_id="anna", services="q 0")
    assert world.told() == ["audit", "agent.service"]
    assert world.events[0][1] == {"actor_id": "root", "command": "start_service", "subject": "anna"}
    shown = await world.run("agent_stop_service", **ROOT, agent_id="anna", queue_id="q")
    assert world.told() == ["audit", "agent.service"]
    assert shown["queues"] == []


async def test_stopping_withdraws_what_is_only_offered_or_accepted(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.answer("anna", "accept")
    stopped = await world.run("agent_stop_service", actor="anna", agent_id="anna", queue_id="q")
    assert world.told() == [
        "agent.service",
        "assignment.cancelled(withdrawn)",
        "contact.returned(withdrawn)",
        "contact.entered",
        "agent.changed",
    ]
    assert (stopped["state"], stopped["load"]) == ("idle", 0), "no cool-down for a withdrawal"
    assert (await world.contact(contact))["position"] == 1


async def test_what_is_withdrawn_goes_to_another_and_he_gets_another(world: World) -> None:
    await world.queue("q", priority=1)
    await world.queue("other")
    await world.agent("anna", "q", "other")
    await world.customer("kim", "q")
    await world.agent("bert", "q", priority=5)
    await dnd(world, "bert", 1)
    await world.customer("lea", "other")
    await dnd(world, "bert", 0)
    await world.run("agent_stop_service", actor="anna", agent_id="anna", queue_id="q")
    assert world.told() == [
        "agent.service",
        "assignment.cancelled(withdrawn)",
        "contact.returned(withdrawn)",
        "contact.entered",
        "contact.left(in_service)",
        "assignment.offered",
        "contact.matched",
        "contact.left(in_service)",
        "assignment.offered",
        "contact.matched",
        "agent.changed",
    ]
    assert await offers(world, "anna", "bert") == {"anna": "lea", "bert": "kim"}


async def test_stopping_leaves_what_is_served_and_what_is_of_another_queue(world: World) -> None:
    await world.queue("a")
    await world.queue("b")
    await world.agent("anna", "a", "b", capacity=2)
    served = await world.customer("kim", "a")
    await world.act("anna", "start", served)
    await world.customer("lea", "b")
    shown = await world.run("agent_stop_service", actor="anna", agent_id="anna", queue_id="a")
    assert (shown["load"], shown["state"]) == (2, "busy")
    assert await world.offered("anna") == "lea"
    assert (await world.act("anna", "complete", served))["reason"] == "completed"
    with pytest.raises(Failed, match="QUE_SERVICE_NOT_START"):
        await world.run("agent_stop_service", actor="anna", agent_id="anna", queue_id="a")


async def test_who_serves_nothing_but_still_holds_a_contact_is_no_customer(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    served = await world.customer("kim", "q")
    await world.act("anna", "start", served)
    await world.run("agent_stop_service", actor="anna", agent_id="anna", queue_id="q")
    with pytest.raises(Failed, match="ROLE_CONFLICT"):
        await world.join("anna", "q")
    await world.act("anna", "complete", served)
    assert (await world.join("anna", "q"))["state"] == "waiting"
    with pytest.raises(Failed, match="ROLE_CONFLICT"):
        await world.serve("anna", "q")


# Manual mode and capacity


async def test_manual_mode_stops_offers_and_only_the_next_one(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    shown = await dnd(world, "anna", 7, "lunch")
    assert world.told() == ["agent.changed"]
    changed = world.events[0][1]
    assert (changed["old_state"], changed["state"], changed["dnd"], changed["dnd_reason"]) == (
        "offered",
        "offered",
        7,
        "lunch",
    )
    assert (shown["state"], shown["dnd"], shown["dnd_reason"]) == ("offered", 7, "lunch")
    contact = (await world.assignments("anna"))[0]["contact"]["contact_id"]
    await world.act("anna", "start", contact)
    await world.customer("lea", "q")
    await world.act("anna", "complete", contact)
    assert (await world.show("anna"))["state"] == "manual"
    shown = await dnd(world, "anna", 0, "ignored")
    assert (shown["dnd"], "dnd_reason" in shown, shown["state"]) == (0, False, "offered")
    assert world.events[-1][1]["cause"] == "offered"


async def test_setting_the_same_again_tells_nothing_and_a_new_reason_does(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await dnd(world, "anna", 1, "lunch")
    assert (world.events[0][1]["state"], world.events[0][1]["cause"]) == ("manual", "set_dnd")
    await dnd(world, "anna", 1, "lunch")
    assert world.events == []
    await dnd(world, "anna", 1, "talk")
    assert world.told() == ["agent.changed"]
    await world.run("agent_set_dnd", **ROOT, agent_id="anna", dnd=0)
    assert world.told() == ["audit", "agent.changed"]


async def test_dnd_of_one_who_serves_nothing_is_kept_for_later(world: World) -> None:
    await world.queue("q")
    await world.login("anna")
    assert (await dnd(world, "anna", 1))["state"] == "manual"
    await world.customer("kim", "q")
    await world.serve("anna", "q")
    assert await world.offered("anna") is None
    await dnd(world, "anna", 0)
    assert await world.offered("anna") == "kim"


async def test_a_greater_capacity_matches_at_once_and_a_smaller_one_takes_nothing(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    first = await world.customer("k1", "q")
    await world.act("anna", "start", first)
    second = await world.customer("k2", "q")
    await world.customer("k3", "q")
    shown = await capacity(world, "anna", 2)
    assert world.told() == [
        "audit",
        "contact.left(in_service)",
        "assignment.offered",
        "contact.matched",
        "agent.changed",
    ]
    assert (shown["load"], shown["capacity"], await world.offered("anna")) == (2, 2, "k2")
    await world.act("anna", "start", second)
    assert await world.offered("anna") is None, "full"
    assert (await capacity(world, "anna", 1))["load"] == 2
    await world.act("anna", "complete", first)
    assert await world.offered("anna") is None, "still full"
    await world.act("anna", "complete", second)
    assert await world.offered("anna") == "k3"
    await capacity(world, "anna", 1)
    assert world.told() == ["audit"]


async def test_who_has_no_session_is_told_what_comes_first(world: World) -> None:
    """Over HTTP a good token and NOT_LOGIN go together: the answer must not sound as if the token were wrong."""
    await world.queue("q")
    await world.agent("anna", "q")
    await world.drop("anna")
    first = "has no session: hello on the WebSocket comes first"
    with pytest.raises(Failed, match=f"NOT_LOGIN: the agent {first}"):
        await world.run("agent_start_service", actor="anna", agent_id="anna", services="q 0")
    with pytest.raises(Failed, match=f"NOT_LOGIN: the agent {first}"):
        await world.run("agent_request_assignment", actor="anna", agent_id="anna")
    with pytest.raises(Failed, match=f"NOT_LOGIN: the caller {first}"):
        await world.run("call_start", actor="anna", callee_id="kim", meeting="null")
