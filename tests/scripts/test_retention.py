"""What is left when a day is over: only what the key table lets live, and that only as long as it says."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.store import keys
from tests.scripts.frozen import Frozen
from tests.scripts.world import Failed, World

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}
MINUTE = 60_000
LIFETIMES = {
    "contact": 10 * MINUTE,
    "assignment": 10 * MINUTE,
    "user": 24 * 60 * MINUTE,
    "login": MINUTE,
    "login_as": MINUTE,
    "request": 60 * MINUTE,
}
"""By facet: ms after the end, as the table of sizes and retention has it."""

LASTING = {"meta", "clock", "log"}
PATIENCE = 30_000
"""How long (ms) the test itself may have taken since a lifetime began."""


def lifetimes(frozen: Frozen) -> dict[tuple[str, str], int]:
    """Return the `pttl` of every key, by facet and id."""
    parsed = {name: keys.parse(name) for name in frozen.contents}
    return {(each[1], each[2]): frozen.ttls[name] for name, each in parsed.items() if each}


async def a_day(world: World) -> None:
    """Let contacts end in every way there is, with agents who take part in every way there is."""
    await world.queue("q", offer_timeout=10, connect_timeout=10, reject_cooldown=1, wrap_up=1, max_wait=200)
    await world.queue("gone", max_wait=5)
    await world.agent("anna", "q", "gone")
    await world.agent("bert", "q")
    await world.run("agent_set_dnd", actor="bert", agent_id="bert", dnd=1)
    contact = await world.customer("completes", "q")
    await world.answer("anna", "accept")
    await world.act("anna", "start", contact)
    await world.run("agent_set_dnd", actor="bert", agent_id="bert", dnd=0)
    await world.act("anna", "transfer", contact, agent_id="bert")
    await world.act("bert", "start", contact)
    await world.act("bert", "complete", contact)
    await world.after(2)
    await world.run("agent_set_dnd", actor="bert", agent_id="bert", dnd=1)
    await world.customer("abandons", "q")
    await world.answer("anna", "reject")
    await world.run("contact_stop_queuing", actor="abandons")
    await world.after(2)
    await world.customer("missed", "q")
    await world.after(10)
    await world.after(1)
    await world.answer("anna", "accept")
    await world.after(10)
    await world.after(1)
    await world.drop("missed")
    await world.after(60)
    for customer in ("removed", "stays away", "never came"):
        await world.join(customer, "q")
    removed = await world.run("contact_show", actor="removed")
    await world.run("contact_stop_queuing", **ROOT, contact_id=removed["contact_id"])
    served = await world.customer("lost", "q")
    await world.act("anna", "start", served)
    await world.drop("lost")
    await world.after(60)
    await world.after(1)
    await calls(world)
    await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=1)
    await world.customer("times out", "gone")
    await world.after(5)
    await world.customer("deleted", "gone")
    await world.run("queue_delete", **ROOT, queue_id="gone", force=1)
    await world.join("by phone", "q", presence="none")
    await world.run("agent_request_assignment", actor="anna", agent_id="anna")
    await world.run("agent_stop_service", actor="anna", agent_id="anna", queue_id="q")
    await world.run("contact_stop_queuing", actor="by phone")
    await world.run("agent_set_dnd", actor="bert", agent_id="bert", dnd=1, request_id="0a key")
    await people_log_in(world)


async def people_log_in(world: World) -> None:
    """Let one person have an account, another no longer, and let both doors count a wrong try."""
    person = '{"name":"Ann","roles":"agent","queues":"*","password_hash":"x"}'
    for user in ("stays", "goes"):
        await world.run("account_create", **ROOT, user_id=user, fields=person)
    await world.run("account_delete", **ROOT, user_id="goes")
    await world.run("account_login", user_id="nobody", address="10.0.0.1", tries_max=100, user_tries_max=9)
    with pytest.raises(Failed, match="TOKEN_AUTH_FAILED"):
        await world.run("tenant_login", secret_hash="x", address="10.0.0.1", tries_max=100)


async def calls(world: World) -> None:
    """Let calls end in their ways; the last one goes on."""
    await world.customer("refuses", "q")
    await world.call("anna", "refuses")
    await world.on_call("refuses", "reject")
    await world.customer("does not answer", "q")
    await world.call("anna", "does not answer")
    await world.after(30)
    await world.login("carl", "dora")
    for verb in ("reject", "accept"):
        await world.call("carl", "dora")
        await world.on_call("dora", verb)


async def everybody_leaves(world: World) -> None:
    for agent in ("anna", "bert"):
        await world.run("agent_set_dnd", actor=agent, agent_id=agent, dnd=0)
    await world.run("agent_stop_service", actor="bert", agent_id="bert", queue_id="q")
    for user in list(world.sessions):
        await world.drop(user)
    await world.after(86_400)


async def test_after_a_day_every_key_that_is_left_lives_as_long_as_the_table_says(world: World) -> None:
    await a_day(world)
    await everybody_leaves(world)
    left = lifetimes(await world.freeze())
    reasons = [(await world.contact(id))["reason"] for facet, id in sorted(left) if facet == "contact"]
    assert sorted(set(reasons)) == ["abandoned", "completed", "lost", "no_answer", "refused", "removed", "timed_out"]
    lasting = {facet for (facet, _), lives in left.items() if lives == -1}
    assert lasting == LASTING | {"queues", "queue_names", "queue", "accounts", "account"}, "what an idle tenant keeps"
    for (facet, id), lives in left.items():
        if lives != -1:
            assert LIFETIMES[facet] - PATIENCE <= lives <= LIFETIMES[facet], f"{facet} {id}"
    assert {facet for facet, _ in left} == lasting | set(LIFETIMES)


async def test_nothing_at_all_is_left_of_people_and_contacts_when_their_time_is_over(world: World) -> None:
    await a_day(world)
    await everybody_leaves(world)
    client = world.store.client
    names = [name for name, lives in (await world.freeze()).ttls.items() if lives >= 0]
    for name in names:
        await client.pexpire(name, 0)
    world.forget()
    await world.run("queue_delete", **ROOT, queue_id="q", force=0)
    await world.run("account_delete", **ROOT, user_id="stays")
    assert (await world.freeze()).facets() == LASTING
    # Who comes again is as new, and a late tick brings nobody back.
    await world.after(86_400)
    assert (await world.freeze()).facets() == LASTING
    await world.login("anna")
    assert (await world.run("session_snapshot", actor="anna"))["offset"] == 0


async def test_who_has_other_than_default_settings_stays(world: World) -> None:
    await world.login("usual", "manual", "able of two", "back to usual")
    for agent in ("manual", "back to usual"):
        await world.run("agent_set_dnd", actor=agent, agent_id=agent, dnd=1)
    for agent, capacity in (("able of two", 2), ("back to usual", 2), ("back to usual", 1)):
        await world.run("agent_set_capacity", **ROOT, agent_id=agent, capacity=capacity)
    for user in list(world.sessions):
        await world.drop(user)
    await world.run("agent_set_dnd", **ROOT, agent_id="back to usual", dnd=0)
    left = lifetimes(await world.freeze())
    stays = {id for (facet, id), lives in left.items() if facet == "user" and lives == -1}
    assert stays == {"manual", "able of two"}
    await world.run("agent_set_dnd", **ROOT, agent_id="manual", dnd=0)
    await world.run("agent_set_capacity", **ROOT, agent_id="usual", capacity=9)
    left = lifetimes(await world.freeze())
    stays = {id for (facet, id), lives in left.items() if facet == "user" and lives == -1}
    assert stays == {"able of two", "usual"}


async def test_a_lifetime_begins_with_the_last_thing_that_ends(world: World) -> None:
    await world.queue("q")

    async def lives(user: str) -> bool:
        return lifetimes(await world.freeze())["user", user] == -1

    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.act("anna", "start", contact)
    await world.drop("anna")
    await world.drop("kim")
    assert (await lives("anna"), await lives("kim")) == (True, True), "a service and a contact"
    await world.run("agent_stop_service", **ROOT, agent_id="anna", queue_id="q")
    assert await lives("anna"), "she still serves somebody"
    await world.run("contact_complete", **ROOT, contact_id=contact)
    assert (await lives("anna"), await lives("kim")) == (False, False)
    await world.login("anna")
    await world.join("kim", "q")
    assert (await lives("anna"), await lives("kim")) == (True, True), "they are back"
    await world.after(60)
    assert not await lives("kim"), "lost"


async def test_the_key_table_names_every_key_of_a_busy_day(world: World) -> None:
    await a_day(world)
    await world.customer("waits", "q")
    await world.join("is held", "q")
    await world.login("connected", node="n")
    facets = (await world.freeze()).facets()
    table = {key.facet: key for key in keys.TENANT_KEYS}
    assert facets <= table.keys()
    assert table.keys() - facets == {"guard", "able", "serving", "preparing"}, "a busy day has nearly all"
