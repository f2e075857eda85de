"""Every argument of every command: missing, of the wrong type, too long, of another tenant.

Commands and arguments are read from the AsyncAPI document, so a new one is tried without a word here. Whatever is
wrong, the answer is an error of the closed set, the socket stays, and no key of either tenant has changed.
"""

from __future__ import annotations

import time
from typing import Any

import pytest

from api.gateway.commands import COMMANDS
from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, QueueCreate, Role, Service
from dispatcher.store.connect import Store
from dispatcher.store.keys import key
from tests.api.test_fields import TOO_LONG, WRONG
from tests.gateway.node import Node
from tests.gateway.shapes import DOCUMENT
from tests.scripts.frozen import Frozen

pytestmark = pytest.mark.lanes("embedded", "redis")

EVERYTHING = frozenset(Role)
SCHEMAS = DOCUMENT["components"]["schemas"]


def _arguments(cmd: str) -> Any:
    return SCHEMAS[COMMANDS[cmd].args.__name__]


def _kind(schema: Any) -> str:
    """What type a value has, as the document names it; "" where any JSON will do."""
    if "$ref" in schema:
        schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
    kinds = [one for one in schema.get("anyOf", [schema]) if one.get("type") != "null"]
    return str(kinds[0].get("type", "")) if kinds else ""


WITH_ARGUMENTS = [cmd for cmd in COMMANDS if _arguments(cmd)["properties"]]
IDS = ("queue_id", "contact_id", "assignment_id", "call_id", "agent_id", "callee", "to", "user_id")
NAMING = [cmd for cmd in COMMANDS if _arguments(cmd)["properties"].keys() & {*IDS}]


async def _keys(store: Store, *tenants: str) -> list[dict[str, Any]]:
    """Everything, but when a node's lease ends."""
    found = []
    for tenant in tenants:
        contents = (await Frozen.read(store, tenant)).contents
        timers = key(tenant, "timers")
        contents[timers] = [pair for pair in contents.get(timers, []) if not pair[0].startswith("lease:")]
        found.append(contents)
    return found


async def _one_of_each(engine: Dispatcher, tenant: str) -> dict[str, str]:
    """Let an agent ring his customer in a tenant; return what everything there is called."""
    boss = Actor(tenant=tenant, user_id="boss", roles=EVERYTHING)
    await engine.create_tenant(tenant)
    await engine.create_queue(boss, QueueCreate(queue_id="theirs", connect_timeout=3600, ring_timeout=3600))
    for user in ("their-agent", "their-customer"):
        await engine.open_session(Actor(tenant=tenant, user_id=user, roles=EVERYTHING, client="c"), f"s-{user}", "")
    await engine.start_service(boss, "their-agent", [Service(queue_id="theirs")])
    contact = await engine.start_queuing(boss, "theirs", customer_id="their-customer")
    agent = Actor(tenant=tenant, user_id="their-agent", roles=EVERYTHING)
    (given,) = (await engine.get_snapshot(agent)).assignments
    call = await engine.call(agent, "their-customer")
    ids = {"queue_id": "theirs", "contact_id": contact.contact_id, "assignment_id": given.assignment_id}
    return ids | {"call_id": call.call_id} | dict.fromkeys(("agent_id", "callee", "to", "user_id"), "their-agent")


@pytest.mark.parametrize("cmd", WITH_ARGUMENTS)
async def test_an_argument_that_is_missing_of_the_wrong_type_or_too_long(
    one: Node, store: Store, tenant: str, cmd: str
) -> None:
    schema = _arguments(cmd)
    async with one.user(tenant, "ann", *EVERYTHING) as ann:
        before = await _keys(store, tenant)
        for member in schema.get("required", ()):
            told = await ann.error(cmd)
            assert (told["code"], f"{member}: is missing" in told["detail"]) == ("PARAM_ERR", True), told
        for member, of in schema["properties"].items():
            kind = _kind(of)
            wrong = [*WRONG.get(kind, ()), *([TOO_LONG[kind]] if kind in TOO_LONG else [])]
            for value in wrong or [{"x": "y" * 5000}]:
                told = await ann.error(cmd, **{member: value})
                assert (told["code"], member in told["detail"]) == ("PARAM_ERR", True), (member, str(value)[:99], told)
        assert (await ann.error(cmd, no_such_member=1))["code"] == "PARAM_ERR"
        assert await _keys(store, tenant) == before


@pytest.mark.parametrize("cmd", NAMING)
async def test_an_id_of_another_tenant(one: Node, store: Store, tenant: str, cmd: str) -> None:
    """It answers as one does that was never given."""
    theirs = f"{tenant}-2"
    ids = await _one_of_each(one.dispatcher, theirs)
    never = f"{time.time_ns() // 10**6}-9999"
    unknown = {"queue_id": "never", "contact_id": never, "assignment_id": f"{never}-1", "call_id": never}
    unknown |= dict.fromkeys(("agent_id", "callee", "to", "user_id"), "never")
    good = {"data": "x", "ext": "x"}
    wanted = _arguments(cmd)["properties"].keys()
    async with one.user(tenant, "ann", *EVERYTHING) as ann:
        before = await _keys(store, tenant, theirs)
        answers = []
        for named in (ids, unknown):
            given = {member: named[member] for member in wanted & named.keys()}
            if cmd == "transfer":
                del given["agent_id"]
            told = await ann.error(cmd, **given, **{member: good[member] for member in wanted & good.keys()})
            answers.append((told["code"], told["detail"].replace(next(iter(given.values())), "?")))
        assert answers[0] == answers[1]
        assert await _keys(store, tenant, theirs) == before
