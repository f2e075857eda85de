"""The bound on redis.calls in each header: kept at the largest sizes, and not lax.

`World.send` checks the bound after every call anyway; here agents serve the most queues there may be, and for each
script some case must reach a third of what its header allows.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from dispatcher.model import CAPACITY_MAX, SERVED_QUEUES_MAX
from tests.scripts.world import SCRIPTS, World

pytestmark = pytest.mark.lanes("redis")

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}
BACKEND: dict[str, Any] = {"actor": "backend", "supervisor": 1, "presence": "none"}
QUEUES = [f"q{n}" for n in range(SERVED_QUEUES_MAX)]
ALL = " ".join(f"{queue} 0" for queue in QUEUES)

Scene = Callable[[World], Awaitable[tuple[str, int]]]


async def call(world: World, script: str, limit: int = 0, **arguments: Any) -> tuple[str, int]:
    """Run a script without a look at all keys; return its name and `limit`."""
    if limit:
        arguments["limit"] = limit
    if "request" in SCRIPTS.commands[script].uses:
        # Under an Idempotency-Key it costs the most.
        arguments.setdefault("request_id", "0a " + uuid.uuid4().hex)
    await world.run(script, check=False, **arguments)
    return script, limit


async def wide(world: World, *agents: str, dnd: int = 0) -> None:
    """Create 100 queues, and agents who serve all of them."""
    world.served = SERVED_QUEUES_MAX
    create = {**ROOT, "policy": world.policy(max_wait=1000)}
    await world.many("queue_create", [{**create, "queue_id": queue} for queue in QUEUES])
    await wide_agents(world, *agents, dnd=dnd)


async def wide_agents(world: World, *agents: str, dnd: int = 0, services: str = ALL) -> None:
    if agents:
        hello = {"client": "c", "session_id": "s", "node_id": "n"}
        await world.many("session_open", [{**hello, "actor": agent} for agent in agents])
        if dnd:
            await world.many("agent_set_dnd", [{"actor": agent, "agent_id": agent, "dnd": 1} for agent in agents])
        await world.many("agent_start_service", [{"actor": a, "agent_id": a, "services": services} for a in agents])


async def wait_everywhere(world: World) -> None:
    """Let one contact wait in every queue, all since the same moment, so that all heads tie."""
    await world.many("contact_start_queuing", [{**BACKEND, "customer_id": f"of-{q}", "queue_id": q} for q in QUEUES])


async def join(world: World, queue: str = "q0") -> str:
    contact = await world.run("contact_start_queuing", check=False, **BACKEND, customer_id="kim", queue_id=queue)
    return str(contact["contact_id"])


async def start(world: World, agent: str = "anna") -> str:
    """Let an agent serve kim, while one waits in every queue."""
    await wide(world, agent)
    contact = await join(world)
    await call(world, "contact_start", actor=agent, contact_id=contact)
    await wait_everywhere(world)
    return contact


async def queue_create(world: World) -> tuple[str, int]:
    create = {**ROOT, "policy": world.policy()}
    await world.many("queue_create", [{**create, "queue_id": f"q{n}", "name": str(n)} for n in range(1, 350)])
    return await call(world, "queue_create", **create)


async def queue_update(world: World) -> tuple[str, int]:
    await world.queue("q")
    await join(world, "q")
    return await call(world, "queue_update", **ROOT, queue_id="q", name="x", policy='{"priority":3}')


async def queue_delete(world: World) -> tuple[str, int]:
    agents = [f"a{n}" for n in range(50)]
    await wide(world, *agents)
    await world.many("contact_start_queuing", [{**BACKEND, "customer_id": a + "c", "queue_id": "q0"} for a in agents])
    return await call(world, "queue_delete", **ROOT, queue_id="q0", force=1)


async def tick(world: World) -> tuple[str, int]:
    await wide(world, *[f"a{n}" for n in range(65)])
    # 15 offers that will be missed; 50 contacts that a batch takes from their agents, behind 50 that wait.
    customers = [{**BACKEND, "customer_id": f"c{n}", "queue_id": "q1" if n < 15 else "q0"} for n in range(115)]
    await world.many("contact_start_queuing", customers)
    await call(world, "queue_delete", **ROOT, queue_id="q0", force=1)
    await wide_agents(world, *[f"b{n}" for n in range(15)], services=ALL.removeprefix("q0 0 "))
    await world.at(world.now + 30_000)
    return await call(world, "tick")


async def queue_show(world: World) -> tuple[str, int]:
    await world.queue("q")
    return await call(world, "queue_show", queue_id="q")


async def queue_records(world: World) -> tuple[str, int]:
    await wide(world)
    return await call(world, "queue_records", queue_ids=" ".join(QUEUES))


async def queue_status(world: World) -> tuple[str, int]:
    await world.queue("q")
    await join(world, "q")
    return await call(world, "queue_status", queue_id="q")


async def queue_list(world: World) -> tuple[str, int]:
    await wide(world)
    await wait_everywhere(world)
    return await call(world, "queue_list", limit=100, status=1)


async def agent_list(world: World) -> tuple[str, int]:
    await wide(world, *[f"a{n}" for n in range(20)])
    return await call(world, "agent_list", limit=30, **ROOT)


async def agent_show(world: World) -> tuple[str, int]:
    await wide(world, "anna")
    return await call(world, "agent_show", agent_id="anna")


async def contact_list(world: World) -> tuple[str, int]:
    await world.queue("q")
    await world.many("contact_start_queuing", [{**BACKEND, "customer_id": f"c{n}", "queue_id": "q"} for n in range(99)])
    return await call(world, "contact_list", limit=100, **ROOT, queue_id="q")


async def contact_show(world: World) -> tuple[str, int]:
    await world.queue("q")
    people = [{"actor": f"c{n}", "customer_id": f"c{n}", "queue_id": "q", "presence": "session"} for n in range(60)]
    await world.many("contact_start_queuing", people)
    await join(world, "q")
    return await call(world, "contact_show", actor="kim")


async def queue_positions(world: World) -> tuple[str, int]:
    await world.queue("q")
    waiting = [{**BACKEND, "customer_id": f"w{n}", "queue_id": "q"} for n in range(127)]
    held = [{**ROOT, "customer_id": f"h{n}", "queue_id": "q", "presence": "session"} for n in range(100)]
    await world.many("contact_start_queuing", [*waiting, *held])
    ids: list[Any] = await world.store.client.zrange(world.key("held", "q"), 0, -1)
    return await call(world, "queue_positions", queue_id="q", contact_ids=" ".join(ids))


async def agent_start_service(world: World) -> tuple[str, int]:
    await wide(world)
    await wait_everywhere(world)
    await world.login("anna")
    return await call(world, "agent_start_service", **ROOT, agent_id="anna", services=ALL)


async def agent_stop_service(world: World) -> tuple[str, int]:
    await wide(world, "anna")
    await join(world)
    await wide_agents(world, "bert")
    return await call(world, "agent_stop_service", **ROOT, agent_id="anna", queue_id="q0")


async def agent_set_dnd(world: World) -> tuple[str, int]:
    await wide(world, "anna", dnd=1)
    await wait_everywhere(world)
    return await call(world, "agent_set_dnd", **ROOT, agent_id="anna", dnd=0)


async def agent_set_capacity(world: World) -> tuple[str, int]:
    await start(world)
    return await call(world, "agent_set_capacity", **ROOT, agent_id="anna", capacity=CAPACITY_MAX)


async def agent_request_assignment(world: World) -> tuple[str, int]:
    await wide(world, "anna", dnd=1)
    await wait_everywhere(world)
    return await call(world, "agent_request_assignment", actor="anna", agent_id="anna")


async def contact_start_queuing(world: World) -> tuple[str, int]:
    await wide(world, "anna")
    return await call(world, "contact_start_queuing", **BACKEND, customer_id="kim", queue_id="q0")


async def contact_stop_queuing(world: World) -> tuple[str, int]:
    contact = await start(world)
    return await call(world, "contact_stop_queuing", **ROOT, contact_id=contact)


async def contact_start(world: World) -> tuple[str, int]:
    await wide(world, "anna")
    await call(world, "agent_set_capacity", **ROOT, agent_id="anna", capacity=2)
    contact = await join(world)
    await wait_everywhere(world)
    return await call(world, "contact_start", **ROOT, contact_id=contact)


async def contact_complete(world: World) -> tuple[str, int]:
    contact = await start(world)
    return await call(world, "contact_complete", **ROOT, contact_id=contact)


async def contact_transfer(world: World) -> tuple[str, int]:
    await wide(world, "anna")
    contact = await join(world)
    await call(world, "contact_start", actor="anna", contact_id=contact)
    await wide_agents(world, "bert")
    return await call(world, "contact_transfer", **ROOT, contact_id=contact, queue_id="q1")


async def offer(world: World) -> str:
    """Let anna be offered kim; return the assignment."""
    await wide(world, "anna")
    contact = await join(world)
    await wide_agents(world, "bert")
    return f"{contact}-1"


async def assignment_accept(world: World) -> tuple[str, int]:
    return await call(world, "assignment_accept", actor="anna", assignment_id=await offer(world))


async def assignment_reject(world: World) -> tuple[str, int]:
    return await call(world, "assignment_reject", actor="anna", assignment_id=await offer(world))


async def session_open(world: World) -> tuple[str, int]:
    await full_agent(world)
    await call(world, "agent_start_service", actor="anna", agent_id="anna", services=ALL)
    await call(world, "session_close", actor="anna", session_id=world.sessions["anna"])
    return await call(world, "session_open", actor="anna", client="x", session_id="s", node_id="n", name="Anna")


async def full_agent(world: World) -> None:
    """Let anna serve, of her 100 contacts, 99."""
    await wide(world)
    await world.login("anna")
    await call(world, "agent_set_capacity", **ROOT, agent_id="anna", capacity=CAPACITY_MAX)
    await call(world, "agent_start_service", actor="anna", agent_id="anna", services="q0 0")
    for n in range(CAPACITY_MAX - 1):
        customer = {**BACKEND, "customer_id": f"c{n}", "queue_id": "q0"}
        contact = (await world.run("contact_start_queuing", check=False, **customer))["contact_id"]
        await call(world, "contact_start", actor="anna", contact_id=contact)


async def session_close(world: World) -> tuple[str, int]:
    await wide(world)
    await world.login("anna")
    await call(world, "agent_start_service", actor="anna", agent_id="anna", services=ALL)
    return await call(world, "session_close", actor="anna", session_id=world.sessions["anna"])


async def node_renew(world: World) -> tuple[str, int]:
    await world.login("anna", node="n")
    return await call(world, "node_renew", node_id="n")


async def session_snapshot(world: World) -> tuple[str, int]:
    await full_agent(world)
    return await call(world, "session_snapshot", actor="anna")


async def call_start(world: World) -> tuple[str, int]:
    await wide(world, "anna", "bert")
    return await call(world, "call_start", actor="anna", callee_id="bert", meeting="null")


async def call_accept(world: World) -> tuple[str, int]:
    await wide(world, "anna")
    await world.login("kim")
    await call(world, "contact_start_queuing", actor="kim", customer_id="kim", queue_id="q0")
    ringing = await world.run("call_start", check=False, actor="anna", callee_id="kim", meeting="null")
    return await call(world, "call_accept", actor="kim", call_id=ringing["call_id"])


async def ring(world: World) -> str:
    """Let anna call bert, while one waits in each of the queues that both of them serve."""
    await wide(world, "anna", "bert")
    ringing = await world.run("call_start", check=False, actor="anna", callee_id="bert", meeting="null")
    await wait_everywhere(world)
    return str(ringing["call_id"])


async def call_reject(world: World) -> tuple[str, int]:
    return await call(world, "call_reject", actor="bert", call_id=await ring(world))


async def call_hangup(world: World) -> tuple[str, int]:
    return await call(world, "call_hangup", actor="anna", call_id=await ring(world))


async def user_status(world: World) -> tuple[str, int]:
    await world.login("kim", "anna")
    await call(world, "call_start", actor="anna", callee_id="kim", meeting="null")
    return await call(world, "user_status", actor="kim", user_id="anna", customer_only=1)


async def user_watch(world: World) -> tuple[str, int]:
    return await call(world, "user_watch", actor="anna", user_ids=json.dumps([f"u{n}" for n in range(100)]))


async def message_send(world: World) -> tuple[str, int]:
    await world.login("kim", "anna")
    await call(world, "call_start", actor="anna", callee_id="kim", meeting="null")
    message: dict[str, Any] = {"actor": "kim", "client": "client-kim", "request_id": 1, "customer_only": 1}
    return await call(world, "message_send", **message, to="anna", data="hello")


async def tenant_create(world: World) -> tuple[str, int]:
    world.tenant += "-new"
    return await call(world, "tenant_create", secret_hash="x", customer_grace=1, agent_grace=1)


async def tenant_show(world: World) -> tuple[str, int]:
    return await call(world, "tenant_show")


async def tenant_update(world: World) -> tuple[str, int]:
    return await call(world, "tenant_update", **ROOT, options='{"time_zone":"UTC","origins":"*"}')


async def tenant_rotate_secret(world: World) -> tuple[str, int]:
    return await call(world, "tenant_rotate_secret", **ROOT, secret_hash="y")


ACCOUNT = '{"name":"Kim","roles":"agent admin","queues":"*","password_hash":"x"}'


async def account_create(world: World) -> tuple[str, int]:
    return await call(world, "account_create", **ROOT, user_id="kim", fields=ACCOUNT)


async def account_update(world: World) -> tuple[str, int]:
    await account_create(world)
    return await call(world, "account_update", **ROOT, user_id="kim", fields=ACCOUNT)


async def account_delete(world: World) -> tuple[str, int]:
    await account_create(world)
    return await call(world, "account_delete", **ROOT, user_id="kim")


async def account_list(world: World) -> tuple[str, int]:
    await world.many("account_create", [{**ROOT, "user_id": f"u{n}", "fields": ACCOUNT} for n in range(101)])
    return await call(world, "account_list", limit=100)


async def account_login(world: World) -> tuple[str, int]:
    await account_create(world)
    return await call(world, "account_login", user_id="kim", address="a", tries_max=9, user_tries_max=9)


async def tenant_mint(world: World) -> tuple[str, int]:
    return await call(world, "tenant_mint", actor="kim")


async def tenant_pause(world: World) -> tuple[str, int]:
    return await call(world, "tenant_pause")


async def tenant_resume(world: World) -> tuple[str, int]:
    await call(world, "tenant_pause")
    return await call(world, "tenant_resume")


async def tenant_login(world: World) -> tuple[str, int]:
    world.tenant += "-new"
    await tenant_create(world)
    return await call(world, "tenant_login", secret_hash="x", address="a", tries_max=1)


async def tenant_login_legacy(world: World) -> tuple[str, int]:
    await call(world, "tenant_update", **ROOT, options='{"legacy_api_hash":"x"}')
    return await call(world, "tenant_login_legacy", kind="api", hash="x", address="a", tries_max=1)


SCENES: dict[str, Scene] = {name: globals()[name] for name in SCRIPTS.names}


@pytest.mark.parametrize("script", SCRIPTS.names)
async def test_the_largest_case_is_within_the_bound_and_the_bound_is_not_lax(world: World, script: str) -> None:
    ran, limit = await SCENES[script](world)
    assert ran == script
    bound = world.bound(script, limit)
    assert world.calls * 3 >= bound, f"{world.calls} of {bound}"
