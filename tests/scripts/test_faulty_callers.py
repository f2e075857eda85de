"""Arguments that no door lets through: a script refuses them, or fails, before its first write; or copes with them."""

from __future__ import annotations

from typing import Any

import pytest
from redis.exceptions import RedisError

from dispatcher.store.scripts import COMMON_ARGUMENTS
from tests.scripts.test_requests import scene
from tests.scripts.world import SCRIPTS, Failed, World

pytestmark = pytest.mark.lanes("redis")

FAULTY = ("", "x", "-1", "1e99", "nan", "1 2", "{}", '"', "\n")
Arguments = dict[str, Any]

TRUSTED: dict[str, set[str]] = {
    # Numbers and patterns that the types of `model` hold, and ids that only the gateway makes.
    "account_create": {"user_id", "fields"},
    "account_login": {"user_id", "address", "tries_max", "user_tries_max"},
    "account_update": {"fields"},
    "agent_set_capacity": {"capacity"},
    "agent_set_dnd": {"dnd"},
    "agent_start_service": {"services"},
    "call_start": {"meeting"},
    "call_accept": {"meeting"},
    "contact_start_queuing": {"customer_id"},
    "queue_create": {"queue_id", "policy"},
    "queue_update": {"policy"},
    "session_open": {"session_id"},
    "tenant_create": {"customer_grace", "agent_grace"},
    "tenant_login": {"tries_max"},
    "tenant_login_legacy": {"address", "tries_max"},
    "tenant_update": {"options"},
}
"""What a script takes as it is."""

READS: dict[str, Arguments] = {
    "account_list": {"limit": 2, "cursor": "a"},
    "tenant_show": {},
    "agent_list": {"queue_id": "q", "limit": 2, "cursor": "0"},
    "agent_show": {"agent_id": "anna"},
    "contact_list": {"queue_id": "q", "limit": 2, "cursor": "1763824800000-0000"},
    "contact_show": {"contact_id": "1763824800000-0000"},
    "queue_list": {"status": 1, "limit": 2, "cursor": "a"},
    "queue_positions": {"queue_id": "q", "contact_ids": "1763824800000-0000"},
    "queue_records": {"queue_ids": "q"},
    "queue_show": {"queue_id": "q"},
    "user_status": {"user_id": "kim", "customer_only": 0},
    "user_watch": {"user_ids": '["kim"]', "customer_only": 0},
    "queue_status": {"queue_id": "q"},
    "session_snapshot": {},
}


async def good(world: World, script: str) -> Arguments:
    """Prepare a scene in which a script succeeds; return its arguments."""
    if script in READS:
        await world.queue("q")
        await world.agent("anna", "q")
        await world.customer("kim", "q")
        return {"actor": "root", "supervisor": 1} | READS[script]
    if script == "session_open":
        return {"actor": "kim", "client": "c", "session_id": "s", "node_id": "n", "name": "Kim"}
    if script == "session_close":
        await world.login("kim")
        return {"actor": "kim", "session_id": world.sessions["kim"]}
    if script == "tenant_create":
        world.tenant += "-new"
        return {"secret_hash": "x", "customer_grace": 60, "agent_grace": 30}
    if script == "account_login":
        return {"user_id": "kim", "address": "a", "tries_max": 9, "user_tries_max": 9}
    if script in ("account_update", "account_delete"):
        account = '{"name":"","roles":"agent","queues":"*"}'
        await world.run("account_create", actor="root", user_id="kim", fields=account)
        return {"actor": "root", "user_id": "kim"} | ({"fields": account} if script == "account_update" else {})
    if script == "tenant_update":
        return {"actor": "root", "supervisor": 1, "options": '{"time_zone":"UTC"}'}
    if script == "tenant_rotate_secret":
        return {"actor": "root", "secret_hash": "y"}
    if script == "tenant_login":
        return {"secret_hash": "x", "address": "a", "tries_max": 9}
    if script == "tenant_login_legacy":
        await world.run("tenant_update", actor="root", supervisor=1, options='{"legacy_login_hash":"x"}')
        return {"kind": "login", "hash": "x", "address": "a", "tries_max": 9}
    if script == "tick":
        return {}
    given = await scene(world, script)
    return {name: value for name, value in given.items() if name in SCRIPTS.arguments(script)}


CASES = [
    (script, argument)
    for script, source in SCRIPTS.commands.items()
    for argument in (*source.sections["ARGV"].split(), *(["client", "request_id"] if "request" in source.uses else []))
    if argument not in TRUSTED.get(script, set())
]


def test_what_is_trusted_are_arguments() -> None:
    for script, names in TRUSTED.items():
        assert names <= set(SCRIPTS.arguments(script)) - set(COMMON_ARGUMENTS)


@pytest.mark.parametrize(("script", "argument"), CASES)
async def test_a_faulty_argument_leaves_nothing_half_done(world: World, script: str, argument: str) -> None:
    given = await good(world, script)
    if argument == "request_id":
        given["client"] = f"client-{given['actor']}"
    before = await world.freeze()
    for faulty in FAULTY:
        crashed = False
        try:
            await world.run(script, **given | {argument: faulty})
        except Failed:
            pass
        except (RedisError, ValueError, TypeError):
            # The embedded store raises what Python raises.
            crashed = True
            world.forget()
        after = await world.freeze()
        assert not crashed or after.same_as(before), f"{script} failed half way with {faulty!r}"
        before = after


async def test_a_failing_script_is_an_error_of_the_store_and_not_a_reply(world: World) -> None:
    await world.login("kim")
    with pytest.raises((RedisError, TypeError)):
        await world.run("contact_stop_queuing", actor="kim", client="client-kim", request_id="x")
