"""How nodes end, as processes on a real server: killed with half the clients, or stopped one after another."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from api.auth import Tokens
from dispatcher import doctor
from dispatcher.client import Client
from dispatcher.engine import Dispatcher
from dispatcher.events import log
from dispatcher.model import Actor, QueueCreate, Role, Service
from dispatcher.store.connect import Store, connect
from dispatcher.store.keys import key
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.e2e.nodes import until
from tests.e2e.processes import KEYS, NodeProcess, nodes
from tests.proxy import Proxy, before
from tests.servers import Server

TENANT = "acme"
LEASE_S = 10
WHOLE_S = 10
"""How long after the end of a lease everything may take to be whole again."""
AT_ONCE = 20


@dataclass
class Place:
    """Two nodes, a door before the first of them, and an engine of the test's own beside them."""

    store: Store
    engine: Dispatcher
    nodes: list[NodeProcess]
    door: Proxy
    stack: AsyncExitStack
    clients: dict[str, Client] = field(default_factory=dict)

    def actor(self, user_id: str, role: Role = Role.AGENT) -> Actor:
        return Actor(tenant=TENANT, user_id=user_id, roles=frozenset({role}))

    async def come(self, users: Iterable[str], url: str) -> None:
        """Let agents and customers log in at an address, some at a time."""
        gate = asyncio.Semaphore(AT_ONCE)
        tokens = Tokens([KEYS])

        async def one(user_id: str) -> None:
            role = Role.AGENT if user_id.startswith("agent") else Role.CUSTOMER
            token = tokens.mint(TENANT, user_id, user_id, [role]).token
            async with gate:
                client = await Client.connect(url, token, timeout_s=60, backoff_s=0.2)
            self.clients[user_id] = await self.stack.enter_async_context(client)

        await asyncio.gather(*[one(user_id) for user_id in users])

    @property
    def door_url(self) -> str:
        return f"http://127.0.0.1:{self.door.port}"

    async def fields(self, users: Iterable[str], name: str) -> dict[str, str]:
        """Read one field of each user's hash."""
        pipe: Any = self.store.client.pipeline(transaction=False)
        names = list(users)
        for user_id in names:
            pipe.hget(key(TENANT, "user", user_id), name)
        return {user_id: value or "" for user_id, value in zip(names, await pipe.execute(), strict=True)}

    async def connected(self, users: Iterable[str]) -> set[str]:
        """Who of them is connected, as Redis knows it."""
        return {user_id for user_id, session in (await self.fields(users, "session")).items() if session}

    async def contacts(self, users: Iterable[str]) -> dict[str, str]:
        return await self.fields(users, "contact")

    async def told(self) -> list[str]:
        """The names of all events so far, with their reason."""
        events: list[str] = []
        cursor = log.START
        while entries := (await log.read(self.store, TENANT, cursor, log.BATCH_MAX)).entries:
            cursor = entries[-1].cursor
            for entry in entries:
                events += [f"{e.event}({e.data['reason']})" if e.data.get("reason") else e.event for e in entry.events]
        return events

    async def check(self) -> None:
        assert await doctor.check(self.store, TENANT, with_log=True) == []


@pytest.fixture
async def place(own_server: Server) -> AsyncIterator[Place]:
    store = await connect(own_server.url)
    engine = Dispatcher(Runner(store, Scripts()))
    await engine.create_tenant(TENANT)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        running = await stack.enter_async_context(nodes(own_server.url, 2, DISPATCHER_DRAIN_S="2"))
        door = await stack.enter_async_context(before(running[0].port))
        yield Place(store, engine, running, door, stack)


@pytest.mark.timeout(240)
async def test_a_node_that_is_killed_with_half_of_the_clients(place: Place) -> None:
    """200 contacts are under way. Some clients come back at once, some late, and some not at all."""
    engine, root = place.engine, place.actor("root", Role.ADMIN)
    await engine.create_queue(root, QueueCreate(queue_id="q", offer_timeout=600, connect_timeout=600))
    agents = [f"agent-{n:02}" for n in range(40)]
    customers = [f"customer-{n:03}" for n in range(200)]
    late = [*agents[::6], *customers[::6]]
    back = [user for user in (*agents[::2], *customers[::2]) if user not in late]
    other_half = [*agents[1::2], *customers[1::2]]
    for url, users in ((place.nodes[0].url, late), (place.door_url, back), (place.nodes[1].url, other_half)):
        await place.come(users, url)
    for customer in customers:
        await engine.start_queuing(place.actor(customer, Role.CUSTOMER), "q")
    for agent in agents:
        await engine.start_service(place.actor(agent), agent, [Service(queue_id="q")])
    for agent in agents[:20]:
        (given,) = (await engine.get_snapshot(place.actor(agent))).assignments
        await engine.start(place.actor(agent), given.contact.contact_id)
    before_it = await place.contacts(customers)
    assert len(set(before_it.values()) - {""}) == 200

    place.door.to(place.nodes[1].port)
    place.nodes[0].kill()
    dead = (await place.fields(late[:1], "node"))[late[0]]
    await until(lambda: place.fields(back, "node"), lambda now: not {"", dead} & {*now.values()})
    assert await place.connected(late) == set(late), "their lease runs"
    async with asyncio.timeout(LEASE_S + WHOLE_S):
        await until(lambda: place.connected(late), lambda found: not found)
    assert await place.connected({*agents, *customers}) == {*agents, *customers} - {*late}
    assert await place.contacts(customers) == before_it, "nobody is lost, nobody has another contact"
    await place.check()

    for user_id in late:
        await place.clients.pop(user_id).close()
    await place.come(late, place.nodes[1].url)
    assert await place.connected({*agents, *customers}) == {*agents, *customers}
    await place.check()
    served = await serve_all(place, agents)
    assert sorted(served) == sorted(before_it.values()), "each exactly once"
    await place.check()


