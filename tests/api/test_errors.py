"""Every error of the closed set, as a client meets it: over HTTP, and over his WebSocket where that has the command.

Each scene brings a tenant to where somebody is refused; he is refused with that code, its number and its status, and
no key of the tenant has changed. Three are not here: KICKOUT_BY_RELOGIN, NOANSWER and REFUSE are told by clients.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from dispatcher.engine import Dispatcher
from dispatcher.errors import Code
from dispatcher.model import Actor, Role
from dispatcher.store.connect import Store, connect
from dispatcher.store.keys import TENANTS, key
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from dispatcher.tenancy import AccountCreate
from tests.api.nodes import Running, node
from tests.api.refused import SCENES, Asked, Place, accept, call, join, request, scene
from tests.servers import Server

pytestmark = pytest.mark.lanes("embedded", "redis")

UNSEEN = "1763824800123-0007"
"""An id that was never given."""

TOLD_BY_CLIENTS = {Code.KICKOUT_BY_RELOGIN, Code.NOANSWER, Code.REFUSE}


# Queues


@scene(Code.QUE_ID_INVALID)
async def _(place: Place) -> Asked:
    await place.come("kim")
    return join("kim", "nowhere")


@scene(Code.ALREADY_OTHERQUE)
async def _(place: Place) -> Asked:
    await place.queue("q")
    await place.queue("other")
    await place.come("kim")
    await place.done("kim", "POST", "/v1/contacts", {"queue_id": "q"})
    return join("kim", "other")


@scene(Code.QUEUE_FULL)
async def _(place: Place) -> Asked:
    await place.queue(max_waiting=1)
    await place.come("kim", "lea")
    await place.done("lea", "POST", "/v1/contacts", {"queue_id": "q"})
    return join("kim", "q")


@scene(Code.QUEUE_CLOSED)
async def _(place: Place) -> Asked:
    await place.queue(open=False)
    await place.come("kim")
    return join("kim", "q")


@scene(Code.NO_AGENTS)
async def _(place: Place) -> Asked:
    await place.queue(join_when_no_agents=False)
    await place.come("kim")
    return join("kim", "q")


@scene(Code.ROLE_CONFLICT)
async def _(place: Place) -> Asked:
    await place.queue()
    await place.come("ann")
    await place.done("ann", "PUT", "/v1/agents/me/queues/q")
    return join("ann", "q")


@scene(Code.QUEUE_NOT_EMPTY)
async def _(place: Place) -> Asked:
    await place.offered()
    return Asked("boss", "DELETE", "/v1/queues/q")


@scene(Code.QUEUE_EXISTS)
async def _(place: Place) -> Asked:
    await place.queue()
    return Asked("boss", "POST", "/v1/queues", {"queue_id": "q"})


# Giving, contacts


@scene(Code.QUE_NOUSER)
async def _(place: Place) -> Asked:
    await place.queue()
    await place.come("ann")
    await place.done("ann", "PUT", "/v1/agents/me/queues/q")
    return request("ann")


@scene(Code.QUE_SERVICE_NOT_START)
async def _(place: Place) -> Asked:
    await place.queue()
    await place.come("ann")
    return Asked("ann", "DELETE", "/v1/agents/me/queues/q", None, "stop_service", {"queue_id": "q"})


@scene(Code.QUE_USER_CANCELLED)
async def _(place: Place) -> Asked:
    assignment = await place.offered()
    contact = (await place.done("kim", "GET", "/v1/me"))["contact"]["contact_id"]
    await place.done("kim", "DELETE", f"/v1/contacts/{contact}")
    return accept("ann", assignment)


@scene(Code.ASSIGNMENT_GONE)
async def _(place: Place) -> Asked:
    assignment = await place.offered()
    await place.done("ann", "POST", f"/v1/assignments/{assignment}/reject")
    return accept("ann", assignment)


@scene(Code.AGENT_BUSY)
async def _(place: Place) -> Asked:
    await place.done("ann", "POST", f"/v1/assignments/{await place.offered()}/accept")
    return request("ann")


@scene(Code.WRONG_STATE)
async def _(place: Place) -> Asked:
    await place.offered()
    contact = (await place.done("kim", "GET", "/v1/me"))["contact"]["contact_id"]
    path = f"/v1/contacts/{contact}/complete"
    return Asked("ann", "POST", path, None, "complete", {"contact_id": contact})


@scene(Code.CONTACT_NOT_FOUND)
async def _(place: Place) -> Asked:
    await place.come("ann")
    return Asked("ann", "POST", f"/v1/contacts/{UNSEEN}/start", None, "start", {"contact_id": UNSEEN})


# Calls, people


@scene(Code.INVALID_CALLID)
async def _(place: Place) -> Asked:
    await place.come("ann")
    return Asked("ann", "POST", f"/v1/calls/{UNSEEN}/hangup", {}, "hangup", {"call_id": UNSEEN})


@scene(Code.CALL_EXIST)
async def _(place: Place) -> Asked:
    await place.come("ann", "bert", "cleo")
    await place.done("ann", "POST", "/v1/calls", {"callee": "bert"})
    return call("ann", "cleo")


@scene(Code.BUSY)
async def _(place: Place) -> Asked:
    await place.come("ann", "bert", "cleo")
    await place.done("bert", "POST", "/v1/calls", {"callee": "cleo"})
    return call("ann", "bert")


@scene(Code.OFFLINE)
async def _(place: Place) -> Asked:
    await place.come("ann")
    bert = Actor(tenant=place.tenant, user_id="bert", client="b")
    await place.engine.open_session(bert, "b", "")
    await place.engine.close_session(place.tenant, "bert", "b")
    return call("ann", "bert")


@scene(Code.USER_NOT_FOUND)
async def _(place: Place) -> Asked:
    await place.come("ann")
    return call("ann", "nobody")


# Who asks


@scene(Code.NOT_LOGIN)
async def _(place: Place) -> Asked:
    await place.queue()
    return Asked("ann", "PUT", "/v1/agents/me/queues/q")


@scene(Code.ANCTPSWD_ERR)
async def _(place: Place) -> Asked:
    return Asked("kim", "POST", "/v1/login", _password(place, "kim"), compared=False)


@scene(Code.TOKEN_TIMEOUT)
async def _(place: Place) -> Asked:
    return Asked("kim", "GET", "/v1/me", headers=place.token("kim", Role.CUSTOMER, ttl_s=-1))


@scene(Code.TOKEN_APPIDNOTEXIST)
async def _(place: Place) -> Asked:
    return Asked("kim", "GET", "/v1/me", headers=place.token("kim", Role.CUSTOMER, tenant="no-such-tenant"))


@scene(Code.TOKEN_AUTH_FAILED)
async def _(place: Place) -> Asked:
    return Asked("kim", "GET", "/v1/me", headers={"Authorization": "Bearer forged"})


@scene(Code.API_NO_PERMISSION)
async def _(place: Place) -> Asked:
    await place.come("kim")
    return Asked("kim", "GET", "/v1/agents", None, "watch_agents")


@scene(Code.RATE_LIMITED)
async def _(place: Place) -> Asked:
    account = {"user_id": "kim", "roles": ["customer"], "password": "correct horse"}
    await place.engine.create_account(place.boss, AccountCreate.model_validate(account))
    for _ in range(place.one.app.node.settings.passwords_per_minute):
        refused = await place.do(Asked("kim", "POST", "/v1/login", _password(place, "kim")))
        assert refused.json()["code"] == "ANCTPSWD_ERR"
    return Asked("kim", "POST", "/v1/login", _password(place, "kim"), compared=False)


def _password(place: Place, user: str) -> dict[str, str]:
    return {"tenant": place.tenant, "user_id": user, "password": "wrong horse"}


# What is asked, and what happens to it


@scene(Code.PARAM_ERR)
async def _(place: Place) -> Asked:
    await place.come("kim")
    return join("kim", 5)


@scene(Code.REQUEST_ID_REUSED)
async def _(place: Place) -> Asked:
    one = {"Idempotency-Key": "once"}
    assert (await place.do(Asked("boss", "POST", "/v1/queues", {"queue_id": "a"}, headers=one))).status_code == 201
    return Asked("boss", "POST", "/v1/queues", {"queue_id": "b"}, headers=one)


@scene(Code.UNAVAILABLE)
async def _(place: Place) -> Asked:
    await place.queue()
    await place.come("kim")
    await place.engine.pause_tenant(place.tenant)
    return join("kim", "q")


@scene(Code.SERVER_EXCEPTION)
async def _(place: Place) -> Asked:
    """A key is not what it must be."""
    await place.queue()
    await place.come("kim")
    client = place.engine.runner.store.client
    # Nobody who looks at all tenants shall find this one.
    await client.srem(TENANTS, place.tenant)
    await client.delete(key(place.tenant, "queue", "q"))
    await client.set(key(place.tenant, "queue", "q"), "x")
    return join("kim", "q")._replace(compared=False)


@pytest.fixture(scope="module")
async def one(store: Store) -> AsyncIterator[Running]:
    async with node(store, "a") as running:
        yield running


@pytest.fixture
async def place(one: Running, tenant: str) -> AsyncIterator[Place]:
    async with AsyncExitStack() as stack:
        yield Place(one, stack, tenant)


def test_the_whole_set_is_here() -> None:
    assert {*Code} - TOLD_BY_CLIENTS == {*SCENES, Code.OUTCOME_UNKNOWN}


@pytest.mark.parametrize("code", SCENES, ids=lambda code: str(code.name))
async def test_an_error_through_the_doors(place: Place, code: Code) -> None:
    asked = await SCENES[code](place)
    before = await place.frozen() if asked.compared else None
    answer = await place.do(asked)
    told = answer.json()
    assert (answer.status_code, told["code"], told["errno"]) == (code.status, code.name, code.errno), told
    if asked.cmd:
        frame = await place.command(asked.user, asked.cmd, asked.args)
        assert (frame["ok"], frame["error"]["code"], frame["error"]["errno"]) == (False, code.name, code.errno)
    assert (await place.frozen() if asked.compared else None) == before


async def test_an_outcome_that_nobody_knows(own_server: Server) -> None:
    """The command went out, and no answer came: it may be carried out yet, and is, once."""
    store = await connect(own_server.url, timeout=0.5)
    await Dispatcher(Runner(store, Scripts())).create_tenant("t")
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        place = Place(await stack.enter_async_context(node(store, "a")), stack, "t")
        await place.queue()
        await place.come("kim")
        own_server.freeze()
        try:
            frame = await place.command("kim", "start_queuing", {"queue_id": "q"})
        finally:
            own_server.thaw()
        code = Code.OUTCOME_UNKNOWN
        assert (frame["error"]["code"], frame["error"]["errno"]) == (code.name, code.errno)
        again = await place.command("kim", "start_queuing", {"queue_id": "q"})
        assert again["ok"]
        assert (await place.done("kim", "GET", "/v1/queues/q/status"))["wait_num"] == 1
