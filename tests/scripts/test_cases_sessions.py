"""Sessions and tenants: opening, replacing, closing, snapshots; creating a tenant, logging in."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.model import Snapshot
from tests.scripts.world import START_AT, Failed, World

pytestmark = pytest.mark.lanes("embedded", "redis")

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}
MATCH = ["contact.left(in_service)", "assignment.offered", "contact.matched"]


async def hello(world: World, user: str, session: str, client: str = "c", name: str = "") -> Any:
    return await world.run("session_open", actor=user, client=client, session_id=session, node_id="", name=name)


async def bye(world: World, user: str, session: str) -> Any:
    return await world.run("session_close", actor=user, session_id=session)


# Opening and replacing


async def test_a_user_seen_for_the_first_time(world: World) -> None:
    snapshot = await hello(world, "kim", "s1", name="Kim")
    assert Snapshot.model_validate(snapshot) == Snapshot.model_validate(
        {"user": {"user_id": "kim", "name": "Kim"}, "assignments": [], "offset": 0, "epoch": str(START_AT)}
    )
    assert world.events == []
    assert await world.run("session_snapshot", actor="kim") == snapshot


async def test_a_name_is_kept_until_another_is_given(world: World) -> None:
    await hello(world, "kim", "s1", name="Kim")
    assert (await hello(world, "kim", "s2"))["user"]["name"] == "Kim"
    assert (await hello(world, "kim", "s3", name="Kimberly"))["user"]["name"] == "Kimberly"


async def test_a_newer_session_replaces_the_older_and_nothing_is_lost(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await hello(world, "kim", "s1")
    await world.join("kim", "q")
    (given,) = await world.assignments("anna")
    for user, older, newer in (("kim", "s1", "s2"), ("anna", world.sessions["anna"], "s3")):
        await hello(world, user, newer, client="another")
        assert world.events == [("session.replaced", {"session_id": older})]
        assert await bye(world, user, older) is False, "a late goodbye of the older one"
        assert world.events == []
        await hello(world, user, newer, client="another")
        assert world.events == [], "hello again from the same session"
    assert await world.assignments("anna") == [given]


async def test_closing_what_is_closed_or_never_was_changes_nothing(world: World) -> None:
    await hello(world, "kim", "s1")
    assert await bye(world, "kim", "s1") is True
    for user, session in (("kim", "s1"), ("kim", ""), ("nobody", "s1"), ("nobody", "")):
        before = await world.freeze()
        assert await bye(world, user, session) is False
        assert (await world.freeze()).same_as(before)


async def test_offsets_count_frames_and_begin_anew_with_an_epoch(world: World) -> None:
    await world.queue("q")
    first = await hello(world, "kim", "s1")
    await world.join("kim", "q")
    await world.agent("anna", "q")
    second = await world.run("session_snapshot", actor="kim")
    assert (first["offset"], second["offset"]) == (0, 2)
    third = await hello(world, "kim", "s2")
    assert (third["offset"], third["epoch"]) == (3, first["epoch"]), "it counts the frame of the replacement"
    await world.store.client.delete(world.key("user", "lea"))
    await hello(world, "lea", "s")
    await bye(world, "lea", "s")
    await world.store.client.delete(world.key("user", "lea"))
    world.forget()
    await world.at(world.now + 86_400_000)
    fresh = await hello(world, "lea", "s")
    assert (fresh["offset"], fresh["epoch"]) == (0, str(world.now))


# The customer's connection


async def test_a_customer_who_waits_is_held_and_resumes_in_his_place(world: World) -> None:
    await world.queue("q")
    ids = [await world.customer(f"k{n}", "q") for n in range(3)]
    await world.drop("k1")
    assert world.told() == ["contact.held"]
    assert (world.events[0][1]["position"], world.events[0][1]["state"]) == (2, "held")
    assert world.due_at == world.now + 60_000
    await world.at(world.now + 59_999)
    snapshot = await hello(world, "k1", "s2")
    assert world.told() == ["contact.resumed"]
    assert (snapshot["contact"]["state"], snapshot["contact"]["position"]) == ("waiting", 2)
    assert world.events[0][1] == snapshot["contact"]
    await world.after(3600)
    assert (await world.contact(ids[1]))["state"] == "waiting", "the grace is over"


async def test_a_held_one_is_passed_by_and_matched_when_he_returns(world: World) -> None:
    await world.queue("q")
    first = await world.customer("k1", "q")
    await world.drop("k1")
    await world.customer("k2", "q")
    await world.agent("anna", "q")
    assert await world.offered("anna") == "k2"
    await world.agent("bert", "q")
    assert await world.offered("bert") is None
    await world.at(world.now + 1000)
    snapshot = await hello(world, "k1", "s2")
    assert world.told() == ["contact.resumed", *MATCH, "agent.changed"]
    assert (snapshot["contact"]["state"], snapshot["contact"]["agent_id"]) == ("preparing", "bert")
    assert await world.offered("bert") == "k1"
    assert (await world.contact(first))["queuing_time_s"] == 1


@pytest.mark.parametrize("accepted", [False, True])
async def test_a_drop_before_the_service_frees_the_agent_at_once(world: World, accepted: bool) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    first = await world.customer("k1", "q")
    await world.customer("k2", "q")
    if accepted:
        await world.answer("anna", "accept")
    await world.drop("k1")
    assert world.told() == [
        "assignment.cancelled(customer_left)",
        "contact.held(customer_left)",
        "contact.entered",
        *MATCH,
    ]
    assert await world.offered("anna") == "k2", "no cool-down"
    assert (await world.contact(first))["position"] == 1


async def test_a_drop_in_service_takes_nothing_before_the_grace_ends(world: World) -> None:
    await world.queue("q", wrap_up=9)
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.act("anna", "start", contact)
    await world.drop("kim")
    assert world.events == []
    assert world.due_at == world.now + 60_000
    await world.after(59)
    await hello(world, "kim", "s2")
    await world.after(3600)
    assert (await world.contact(contact))["state"] == "serving"
    await bye(world, "kim", "s2")
    await world.at(world.now + 60_000)
    await world.run("tick")
    assert world.told() == ["assignment.completed", "contact.ended(lost)", "agent.changed"]
    assert (await world.contact(contact))["reason"] == "lost"
    assert (await world.show("anna"))["state"] == "wrapping"


async def test_a_drop_after_the_contact_has_ended_leaves_no_timer(world: World) -> None:
    await world.queue("q")
    await world.customer("kim", "q")
    await world.drop("kim")
    await world.run("contact_stop_queuing", actor="kim")
    await world.after(3600)
    assert world.events == []


# The agent's connection


async def test_an_agent_without_connection_keeps_his_work_and_gets_nothing_new(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q", capacity=3)
    served = await world.customer("k1", "q")
    await world.act("anna", "start", served)
    await world.customer("k2", "q")
    await world.drop("anna")
    assert world.told() == ["agent.changed"]
    assert (world.events[0][1]["state"], world.events[0][1]["cause"]) == ("offline", "disconnected")
    status = await world.run("queue_status", queue_id="q")
    assert (status["agent_num"], status["prepare_num"], status["srv_num"]) == (0, 1, 1)
    await world.customer("k3", "q")
    assert await world.offered("anna") == "k2"
    snapshot = await hello(world, "anna", "s2")
    assert world.told() == ["agent.changed"]
    assert {given["contact"]["customer_id"] for given in snapshot["assignments"]} == {"k1", "k2"}
    assert (snapshot["agent"]["state"], snapshot["agent"]["load"]) == ("busy", 2)
    await world.act("anna", "start", (await world.assignments("anna"))[1]["contact"]["contact_id"])
    assert await world.offered("anna") == "k3"


async def test_an_agent_who_connects_is_matched_in_the_same_step(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.drop("anna")
    await world.customer("kim", "q")
    await world.at(world.now + 400)
    snapshot = await hello(world, "anna", "s2")
    assert world.told() == [*MATCH, "agent.changed"]
    (given,) = snapshot["assignments"]
    assert given["contact"]["customer_id"] == "kim"
    assert given == world.events[1][1]
    assert snapshot["agent"]["since_at"] == world.now


async def test_a_snapshot_of_an_agent_is_all_he_has(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q", priority=3, capacity=2)
    contact = await world.customer("kim", "q")
    await world.act("anna", "start", contact)
    await world.customer("lea", "q")
    snapshot = Snapshot.model_validate(await world.run("session_snapshot", actor="anna"))
    assert snapshot.agent is not None
    assert snapshot.agent.model_dump(mode="json")["queues"] == [{"queue_id": "q", "priority": 3}]
    assert [given.state for given in snapshot.assignments] == ["serving", "offered"]
    assert snapshot.contact is None
    nobody = await world.run("session_snapshot", actor="nobody")
    assert (nobody["user"], nobody["epoch"], nobody["offset"]) == ({"user_id": "nobody", "name": ""}, "", 0)


# Tenants


async def test_a_tenant_is_made_once(world: World) -> None:
    create: dict[str, Any] = {"secret_hash": "other", "customer_grace": 1, "agent_grace": 1}
    assert await world.run("tenant_create", **create) is False
    world.tenant += "-new"
    world.forget()
    assert await world.run("tenant_create", **create) is True
    assert await world.run("tenant_create", **create | {"secret_hash": "x"}) is False
    assert await world.run("tenant_login", secret_hash="other", address="a", tries_max=9) is True


async def test_a_tenant_has_its_own_grace(world: World) -> None:
    world.tenant += "-new"
    await world.at(START_AT)
    await world.run("tenant_create", secret_hash="x", customer_grace=7, agent_grace=1)
    await world.queue("q")
    await world.join("kim", "q")
    assert world.due_at == START_AT + 7000


async def test_the_tries_of_one_address_are_counted_whatever_they_answer(world: World) -> None:
    login: dict[str, Any] = {"tries_max": 3, "address": "10.0.0.1"}
    world.tenant += "-new"
    await world.run("tenant_create", secret_hash="right", customer_grace=60, agent_grace=30)
    assert await world.run("tenant_login", **login, secret_hash="right") is True
    for _ in range(2):
        with pytest.raises(Failed, match="TOKEN_AUTH_FAILED"):
            await world.run("tenant_login", **login, secret_hash="wrong")
    for secret in ("right", "wrong", ""):
        with pytest.raises(Failed, match="RATE_LIMITED"):
            await world.run("tenant_login", **login, secret_hash=secret)
    assert await world.run("tenant_login", **login | {"address": "10.0.0.2"}, secret_hash="right") is True
    lives = await world.store.client.pttl(world.key("login", "10.0.0.1"))
    assert 50_000 < lives <= 60_000, "a minute from the first try, not from the last"
    await world.store.client.delete(world.key("login", "10.0.0.1"))
    world.forget()
    assert await world.run("tenant_login", **login, secret_hash="right") is True
