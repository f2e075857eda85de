"""The nasty cases: each a race or a tie that goes wrong in systems that decide outside the store."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scripts.world import START_AT, Failed, World


async def test_reject_by_the_only_agent_offers_again_after_the_cool_down(world: World) -> None:
    await world.queue("q", reject_cooldown=5)
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.answer("anna", "reject")
    assert world.told() == [
        "assignment.rejected",
        "contact.returned(rejected)",
        "contact.entered",
        "agent.changed",
    ]
    assert (await world.contact(contact))["position"] == 1
    await world.after(4.999)
    assert await world.offered("anna") is None
    await world.after(0.001)
    assert await world.offered("anna") == "kim"


async def test_a_returning_contact_goes_to_another_able_agent_at_once(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    await world.agent("bert", "q")
    await world.answer("anna", "reject")
    assert await world.offered("bert") == "kim"


async def test_two_contacts_come_back_at_once_and_stand_at_the_head_in_their_old_order(world: World) -> None:
    await world.queue("q", offer_timeout=10, reject_cooldown=60)
    await world.agent("anna", "q")
    await world.agent("bert", "q")
    first, second = await world.customer("c1", "q"), await world.customer("c2", "q")
    third = await world.customer("c3", "q")
    await world.after(10)
    page = await world.run("contact_list", actor="root", supervisor=1, queue_id="q", limit=10)
    assert [(c["contact_id"], c["position"]) for c in page["items"]] == [(first, 1), (second, 2), (third, 3)]
    assert (await world.show("anna"))["state"] == (await world.show("bert"))["state"] == "cooling"


async def test_capacity_two_prepares_one_at_a_time(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q", capacity=2)
    first = await world.customer("c1", "q")
    await world.customer("c2", "q")
    assert [a["contact"]["customer_id"] for a in await world.assignments("anna")] == ["c1"]
    await world.answer("anna", "accept")
    assert len(await world.assignments("anna")) == 1
    await world.act("anna", "start", first)
    assert await world.offered("anna") == "c2"
    agent = await world.show("anna")
    assert (agent["state"], agent["load"]) == ("busy", 2)
    await world.customer("c3", "q")
    await world.act("anna", "complete", first)
    assert (await world.show("anna"))["state"] == "offered"
    assert await world.offered("anna") == "c2"


async def test_starting_service_while_contacts_wait_matches_the_oldest(world: World) -> None:
    await world.queue("q")
    await world.customer("c1", "q")
    await world.customer("c2", "q")
    await world.agent("anna", "q")
    assert world.told() == [
        "agent.service",
        "contact.left(in_service)",
        "assignment.offered",
        "contact.matched",
        "agent.changed",
    ]
    assert await world.offered("anna") == "c1"


async def test_clearing_dnd_while_contacts_wait_matches_at_once_and_ends_pauses(world: World) -> None:
    await world.queue("q", reject_cooldown=50)
    await world.agent("anna", "q")
    await world.customer("c1", "q")
    await world.answer("anna", "reject")
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=1, reason="lunch")
    assert (await world.show("anna"))["dnd_reason"] == "lunch"
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=0, reason="")
    assert await world.offered("anna") == "c1"


async def test_a_priority_changed_under_load_decides_the_next_match(world: World) -> None:
    await world.queue("low", priority=20)
    await world.queue("high", priority=10)
    for n in range(3):
        await world.customer(f"low{n}", "low")
        await world.customer(f"high{n}", "high")
    await world.agent("anna", "low", "high")
    assert await world.offered("anna") == "high0"
    await world.run("queue_update", actor="root", supervisor=1, queue_id="low", policy=json.dumps({"priority": 5}))
    await world.agent("bert", "high", "low")
    assert await world.offered("bert") == "low0"


async def test_three_queues_started_in_one_step_give_the_best_contact_of_all(world: World) -> None:
    for queue, priority in (("c", 30), ("b", 20), ("a", 10)):
        await world.queue(queue, priority=priority)
        await world.customer(f"of-{queue}", queue)
    await world.login("anna")
    await world.serve("anna", "c", "b", "a")
    assert await world.offered("anna") == "of-a"


@pytest.mark.parametrize("first", ["accept", "timeout"])
async def test_accept_at_the_moment_of_the_timeout_is_decided_by_who_comes_first(world: World, first: str) -> None:
    await world.queue("q", offer_timeout=10, connect_timeout=20)
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    (offer,) = await world.assignments("anna")
    await world.at(offer["deadline_at"])
    if first == "accept":
        assert (await world.answer("anna", "accept"))["deadline_at"] == world.now + 20_000
        assert await world.run("tick") == 0
        assert (await world.assignments("anna"))[0]["state"] == "accepted"
    else:
        assert await world.run("tick") == 1
        with pytest.raises(Failed, match="ASSIGNMENT_GONE"):
            await world.run("assignment_accept", actor="anna", assignment_id=offer["assignment_id"])
        assert (await world.show("anna"))["state"] == "cooling"


async def test_max_wait_stops_during_an_offer_and_decides_on_the_return(world: World) -> None:
    await world.queue("q", max_wait=10, offer_timeout=30)
    contact = await world.customer("kim", "q")
    await world.after(9)
    await world.agent("anna", "q")
    await world.after(5)
    assert (await world.contact(contact))["state"] == "preparing"
    await world.answer("anna", "reject")
    assert world.told() == ["assignment.rejected", "contact.ended(timed_out)", "agent.changed"]


async def test_a_contact_past_max_wait_still_goes_to_an_able_agent(world: World) -> None:
    await world.queue("q", max_wait=10)
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    await world.after(15)
    await world.agent("bert", "q")
    await world.answer("anna", "reject")
    assert await world.offered("bert") == "kim"


async def test_equal_queues_with_contacts_of_one_millisecond_are_decided_by_the_id(world: World) -> None:
    for queue in ("a", "b", "c"):
        await world.queue(queue, priority=10)
    await world.login("k1", "k2", "k3")
    contacts = [(await world.join(k, q))["contact_id"] for k, q in (("k1", "c"), ("k2", "a"), ("k3", "b"))]
    assert {c[:13] for c in contacts} == {str(START_AT)}
    await world.login("anna")
    await world.serve("anna", "a", "b", "c")
    got = []
    for _ in range(3):
        got.append(await world.offered("anna"))
        contact = (await world.assignments("anna"))[0]["contact"]["contact_id"]
        await world.act("anna", "start", contact)
        await world.act("anna", "complete", contact)
    assert got == ["k1", "k2", "k3"]


async def test_a_reply_that_was_lost_is_given_again_and_the_command_done_once(world: World) -> None:
    await world.queue("q")
    await world.login("kim")
    command: dict[str, Any] = {
        "actor": "kim",
        "client": "client-kim",
        "request_id": 7,
        "customer_id": "kim",
        "queue_id": "q",
        "presence": "session",
    }
    first = await world.run("contact_start_queuing", **command)
    await world.at(world.now + 2000)
    assert await world.run("contact_start_queuing", **command) == first
    assert world.events == []
    stop: dict[str, Any] = {"actor": "kim", "client": "client-kim", "request_id": 8}
    await world.run("contact_stop_queuing", **stop)
    assert await world.run("contact_start_queuing", **command) is None, "an older id: done long ago"
    assert (await world.run("contact_stop_queuing", **stop))["reason"] == "abandoned"


async def test_a_command_of_a_replaced_session_is_refused(world: World) -> None:
    await world.queue("q")
    await world.login("kim")
    await world.run("session_open", actor="kim", client="other", session_id="s2", node_id="n", name="Kim")
    assert world.told() == ["session.replaced"]
    with pytest.raises(Failed, match="NOT_LOGIN"):
        await world.run(
            "contact_start_queuing", actor="kim", client="client-kim", request_id=1, customer_id="kim", queue_id="q"
        )
    await world.run("session_close", actor="kim", session_id="session-kim-1")
    assert world.events == [], "the late close of a session that is not the current one"


async def test_forced_deletion_with_ten_thousand_waiting(world: World) -> None:
    # The embedded store is for demos and runs the same text: it gets a tenth.
    waiting = 1_000 if world.store.is_embedded else 10_000
    await world.queue("q")
    await world.queue("other")
    await world.agent("anna", "q", "other")
    await world.customer("served", "q")
    served = (await world.assignments("anna"))[0]["contact"]["contact_id"]
    await world.act("anna", "start", served)
    join: dict[str, Any] = {"actor": "backend", "supervisor": 1, "queue_id": "q", "presence": "none"}
    await world.many("contact_start_queuing", [join | {"customer_id": f"c{n}"} for n in range(waiting)])
    await world.at(world.now + 1)
    status = await world.run("queue_status", check=False, queue_id="q")
    assert (status["wait_num"], status["srv_num"]) == (waiting, 1)
    assert await world.run("queue_delete", actor="root", supervisor=1, queue_id="q", force=1, check=False) is False
    assert world.due_at == world.now, "the rest is due at once, for any node"
    with pytest.raises(Failed, match="QUEUE_CLOSED"):
        await world.run("contact_start_queuing", check=False, actor="x", customer_id="x", queue_id="q")
    batches = 1
    while int(await world.run("tick", check=False)):
        batches += 1
    # The contacts, then its agent; the last one looks and finds only the contact in service.
    assert batches == waiting // 50 + 1
    await world.run("contact_complete", check=False, actor="anna", contact_id=served)
    assert await world.run("tick", check=False) == 1
    assert world.told() == ["queue.deleted"]
    await world.check()
    page = await world.run("queue_list", check=False, actor="root", limit=10)
    assert [queue["queue_id"] for queue in page["items"]] == ["other"]