async def serve_all(place: Place, agents: list[str]) -> list[str]:
    """Let all agents work until nobody is left; return the contacts they served, in order."""
    served: list[str] = []
    working = True
    while working:
        working = False
        for agent in agents:
            for given in (await place.engine.get_snapshot(place.actor(agent))).assignments:
                contact_id = given.contact.contact_id
                await place.engine.start(place.actor(agent), contact_id)
                await place.engine.complete(place.actor(agent), contact_id)
                served.append(contact_id)
                working = True
    return served


@pytest.mark.timeout(180)
async def test_a_rolling_restart_costs_nobody_his_offer_or_his_place(place: Place, own_server: Server) -> None:
    engine, root = place.engine, place.actor("root", Role.ADMIN)
    await engine.create_queue(root, QueueCreate(queue_id="q", offer_timeout=600))
    agents, customers = [f"agent-{n}" for n in range(4)], [f"customer-{n}" for n in range(8)]
    await place.come([*agents, *customers], place.door_url)
    for customer in customers:
        await place.clients[customer].start_queuing("q")
    for agent in agents:
        await place.clients[agent].start_service("q")
    offers = {agent: await offer_of(place, agent) for agent in agents}
    told = await place.told()
    assert told.count("assignment.offered") == 4

    users = {*agents, *customers}
    for stopped in range(2):
        sessions = await place.fields(users, "session")
        other = place.nodes[1 - stopped]
        place.door.to(other.port)
        async with asyncio.timeout(15):
            # Stopped as it should, uvicorn ends by the signal that it got.
            assert await place.nodes[stopped].stop() == -signal.SIGTERM
        moved = await until(
            lambda: place.fields(users, "session"),
            lambda now: all(now[user] not in ("", sessions[user]) for user in users),  # noqa: B023
        )
        assert len(moved) == 12
        place.nodes[stopped] = await NodeProcess.start(own_server.url, DISPATCHER_DRAIN_S="2")
    since = (await place.told())[len(told) :]
    assert set(since) <= {"session.replaced"}, "nobody was held, nothing was cancelled, no agent was away"
    assert {agent: await offer_of(place, agent) for agent in agents} == offers
    await place.check()


@pytest.mark.timeout(120)
async def test_redis_stands_still_for_longer_than_a_lease(place: Place, own_server: Server) -> None:
    """Whoever is still there when it goes on has lost nothing, and gets his time once more."""
    engine, root = place.engine, place.actor("root", Role.ADMIN)
    await engine.create_queue(root, QueueCreate(queue_id="q", offer_timeout=8))
    await engine.create_queue(root, QueueCreate(queue_id="phone", ring_timeout=8))
    await place.come(["agent", "customer", "held", "agent-rings", "rung"], place.door_url)
    await place.clients["rung"].start_queuing("phone")
    await place.clients["agent-rings"].start_service("phone")
    ringing = await place.clients["agent-rings"].call("rung")
    await place.clients["held"].start_queuing("q")
    await place.clients["held"].close()
    await place.clients["customer"].start_queuing("q")
    await place.clients["agent"].start_service("q")
    offer = await offer_of(place, "agent")
    told = await place.told()
    own_server.freeze()
    try:
        await asyncio.sleep(LEASE_S + 8)  # what is waited for is that nothing happens
    finally:
        own_server.thaw()
    await until(lambda: place.fields(["agent"], "session"), bool)
    assert await offer_of(place, "agent") == offer
    await place.clients["agent"].accept(offer)
    await place.clients["rung"].accept_call(ringing.call_id)
    assert await place.connected(place.clients.keys() - {"held"}) == place.clients.keys() - {"held"}
    since = (await place.told())[len(told) :]
    answered = {"assignment.accepted", "call.accepted", "contact.serving", "agent.changed"}
    assert set(since) <= answered | {"session.replaced"}, "nothing ended meanwhile"
    await place.check()


async def offer_of(place: Place, agent: str) -> str:
    (given,) = (await place.engine.get_snapshot(place.actor(agent))).assignments
    return given.assignment_id
