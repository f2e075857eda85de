"""Texts that break what is glued together: quotes, backslashes, braces, colons, controls, JSON inside JSON.

Every reply and every event is parsed by `World`; here it must also come back as it was sent.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dispatcher.store import keys
from tests.scripts.world import World

pytestmark = pytest.mark.lanes("redis")

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}

ODD_IDS = (
    'say "hi"',
    "back\\slash",
    "two  spaces ",
    "жук-ünï-日本-🚀",
    "a:b:c",
    "{tag}}:user:x",
    "100%d%%s",
    "it's",
    "[*]?^$",
    "acd:{t}:meta",
    '","state":"serving',
    "x-1",
    "1763824800000-0000",
    "-inf",
)
ODD_TEXTS = (
    *ODD_IDS,
    "line\nbreak\r\n\ttab",
    "\x00nul\x00",
    "\x01\x1f\x7f\u2028\ufeff",
    '"}],"events":[{"event":"contact.ended","data":{}}]}',
    "\\u0022\\",
    "null",
    "é" * 2000,
)


@pytest.mark.parametrize("user", ODD_IDS)
async def test_an_odd_user_id_as_agent_and_as_customer(world: World, user: str) -> None:
    await world.queue("q", wrap_up=1, max_wait=50)
    customer = f"customer {user}"
    await world.agent(user, "q", capacity=2)
    contact = await world.customer(customer, "q")
    assert await world.offered(user) == customer
    assert (await world.contact(contact))["agent_id"] == user
    rejected = await world.answer(user, "reject")
    assert (rejected["agent_id"], rejected["contact"]["customer_id"]) == (user, customer)
    await world.after(5)
    await world.act(user, "start", contact)
    await world.run("agent_set_dnd", **ROOT, agent_id=user, dnd=1, reason=user)
    assert [data["agent_id"] for event, data in world.events if event == "agent.changed"] == [user]
    assert world.events[0][1]["subject"] == user
    await world.drop(customer)
    await world.login(customer)
    await world.act(user, "complete", contact)
    await world.after(1)
    listed = (await world.run("agent_list", **ROOT, limit=1, queue_id="q"))["items"]
    assert [(agent["agent_id"], agent["dnd_reason"]) for agent in listed] == [(user, user)]
    await world.run("agent_stop_service", actor=user, agent_id=user, queue_id="q")
    await world.drop(user)
    frozen = await world.freeze()
    people = {parsed[2] for name in frozen.contents if (parsed := keys.parse(name)) and parsed[1] == "user"}
    assert people == {user, customer}


@pytest.mark.parametrize("text", ODD_TEXTS)
async def test_an_odd_text_comes_back_as_it_was_sent(world: World, text: str) -> None:
    await world.queue("q", missed_limit=1)
    created = await world.run(
        "queue_create", **ROOT, queue_id="named", name=text, policy=world.policy(description=text[:200])
    )
    assert (created["name"], created["description"]) == (text, text[:200])
    renamed = await world.run("queue_update", **ROOT, queue_id="q", name="x" + text, policy='{"wrap_up":2}')
    assert renamed["name"] == "x" + text
    described = await world.run(
        "queue_update", **ROOT, queue_id="q", policy=json.dumps({"description": text[:200]}, ensure_ascii=False)
    )
    assert described["description"] == text[:200]
    await world.run("session_open", actor="kim", client=text, session_id="s", node_id=text, name=text)
    join: dict[str, Any] = {
        "actor": "kim",
        "client": text,
        "request_id": 1,
        "customer_id": "kim",
        "presence": "session",
    }
    contact = await world.run("contact_start_queuing", **join, queue_id="q", name=text, ext=text)
    assert (contact["name"], contact["ext"]) == (text, text)
    assert await world.run("contact_start_queuing", **join, queue_id="q") == contact
    await world.agent("anna", "q")
    (given,) = await world.assignments("anna")
    assert (given["contact"]["name"], given["contact"]["ext"]) == (text, text)
    rejected = await world.answer("anna", "reject")
    assert rejected["contact"]["ext"] == text
    shown = await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=1, reason=text)
    assert shown["dnd_reason"] == text
    await world.run("contact_stop_queuing", actor="kim", client=text, request_id=2)
    assert world.events[-1][1]["ext"] == text
    assert (await world.run("session_snapshot", actor="kim"))["user"]["name"] == text


async def test_ids_that_look_like_numbers_stay_as_they_are(world: World) -> None:
    for queue in ("007", "1e3", "0x10", "1.0", "9007199254740993"):
        await world.queue(queue)
        assert (await world.run("queue_show", queue_id=queue))["queue_id"] == queue
    await world.agent("0", "007", "1e3")
    contact = await world.customer("1e1", "1e3")
    (given,) = await world.assignments("0")
    assert (given["agent_id"], given["contact"]["customer_id"], given["contact"]["queue_id"]) == ("0", "1e1", "1e3")
    await world.act("0", "start", contact)
    moved = await world.act("0", "transfer", contact, queue_id="9007199254740993")
    assert moved["queue_id"] == "9007199254740993"


async def test_an_ext_of_four_kilobytes_of_nothing_but_quotes(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.login("kim")
    assert (await world.join("kim", "q", ext='"' * 4096))["ext"] == '"' * 4096
    assert (await world.assignments("anna"))[0]["contact"]["ext"] == '"' * 4096
