"""Every error that a header names, reached for real. A failure changes nothing: `World.run` compares all keys."""

from __future__ import annotations

import json

import pytest

from dispatcher.store.connect import Store
from tests.scripts import error_scenes_calls, error_scenes_sessions  # noqa: F401  # read for the scenes they enter
from tests.scripts.error_scenes import SCENES, Arguments, scene, served
from tests.scripts.world import SCRIPTS, START_AT, Failed, World

pytestmark = pytest.mark.lanes("redis")

ACCOUNT = '{"name":"Kim","roles":"agent","queues":"*","password_hash":"x"}'
NOBODY = f"{START_AT}-9999"


# Queues


@scene(
    "queue_show", "queue_status", "queue_update", "queue_delete", "agent_list", "contact_list", code="QUE_ID_INVALID"
)
async def _(world: World) -> Arguments:
    return {"actor": "root", "supervisor": 1, "queue_id": "none", "policy": "{}", "limit": 10}


@scene("queue_create", code="QUEUE_EXISTS")
async def _(world: World) -> Arguments:
    await world.queue("q")
    return {"actor": "root", "queue_id": "q", "policy": world.policy()}


@scene("queue_update", code="QUEUE_EXISTS")
async def _(world: World) -> Arguments:
    await world.queue("a")
    await world.queue("b")
    return {"actor": "root", "queue_id": "b", "name": "a", "policy": "{}"}


@scene("queue_update", code="QUEUE_CLOSED")
async def _(world: World) -> Arguments:
    await deleting(world)
    return {"actor": "root", "queue_id": "q", "policy": '{"open":1}'}


async def deleting(world: World, queue: str = "q") -> str:
    """Leave a queue half deleted: its one contact is in service, and finishes first."""
    contact = await served(world, queue=queue)
    assert await world.run("queue_delete", actor="root", supervisor=1, queue_id=queue, force=1) is False
    return contact


@scene("queue_delete", code="QUEUE_NOT_EMPTY")
async def _(world: World) -> Arguments:
    await served(world)
    return {"actor": "root", "queue_id": "q", "force": 0}


# Agents


@scene("agent_show", "agent_set_dnd", "agent_set_capacity", code="USER_NOT_FOUND")
async def _(world: World) -> Arguments:
    return {"actor": "root", "supervisor": 1, "agent_id": "nobody", "dnd": 1, "capacity": 2}


@scene("agent_start_service", "agent_request_assignment", code="NOT_LOGIN")
async def _(world: World) -> Arguments:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.drop("anna")
    return {"actor": "anna", "agent_id": "anna", "services": "q 0"}


@scene("agent_start_service", code="QUE_ID_INVALID")
async def _(world: World) -> Arguments:
    await world.queue("q")
    await world.login("anna")
    return {"actor": "anna", "agent_id": "anna", "services": "q 0 none 0"}


@scene("agent_start_service", code="QUEUE_CLOSED")
async def _(world: World) -> Arguments:
    await deleting(world)
    await world.login("bert")
    return {"actor": "bert", "agent_id": "bert", "services": "q 0"}


@scene("agent_start_service", code="ROLE_CONFLICT")
async def _(world: World) -> Arguments:
    await world.queue("q")
    await world.customer("kim", "q")
    return {"actor": "kim", "agent_id": "kim", "services": "q 0"}


@scene("agent_start_service", code="PARAM_ERR")
async def _(world: World) -> Arguments:
    world.served = 101
    for n in range(101):
        await world.queue(f"q{n}", quick=True)
    await world.login("anna")
    await world.serve("anna", *[f"q{n}" for n in range(100)])
    return {"actor": "anna", "agent_id": "anna", "services": "q100 0"}


@scene("agent_stop_service", "agent_list", "contact_list", code="QUE_SERVICE_NOT_START")
async def _(world: World) -> Arguments:
    await world.queue("a")
    await world.queue("b")
    await world.agent("anna", "a")
    return {"actor": "anna", "agent_id": "anna", "queue_id": "b", "limit": 10}


@scene("agent_request_assignment", code="QUE_SERVICE_NOT_START")
async def _(world: World) -> Arguments:
    await world.queue("q")
    await world.customer("kim", "q")
    await world.login("anna")
    return {"actor": "anna", "agent_id": "anna"}


@scene("agent_request_assignment", code="QUE_ID_INVALID")
async def _(world: World) -> Arguments:
    await world.login("anna")
    return {"actor": "anna", "agent_id": "anna", "queue_id": "none"}


@scene("agent_request_assignment", code="AGENT_BUSY")
async def _(world: World) -> Arguments:
    await served(world)
    await world.customer("lea", "q")
    return {"actor": "anna", "agent_id": "anna"}


