"""Nodes: the leases of their sessions, and sessions that watch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scripts.absence import AGENT_GRACE, CUSTOMER_GRACE, LEASE, renew, state, tick_at, timers
from tests.scripts.world import START_AT, Failed, World

pytestmark = pytest.mark.lanes("embedded", "redis")

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}


# Leases


async def test_a_lease_ends_ten_seconds_after_its_last_renewal(world: World) -> None:
    await world.queue("q")
    await world.login("anna", "kim", node="n")
    await world.serve("anna", "q")
    assert await timers(world) == {"lease:n": START_AT + LEASE}
    await world.at(START_AT + 3_000)
    assert await renew(world) == 2
    assert world.due_at == START_AT + 3_000 + LEASE
    assert await tick_at(world, START_AT + 12_999) == []
    assert await tick_at(world, START_AT + 13_000) == ["agent.changed"]
    assert (world.events[0][1]["state"], world.events[0][1]["cause"]) == ("offline", "disconnected")
    assert await timers(world) == {"grace:anna": START_AT + 13_000 + AGENT_GRACE}
    assert await renew(world) == 0, "too late"
    assert "lease:n" not in await timers(world)


async def test_a_store_that_stood_still_ends_no_lease_that_nobody_could_renew(world: World) -> None:
    """For 12 s, which is less than 5 s behind the lease: no gap for other timers."""
    await world.queue("q")
    await world.login("anna", "kim", node="lives")
    await world.login("lea", node="dead")
    await world.serve("anna", "q")
    contact = (await world.join("kim", "q"))["contact_id"]
    assert await tick_at(world, START_AT + 1_000) == []
    assert await tick_at(world, START_AT + 13_000) == []
    assert (await world.contact(contact))["state"] == "preparing"
    assert (await timers(world)).items() >= {"lease:lives": START_AT + 23_000, "lease:dead": START_AT + 23_000}.items()
    # From here on somebody ticks, and renews, or does not.
    for second in range(14, 23):
        assert await renew(world, "lives") == 2
        assert await tick_at(world, START_AT + second * 1_000) == []
    assert await tick_at(world, START_AT + 23_000) == []
    assert (await timers(world)).keys() >= {"lease:lives"}
    assert "lease:dead" not in await timers(world)


async def test_a_dead_node_s_sessions_end_although_ticks_are_rare(world: World) -> None:
    await world.login("kim", node="dead")
    ends = []
    for second in range(1, 60, 6):
        await tick_at(world, START_AT + second * 1_000)
        ends += [second] if "lease:dead" not in await timers(world) else []
    # Its lease, once spared; and the next look.
    assert ends[0] == 25


async def test_the_end_of_a_lease_is_a_disconnect_in_every_state(world: World) -> None:
    await world.queue("q")
    await world.login("anna", "bert")
    await world.serve("anna", "q")
    await world.login("waits", "offered", "served", node="n")
    served = (await world.join("served", "q"))["contact_id"]
    await world.act("anna", "start", served)
    offered = (await world.join("offered", "q"))["contact_id"]
    await world.serve("bert", "q")
    waiting = (await world.join("waits", "q"))["contact_id"]
    assert await world.offered("bert") == "offered"
    await tick_at(world, START_AT + LEASE)
    states = [(await world.contact(id))["state"] for id in (waiting, offered, served)]
    assert states == ["held", "held", "serving"]
    graces = {f"grace:{customer}": START_AT + LEASE + CUSTOMER_GRACE for customer in ("waits", "offered", "served")}
    assert (await timers(world)).items() >= graces.items()
    await world.after(60)
    assert [(await world.contact(id))["reason"] for id in (waiting, offered, served)] == ["lost"] * 3


async def test_whoever_came_back_elsewhere_is_not_touched(world: World) -> None:
    await world.queue("q")
    await world.login("anna", "kim", "stays", node="dies")
    await world.serve("anna", "q")
    contact = (await world.join("kim", "q"))["contact_id"]
    await world.at(START_AT + 5_000)
    await world.login("anna", "kim", node="lives")
    await world.at(START_AT + 9_000)
    await renew(world, "lives")
    assert await tick_at(world, START_AT + LEASE) == []
    assert (await world.contact(contact))["state"] == "preparing"
    assert await state(world) == "offered"
    assert await timers(world) == {
        "lease:lives": START_AT + 9_000 + LEASE,
        f"assignment:{contact}": START_AT + 30_000,
    }


async def test_the_last_session_takes_the_lease_with_it(world: World) -> None:
    await world.login("anna", "kim", node="n")
    await world.drop("anna")
    assert "lease:n" in await timers(world)
    await world.drop("kim")
    assert await timers(world) == {}
    await world.login("kim", node="n")
    older = world.sessions["kim"]
    await world.login("kim", node="n")
    assert await renew(world) == 1, "the replaced one is none"
    assert await world.run("session_close", actor="kim", session_id=older) is False
    await world.login("kim", node="other")
    assert (await renew(world), await renew(world, "other")) == (0, 1)


async def test_a_large_node_ends_a_few_sessions_at_a_time_and_says_that_more_are_left(world: World) -> None:
    users = [f"user {n:02}" for n in range(40)]
    await world.login(*users, node="n")
    await world.at(START_AT + LEASE)
    for left in (24, 8):
        assert await world.run("tick") == 1
        assert world.due_at == world.now
        assert await world.store.client.zcard(world.key("sessions", "n")) == left
    await world.run("tick")
    assert world.due_at is None
    snapshot = await world.store.client.hget(world.key("user", users[-1]), "session")
    assert snapshot == ""


async def test_a_node_that_renews_while_its_sessions_end_keeps_the_rest(world: World) -> None:
    await world.login(*[f"user {n:02}" for n in range(20)], node="n")
    await tick_at(world, START_AT + LEASE)
    assert await renew(world) == 4
    await tick_at(world, START_AT + LEASE + 1)
    assert await renew(world) == 4


async def test_a_user_whose_id_looks_like_a_member(world: World) -> None:
    with pytest.raises(Failed, match="PARAM_ERR"):
        await world.run("session_open", actor="a", client="c", session_id="a:b", node_id="n")
    await world.queue("q")
    await world.login("a:b c:d", node="n")
    await world.serve("a:b c:d", "q")
    await tick_at(world, START_AT + LEASE)
    assert await state(world, "a:b c:d") == "offline"


# Watching sessions


async def watch(world: World, session: str, client: str, node: str = "n", user: str = "boss") -> Any:
    return await world.run("session_open", actor=user, client=client, session_id=session, node_id=node, watch=1)


async def test_a_watching_session_replaces_nothing_and_is_replaced_by_nothing(world: World) -> None:
    await world.queue("q")
    await world.login("boss")
    await world.serve("boss", "q")
    snapshot = await watch(world, "w1", "board")
    assert world.events == []
    assert snapshot["agent"]["state"] == "idle"
    await watch(world, "w2", "other-board")
    await world.login("boss")
    assert world.told() == ["session.replaced"]
    assert await renew(world) == 2
    assert await world.run("session_close", actor="boss", session_id="w1") is True
    assert await world.run("session_close", actor="boss", session_id="w1") is False
    assert await state(world, "boss") == "idle"
    assert await renew(world) == 1


async def test_each_watching_client_remembers_its_own_last_request(world: World) -> None:
    await world.queue("q")
    await world.login("anna", "boss")
    await watch(world, "w1", "board")
    await watch(world, "w2", "board-2")
    manual: dict[str, Any] = {**ROOT, "actor": "boss", "agent_id": "anna"}
    first = await world.run("agent_set_dnd", **manual, client="board", request_id=5, dnd=1)
    await world.run("agent_set_dnd", **manual, client="board-2", request_id=9, dnd=2)
    await world.run("agent_set_dnd", **manual, client="client-boss", request_id=1, dnd=3)
    assert await world.run("agent_set_dnd", **manual, client="board", request_id=5, dnd=1) == first
    assert await world.run("agent_set_dnd", **manual, client="board", request_id=4, dnd=1) is None
    with pytest.raises(Failed, match="REQUEST_ID_REUSED"):
        await world.run("agent_set_capacity", **manual, client="board-2", request_id=9, capacity=2)
    assert (await world.show("anna"))["dnd"] == 3
    with pytest.raises(Failed, match="NOT_LOGIN"):
        await world.run("agent_set_dnd", **manual, client="boar", request_id=6, dnd=1)


async def test_what_a_watching_client_repeats_over_a_new_connection_is_done_once(world: World) -> None:
    await world.login("anna")
    await watch(world, "w1", "board")
    manual: dict[str, Any] = {**ROOT, "actor": "boss", "agent_id": "anna", "client": "board", "request_id": 5, "dnd": 1}
    first = await world.run("agent_set_dnd", **manual)
    await world.run("session_close", actor="boss", session_id="w1")
    with pytest.raises(Failed, match="NOT_LOGIN"):
        await world.run("agent_set_dnd", **manual)
    await world.run("agent_set_dnd", **ROOT, agent_id="anna", dnd=0)
    await watch(world, "w2", "board", node="elsewhere")
    assert await world.run("agent_set_dnd", **manual) == first
    assert (await world.show("anna"))["dnd"] == 0
    # The same client again, before the node of the older socket knew that it was gone.
    await watch(world, "w3", "board")
    assert await world.run("session_close", actor="boss", session_id="w2") is False
    assert (await renew(world), await renew(world, "elsewhere")) == (1, 0)


async def test_the_memories_are_bounded_and_the_oldest_that_ended_goes_first(world: World) -> None:
    manual: dict[str, Any] = {**ROOT, "actor": "boss", "agent_id": "anna"}
    await world.login("anna")
    for n in range(8):
        await watch(world, f"w{n}", f"c{n}")
        await world.run("agent_set_dnd", **manual, client=f"c{n}", request_id=1, dnd=1)
    with pytest.raises(Failed, match="RATE_LIMITED"):
        await watch(world, "w8", "c8")
    for n in (5, 3):
        await world.run("session_close", actor="boss", session_id=f"w{n}")
    await watch(world, "w8", "c8")
    fields = set(await world.store.client.hkeys(world.key("user", "boss")))
    assert {f"request_id:c{n}" for n in range(8)} & fields == {f"request_id:c{n}" for n in (0, 1, 2, 4, 5, 6, 7)}
    await watch(world, "w5", "c5")
    with pytest.raises(Failed, match="RATE_LIMITED"):
        await watch(world, "w9", "c9")


async def test_a_dead_node_leaves_nothing_of_who_watched(world: World) -> None:
    await watch(world, "w1", "board")
    assert await world.store.client.ttl(world.key("user", "boss")) == -1
    assert await tick_at(world, START_AT + LEASE) == []
    assert await timers(world) == {}
    assert await world.store.client.exists(world.key("sessions", "n")) == 0
    assert 86_000 < await world.store.client.ttl(world.key("user", "boss")) <= 86_400


async def test_a_dead_node_leaves_nothing_of_who_watched_twice(world: World) -> None:
    for n in range(8):
        await watch(world, f"w{n}", f"c{n}")
    await world.login("boss", node="n")
    await tick_at(world, START_AT + LEASE)
    assert await renew(world) == 0
    for n in range(8, 16):
        await watch(world, f"w{n}", f"c{n}", node="elsewhere")


async def test_who_watches_keeps_his_hash_whatever_else_ends(world: World) -> None:
    await watch(world, "w1", "board")
    await world.login("boss")
    await world.drop("boss")
    assert await world.store.client.ttl(world.key("user", "boss")) == -1
