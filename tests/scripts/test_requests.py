"""The memory of requests, for every script that has one: a command on a session happens once for its id."""

from __future__ import annotations

from typing import Any

import pytest

from dispatcher.store import keys
from tests.scripts.world import SCRIPTS, Failed, World

pytestmark = pytest.mark.lanes("redis")

REMEMBERING = sorted(name for name, source in SCRIPTS.commands.items() if "REQUEST" in source.sections["ERRORS"])

SILENT = {"message_send", "tenant_mint"}
"""The log tells nothing of a message, nor of a token; the answer about a token is the time it was first made."""

Arguments = dict[str, Any]


async def scene(world: World, script: str) -> Arguments:
    """Prepare a success of a script by a user who is logged in; return who sends it and its arguments."""
    await world.queue("q", max_wait=100)
    await world.queue("other")
    if script == "tenant_mint":
        await world.login("root")
        return {"actor": "root"}
    if script == "account_create":
        await world.login("root")
        return {
            "actor": "root",
            "supervisor": 1,
            "user_id": "kim",
            "fields": '{"name":"","roles":"agent","queues":"*"}',
        }
    if script.startswith("queue_"):
        await world.login("root")
        queue_id = "" if script == "queue_create" else "q"
        return {"actor": "root", "supervisor": 1, "queue_id": queue_id, "name": "Line", "policy": world.policy()}
    if script == "contact_start_queuing":
        await world.login("kim")
        return {"actor": "kim", "customer_id": "kim", "queue_id": "q", "presence": "session"}
    if script == "contact_stop_queuing":
        return {"actor": "kim", "contact_id": await world.customer("kim", "q")}
    if script == "agent_request_assignment":
        await world.agent("anna", "q")
        await world.run("agent_set_dnd", actor="anna", agent_id="anna", dnd=1)
        await world.customer("kim", "q")
        return {"actor": "anna", "agent_id": "anna"}
    if script == "message_send":
        await world.login("anna", "bert")
        return {"actor": "anna", "to": "bert", "data": "hello"}
    if script.startswith("call_"):
        await world.login("anna", "bert")
        call = {} if script == "call_start" else await world.call("anna", "bert")
        actor = "anna" if script in ("call_start", "call_hangup") else "bert"
        return {"actor": actor, "callee_id": "bert", "meeting": "null", "call_id": call.get("call_id", "")}
    await world.agent("anna", "q")
    if script.startswith("agent_"):
        return {"actor": "anna", "agent_id": "anna", "services": "other 3", "queue_id": "q", "dnd": 2, "capacity": 7}
    contact = await world.customer("kim", "q")
    (offer,) = await world.assignments("anna")
    if script in ("contact_complete", "contact_transfer"):
        await world.act("anna", "start", contact)
    return {"actor": "anna", "contact_id": contact, "assignment_id": offer["assignment_id"], "queue_id": "other"}


@pytest.mark.parametrize("script", REMEMBERING)
async def test_a_command_happens_once(world: World, script: str) -> None:
    given = await scene(world, script)
    actor = str(given["actor"])
    known: Arguments = {name: value for name, value in given.items() if name in SCRIPTS.arguments(script)}
    with pytest.raises(Failed, match="NOT_LOGIN"):
        await world.run(script, client="somebody else's", request_id=1, **known)
    command: Arguments = known | {"client": f"client-{actor}", "request_id": 5}
    first = await world.run(script, **command)
    told = world.events
    assert bool(told) == (script not in SILENT), "it did something"
    done = await world.freeze()
    await world.at(world.now + 3000)
    assert await world.run(script, **command) == first, "the same id gives the first answer, word for word"
    assert world.events == []
    assert (await world.freeze()).same_as(done)
    assert await world.run(script, **command | {"request_id": 4}) is None, "an older one was done long ago"
    other = "agent_stop_service" if script == "agent_set_dnd" else "agent_set_dnd"
    with pytest.raises(Failed, match="REQUEST_ID_REUSED"):
        await world.run(other, actor=actor, client=f"client-{actor}", request_id=5, agent_id=actor)
    assert (await world.freeze()).same_as(done)


@pytest.mark.parametrize("script", REMEMBERING)
async def test_without_a_client_nothing_is_remembered(world: World, script: str) -> None:
    given = await scene(world, script)
    known: Arguments = {name: value for name, value in given.items() if name in SCRIPTS.arguments(script)}
    await world.run(script, request_id=5, **known)
    assert bool(world.events) == (script not in SILENT)
    fresh: Arguments = {"actor": str(given["actor"]), "client": f"client-{given['actor']}"}
    # Had it been remembered, this would be an older one.
    with pytest.raises(Failed, match="CONTACT_NOT_FOUND"):
        await world.run("contact_stop_queuing", request_id=4, contact_id="none", **fresh)


DIGEST, OTHER_DIGEST = "a0" * 32, "b1" * 32