@scene("agent_request_assignment", code="QUE_NOUSER")
async def _(world: World) -> Arguments:
    await world.queue("q")
    await world.agent("anna", "q")
    return {"actor": "anna", "agent_id": "anna"}


# Contacts


@scene("contact_start_queuing", code="QUE_ID_INVALID")
async def _(world: World) -> Arguments:
    await world.login("kim")
    return {"actor": "kim", "customer_id": "kim", "queue_id": "none"}


@scene("contact_start_queuing", code="ROLE_CONFLICT")
async def _(world: World) -> Arguments:
    await world.queue("q")
    await world.agent("anna", "q")
    return {"actor": "anna", "customer_id": "anna", "queue_id": "q"}


@scene("contact_start_queuing", code="ALREADY_OTHERQUE")
async def _(world: World) -> Arguments:
    await world.queue("a")
    await world.queue("b")
    await world.customer("kim", "a")
    return {"actor": "kim", "customer_id": "kim", "queue_id": "b"}


@scene("contact_start_queuing", code="QUEUE_CLOSED")
async def _(world: World) -> Arguments:
    await world.queue("q", open=False)
    await world.login("kim")
    return {"actor": "kim", "customer_id": "kim", "queue_id": "q"}


@scene("contact_start_queuing", code="QUEUE_FULL")
async def _(world: World) -> Arguments:
    await world.queue("q", max_waiting=2)
    await world.customer("lea", "q")
    await world.join("held", "q")
    await world.login("kim")
    return {"actor": "kim", "customer_id": "kim", "queue_id": "q"}


@scene("contact_start_queuing", code="NO_AGENTS")
async def _(world: World) -> Arguments:
    await world.queue("q", join_when_no_agents=False)
    await world.agent("anna", "q")
    await world.drop("anna")
    await world.login("kim")
    return {"actor": "kim", "customer_id": "kim", "queue_id": "q"}


@scene("contact_stop_queuing", code="CONTACT_NOT_FOUND")
async def _(world: World) -> Arguments:
    await world.queue("q")
    contact = await world.customer("kim", "q")
    return {"actor": "lea", "contact_id": contact}


@scene("contact_show", code="CONTACT_NOT_FOUND")
async def _(world: World) -> Arguments:
    contact = await served(world)
    return {"actor": "bert", "contact_id": contact}


@scene("contact_start", "contact_complete", "contact_transfer", code="CONTACT_NOT_FOUND")
async def _(world: World) -> Arguments:
    await served(world)
    return {"actor": "anna", "contact_id": NOBODY, "queue_id": "q"}


@scene("contact_start", "contact_complete", "contact_transfer", code="API_NO_PERMISSION")
async def _(world: World) -> Arguments:
    contact = await served(world)
    await world.agent("bert", "q")
    return {"actor": "bert", "contact_id": contact, "queue_id": "q"}


@scene("contact_start", code="WRONG_STATE")
async def _(world: World) -> Arguments:
    contact = await served(world)
    await world.act("anna", "complete", contact)
    return {"actor": "anna", "contact_id": contact}


@scene("contact_complete", "contact_transfer", code="WRONG_STATE")
async def _(world: World) -> Arguments:
    await world.queue("q")
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.answer("anna", "accept")
    return {"actor": "anna", "contact_id": contact, "queue_id": "q"}


@scene("contact_transfer", code="QUE_ID_INVALID")
async def _(world: World) -> Arguments:
    return {"actor": "anna", "contact_id": await served(world), "queue_id": "none"}


@scene("contact_transfer", code="QUEUE_CLOSED")
async def _(world: World) -> Arguments:
    await world.queue("closed", open=False)
    return {"actor": "anna", "contact_id": await served(world), "queue_id": "closed"}


@scene("contact_transfer", code="USER_NOT_FOUND")
async def _(world: World) -> Arguments:
    return {"actor": "anna", "contact_id": await served(world), "agent_id": "nobody"}


@scene("contact_transfer", code="AGENT_BUSY")
async def _(world: World) -> Arguments:
    contact = await served(world)
    await world.agent("bert", "q")
    await world.run("agent_set_dnd", actor="bert", agent_id="bert", dnd=1)
    return {"actor": "anna", "contact_id": contact, "agent_id": "bert"}


@scene("contact_transfer", code="PARAM_ERR")
async def _(world: World) -> Arguments:
    await world.queue("q")
    contact = await world.customer("kim", "q")
    return {"actor": "root", "supervisor": 1, "contact_id": contact, "queue_id": "q"}


# Assignments


@scene("assignment_accept", "assignment_reject", code="ASSIGNMENT_GONE")
async def _(world: World) -> Arguments:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    (offer,) = await world.assignments("anna")
    return {"actor": "bert", "assignment_id": offer["assignment_id"]}


@scene("assignment_accept", "assignment_reject", code="QUE_USER_CANCELLED")
async def _(world: World) -> Arguments:
    await world.queue("q")
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    (offer,) = await world.assignments("anna")
    await world.run("contact_stop_queuing", actor="kim")
    return {"actor": "anna", "assignment_id": offer["assignment_id"]}


@scene("assignment_reject", code="WRONG_STATE")
async def _(world: World) -> Arguments:
    await served(world)
    (serving,) = await world.assignments("anna")
    return {"actor": "anna", "assignment_id": serving["assignment_id"]}


# Tenants


@scene("tenant_login", code="TOKEN_AUTH_FAILED")
async def _(world: World) -> Arguments:
    return {"secret_hash": "wrong", "address": "10.0.0.1", "tries_max": 3}


@scene("tenant_login", code="RATE_LIMITED")
async def _(world: World) -> Arguments:
    return {"secret_hash": "x", "address": "10.0.0.1", "tries_max": 0}


@scene("tenant_login", code="TOKEN_APPIDNOTEXIST")
async def _(world: World) -> Arguments:
    world.tenant += "-not-there"
    return {"secret_hash": "x", "address": "10.0.0.1", "tries_max": 3}


@scene("tenant_login_legacy", code="API_NO_PERMISSION")
async def _(world: World) -> Arguments:
    await world.run("tenant_update", actor="root", supervisor=1, options='{"legacy_login_hash":""}')
    return {"kind": "login", "hash": "", "address": "10.0.0.1", "tries_max": 3}


@scene("tenant_login_legacy", code="ANCTPSWD_ERR")
async def _(world: World) -> Arguments:
    options = '{"legacy_login_hash":"of pages","legacy_api_hash":"of backends"}'
    await world.run("tenant_update", actor="root", supervisor=1, options=options)
    return {"kind": "login", "hash": "of backends", "address": "10.0.0.1", "tries_max": 3}


@scene("tenant_login_legacy", code="RATE_LIMITED")
async def _(world: World) -> Arguments:
    return {"kind": "api", "hash": "x", "address": "10.0.0.1", "tries_max": 0}


# Accounts


@scene("account_create", code="WRONG_STATE")
async def _(world: World) -> Arguments:
    await world.run("account_create", actor="root", supervisor=1, user_id="kim", fields=ACCOUNT)
    return {"actor": "root", "supervisor": 1, "user_id": "kim", "fields": ACCOUNT}


@scene("account_update", "account_delete", code="USER_NOT_FOUND")
async def _(world: World) -> Arguments:
    await world.login("kim")
    return {"actor": "root", "supervisor": 1, "user_id": "kim", "fields": ACCOUNT}


@scene("account_login", code="RATE_LIMITED")
async def _(world: World) -> Arguments:
    return {"user_id": "kim", "address": "10.0.0.1", "tries_max": 9, "user_tries_max": 0}


def test_there_is_a_scene_for_every_error_of_every_header() -> None:
    named = {
        (name, code)
        for name, source in SCRIPTS.commands.items()
        for code in source.sections["ERRORS"].split()
        if code not in ("none", "REQUEST")
    }
    assert set(SCENES) == named


@pytest.mark.parametrize(("script", "code"), sorted(SCENES))
async def test_error(world: World, script: str, code: str) -> None:
    arguments = await SCENES[script, code](world)
    known = {name: value for name, value in arguments.items() if name in SCRIPTS.arguments(script)}
    with pytest.raises(Failed) as caught:
        await world.run(script, **known)
    assert caught.value.code == code


async def test_without_its_tenant_every_script_says_so_and_makes_nothing(store: Store) -> None:
    world = World(store, "t-not-there")
    # The two that do without `tenant`: one makes it, the other has a scene of its own.
    for script in sorted(set(SCRIPTS.names) - {"tenant_create", "tenant_login"}):
        names = SCRIPTS.arguments(script)
        given: Arguments = {name: "1" for name in names if name not in ("client", "request_id")}
        with pytest.raises(Failed, match="TOKEN_APPIDNOTEXIST"):
            await world.run(script, **given)
    assert (await world.freeze()).contents == {}


async def test_errors_say_in_words_what_is_wrong(world: World) -> None:
    await world.queue("q")
    await world.login("anna")
    with pytest.raises(Failed, match="QUE_ID_INVALID: there is no queue none"):
        await world.serve("anna", "q", "none")
    assert json.loads(world.policy())["priority"] == 10