@pytest.mark.parametrize("script", REMEMBERING)
async def test_a_command_happens_once_for_its_key(world: World, script: str) -> None:
    given = await scene(world, script)
    known: Arguments = {name: value for name, value in given.items() if name in SCRIPTS.arguments(script)}
    command: Arguments = known | {"request_id": f"{DIGEST} a key/of: {{mine}}"}
    first = await world.run(script, **command)
    assert bool(world.events) == (script not in SILENT), "it did something"
    done = await world.freeze()
    (name,) = [name for name in done.contents if (parsed := keys.parse(name)) and parsed[1] == "request"]
    assert name == world.key("request", f"{given['actor']}/a key/of: {{mine}}")
    await world.at(world.now + 3000)
    assert await world.run(script, **command) == first, "the same key gives the first answer, word for word"
    assert world.events == []
    with pytest.raises(Failed, match="REQUEST_ID_REUSED"):
        await world.run(script, **command | {"request_id": f"{OTHER_DIGEST} a key/of: {{mine}}"})
    assert (await world.freeze()).same_as(done)


async def test_a_key_of_one_user_means_nothing_to_another_nor_in_another_tenant(world: World) -> None:
    await world.queue("q")
    elsewhere = await World(world.store, world.tenant + "-b").begin()
    await elsewhere.queue("q")
    for where, customer in ((world, "kim"), (world, "lea"), (elsewhere, "kim")):
        await where.run(
            "contact_start_queuing", actor=customer, request_id=f"{DIGEST} 1", customer_id=customer, queue_id="q"
        )
        assert where.told() == ["contact.entered"]


async def test_under_a_key_that_failed_another_command_may_succeed(world: World) -> None:
    await world.queue("q", open=False)
    command: Arguments = {"actor": "kim", "customer_id": "kim", "queue_id": "q"}
    with pytest.raises(Failed, match="QUEUE_CLOSED"):
        await world.run("contact_start_queuing", request_id=f"{DIGEST} 1", **command)
    await world.queue("other")
    joined = await world.run("contact_start_queuing", request_id=f"{OTHER_DIGEST} 1", **command | {"queue_id": "other"})
    assert joined["queue_id"] == "other"


async def test_an_error_is_not_remembered_and_its_id_may_succeed_later(world: World) -> None:
    await world.queue("q", open=False)
    await world.login("kim")
    command: Arguments = {
        "actor": "kim",
        "customer_id": "kim",
        "queue_id": "q",
        "client": "client-kim",
        "request_id": 1,
    }
    with pytest.raises(Failed, match="QUEUE_CLOSED"):
        await world.run("contact_start_queuing", **command)
    await world.run("queue_update", actor="root", queue_id="q", policy='{"open":1}')
    assert (await world.run("contact_start_queuing", **command))["state"] == "waiting"


async def test_id_0_is_no_id(world: World) -> None:
    await world.queue("q")
    await world.login("kim")
    command: Arguments = {"actor": "kim", "customer_id": "kim", "queue_id": "q", "client": "client-kim"}
    await world.run("contact_start_queuing", request_id=7, **command)
    ended = await world.run("contact_stop_queuing", actor="kim", client="client-kim", request_id=0)
    assert ended["reason"] == "abandoned"
    with pytest.raises(Failed, match="CONTACT_NOT_FOUND"):
        await world.run("contact_stop_queuing", actor="kim", client="client-kim", request_id=0)


async def test_the_memory_survives_a_reconnect_of_the_same_client_and_not_another_client(world: World) -> None:
    await world.queue("q")
    await world.login("kim")
    command: Arguments = {
        "actor": "kim",
        "customer_id": "kim",
        "queue_id": "q",
        "client": "client-kim",
        "request_id": 3,
    }
    first = await world.run("contact_start_queuing", **command)
    await world.drop("kim")
    await world.login("kim")
    assert await world.run("contact_start_queuing", **command) == first
    assert world.events == []
    await world.run("session_open", actor="kim", client="fresh", session_id="s", node_id="n", name="Kim")
    stopped = await world.run("contact_stop_queuing", actor="kim", client="fresh", request_id=1)
    assert stopped["reason"] == "abandoned", "a new client counts its requests anew"


async def test_the_ids_of_one_user_mean_nothing_to_another(world: World) -> None:
    await world.queue("q")
    await world.login("kim", "lea")
    for n, user in enumerate(("kim", "lea")):
        await world.run(
            "contact_start_queuing",
            actor=user,
            client=f"client-{user}",
            request_id=9 - n,
            customer_id=user,
            queue_id="q",
            presence="session",
        )
        assert world.told() == ["contact.entered"]


async def test_a_supervisors_command_is_remembered_with_him(world: World) -> None:
    await world.queue("q")
    await world.login("root", "kim")
    contact = (await world.join("kim", "q"))["contact_id"]
    command: Arguments = {"actor": "root", "supervisor": 1, "client": "client-root", "request_id": 1}
    first = await world.run("contact_stop_queuing", contact_id=contact, **command)
    assert world.told() == ["audit", "contact.left(removed)", "contact.ended(removed)"]
    assert await world.run("contact_stop_queuing", contact_id=contact, **command) == first
    assert world.events == []
