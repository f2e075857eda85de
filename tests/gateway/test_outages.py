"""What a node does when only its reading of channels breaks: cut, stalled in silence, one message lost. A real server.

Commands go on all the while: nothing but the feed is disturbed. Each time the clients end up knowing everything.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest
from structlog.testing import capture_logs

from dispatcher.client import Client
from dispatcher.engine import Dispatcher
from dispatcher.errors import DispatcherError
from dispatcher.model import Actor, AssignmentState, Contact, Presence, QueueCreate, Role, Service, Snapshot
from dispatcher.store.connect import Store, connect
from dispatcher.store.keys import key
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.api.nodes import Running
from tests.api.nodes import node as whole_node
from tests.gateway.node import QUICK, Claims, Node, Socket, node, until
from tests.proxy import Proxy, before
from tests.servers import Cluster, Server, any_binary, command, running

TENANT = "t"
ADMIN = Actor(tenant=TENANT, user_id="root", roles=frozenset({Role.ADMIN}))


@dataclass
class Scene:
    """A server, a proxy before it, and a node behind the proxy; `direct` goes around it."""

    proxy: Proxy
    behind: Store
    direct: Dispatcher

    async def join(self, customer: str) -> Contact:
        """Let a customer without a connection join, around the proxy."""
        return await self.direct.start_queuing(ADMIN, "q", customer_id=customer, presence=Presence.NONE)


@pytest.fixture
async def scene(own_server: Server) -> AsyncIterator[Scene]:
    async with before(own_server.port) as proxy:
        behind, direct = await connect(proxy.url), await connect(own_server.url)
        dispatcher = Dispatcher(Runner(direct, Scripts()))
        await dispatcher.create_tenant(TENANT)
        await dispatcher.create_queue(ADMIN, QueueCreate(queue_id="q"))
        yield Scene(proxy, behind, dispatcher)
        await behind.close()
        await direct.close()


@asynccontextmanager
async def node_behind(scene: Scene, **pace: Any) -> AsyncIterator[Node]:
    """Run a node whose every byte goes through the proxy."""
    dispatcher = Dispatcher(Runner(scene.behind, Scripts()))
    async with node(scene.behind, dispatcher, pace=replace(QUICK, **pace)) as one:
        yield one


async def manual(socket: Socket) -> None:
    """Serve the queue without getting offers."""
    await socket.ok("set_dnd", dnd=1)
    await socket.ok("start_service", queue_id="q")
    await socket.event("agent.service")
    await socket.settle()
    socket.frames.clear()
    socket.heard.clear()


async def ready(one: Running) -> tuple[int, str]:
    answer = await one.http.get("/readyz")
    return answer.status_code, answer.text


async def test_a_node_that_loses_only_its_channels_says_so_and_heals(scene: Scene, own_server: Server) -> None:
    """Its clients miss a whole offer meanwhile, and know of it as soon as the channels are read again."""
    other_store = await connect(own_server.url)
    async with whole_node(scene.behind, "a") as a, whole_node(other_store, "b") as b:
        token = {user: _token(a, user, role) for user, role in (("ann", Role.AGENT), ("bob", Role.CUSTOMER))}
        async with a.socket(token["ann"], "x") as ann, b.socket(token["bob"], "y") as bob:
            assert (await a.http.put("/v1/agents/me/queues/q", headers=token["ann"])).status_code == 200
            assert (await ready(a))[0] == 200
            scene.proxy.black_hole = True
            scene.proxy.cut_readers()
            async with asyncio.timeout(10):
                while (said := await ready(a))[0] == 200:
                    pass
            assert said[0] == 503
            assert "events of the store are not being read" in said[1]
            assert (await ready(b))[0] == 200
            # Commands work all the same, through the very node: bob waits, and ann is offered him.
            joined = await a.http.post("/v1/contacts", json={"queue_id": "q"}, headers=token["bob"])
            assert (joined.status_code, joined.json()["agent_id"]) == (201, "ann")
            await bob.until("contact.matched")
            scene.proxy.black_hole = False
            scene.proxy.cut_readers()
            async with asyncio.timeout(10):
                snapshot = await ann.until("snapshot")
                assert [held["contact"]["customer_id"] for held in snapshot["assignments"]] == ["bob"]
                while (await ready(a))[0] != 200:
                    pass
                path = f"/v1/contacts/{joined.json()['contact_id']}/start"
                assert (await a.http.post(path, headers=token["ann"])).status_code == 200
                await ann.until("assignment.accepted")
                await bob.until("contact.serving")
    await other_store.close()


def _token(one: Running, user: str, role: Role) -> dict[str, str]:
    return {"Authorization": f"Bearer {one.app.node.tokens.mint(TENANT, user, user, [role]).token}"}


async def test_a_line_that_stalls_in_silence_is_noticed_and_everybody_here_gets_a_snapshot(scene: Scene) -> None:
    """No end and no reset, and nobody asks anything of it: only the probe can tell."""
    async with (
        node_behind(scene, probe_s=0.2, echo_s=1.0) as one,
        one.user(TENANT, "ann") as ann,
        one.user(TENANT, "bob") as bob,
    ):
        await manual(ann)
        scene.proxy.freeze_readers()
        contact = await scene.join("cid")
        await ann.event("queue.resync")
        for socket in (ann, bob):
            await socket.event("snapshot")
        listed = await ann.ok("list_contacts", queue_id="q")
        assert [item["contact_id"] for item in listed["items"]] == [contact.contact_id]
        assert one.hub.ready
        await scene.join("dan")
        assert (await ann.event("contact.entered"))["customer_id"] == "dan"


async def test_a_probe_through_the_real_path_keeps_a_silent_line(scene: Scene) -> None:
    """Silence alone is no reason: the echo comes, however often it is asked for."""
    async with node_behind(scene, probe_s=0.05, echo_s=5.0) as one, one.user(TENANT, "ann") as ann:
        await ann.settle()
        echoes = 0
        for reader in one.hub.feed.readers.values():
            for _ in range(5):
                reader.heard.clear()
                async with asyncio.timeout(10):
                    await reader.heard.wait()
                echoes += 1
        assert echoes == 5
        await ann.settle()
        assert "snapshot" not in ann.heard


async def test_one_lost_frame_is_noticed_by_the_next_one(scene: Scene) -> None:
    agent = Actor(tenant=TENANT, user_id="ann", roles=frozenset({Role.AGENT}))
    async with node_behind(scene) as one, one.user(TENANT, "ann") as ann:
        scene.proxy.lose = 1
        await scene.direct.set_dnd(agent, "ann", 1)
        await until(lambda: scene.proxy.lose == 0)
        await ann.settle()
        assert ann.heard == []
        await scene.direct.set_dnd(agent, "ann", 7)
        snapshot = await ann.event("snapshot")
        assert snapshot["agent"]["dnd"] == 7
        await scene.direct.set_dnd(agent, "ann", 0)
        assert (await ann.frame("agent.changed"))["offset"] == snapshot["offset"] + 1
        assert ann.heard.count("snapshot") == 1


async def test_a_lost_last_frame_is_noticed_by_the_comparison(scene: Scene) -> None:
    agent = Actor(tenant=TENANT, user_id="ann", roles=frozenset({Role.AGENT}))
    async with (
        node_behind(scene, compare_s=0.1, settle_s=0.1) as one,
        one.user(TENANT, "ann") as ann,
        one.user(TENANT, "bob") as bob,
    ):
        scene.proxy.lose = 1
        await scene.direct.set_dnd(agent, "ann", 1)
        assert (await ann.event("snapshot"))["agent"]["dnd"] == 1
        await bob.settle()
        assert bob.heard == []


async def test_a_lost_message_of_a_queue_asks_to_list_it_again(scene: Scene) -> None:
    async with node_behind(scene) as one, one.user(TENANT, "ann") as ann:
        await manual(ann)
        await scene.join("bob")
        await ann.event("contact.entered")
        scene.proxy.lose = 1
        lost = await scene.join("cid")
        await until(lambda: scene.proxy.lose == 0)
        await scene.join("dan")
        assert await ann.event("queue.resync") == {"queue_id": "q"}
        listed = await ann.ok("list_contacts", queue_id="q")
        assert lost.contact_id in [item["contact_id"] for item in listed["items"]]
        assert "snapshot" not in ann.heard


async def test_a_lost_last_message_of_a_queue_is_noticed_by_the_comparison(scene: Scene) -> None:
    async with node_behind(scene) as one, one.user(TENANT, "ann") as ann:
        await manual(ann)
        await scene.join("bob")
        await ann.event("contact.entered")
        scene.proxy.lose = 1
        await scene.join("cid")
        await until(lambda: scene.proxy.lose == 0)
        await one.hub.compare()
        assert await ann.event("queue.resync") == {"queue_id": "q"}
        while (await ann.event("queue.status"))["wait_num"] != 2:
            pass


async def test_a_board_misses_nothing_while_the_channels_are_away(scene: Scene) -> None:
    agent = Actor(tenant=TENANT, user_id="ann", roles=frozenset({Role.AGENT}))
    async with (
        node_behind(scene, probe_s=0.2, echo_s=1.0) as one,
        one.user(TENANT, "boss", Role.SUPERVISOR) as boss,
        one.user(TENANT, "ann"),
    ):
        await boss.ok("watch_agents")
        scene.proxy.freeze_readers()
        await scene.direct.set_dnd(agent, "ann", 3)
        await scene.direct.set_dnd(agent, "ann", 0)
        await scene.direct.set_dnd(agent, "ann", 4)
        while (await boss.event("agent.changed"))["dnd"] != 4:
            pass


async def test_on_a_cluster_each_master_has_its_own_reader() -> None:
    """Losing one master's channels costs a snapshot to the clients of its tenants, and to nobody else."""
    binary = any_binary()
    assert binary is not None
    with running(Cluster(binary)) as cluster:
        store = await connect(cluster.url)
        dispatcher = Dispatcher(Runner(store, Scripts()))
        tenants: dict[int, str] = {}
        await store.shards()
        for n in range(50):
            name = store.shard_of(key(f"t{n}", "feed")).name
            tenants.setdefault(int(name.rpartition(":")[2]), f"t{n}")
        assert len(tenants) == 3
        for tenant in tenants.values():
            await dispatcher.create_tenant(tenant)
        async with node(store, dispatcher) as one:
            await _lose_one_master(cluster, one, tenants)
        await store.close()


async def _lose_one_master(cluster: Cluster, one: Node, tenants: dict[int, str]) -> None:
    lost, *rest = cluster.masters
    async with (
        one.user(tenants[lost.port], "ann") as ann,
        one.user(tenants[rest[0].port], "bob") as bob,
        one.user(tenants[rest[1].port], "cid") as cid,
    ):
        assert len(one.hub.feed.readers) == 3
        with lost.client() as client:
            command(client, "CLIENT", "KILL", "TYPE", "pubsub")
        await ann.event("snapshot")
        for socket in (ann, bob, cid):
            await socket.ok("set_dnd", dnd=2)
            await socket.event("agent.changed")
        assert [socket.heard.count("snapshot") for socket in (ann, bob, cid)] == [1, 0, 0]


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_lost_at_random_in_the_end_everybody_knows_everything(scene: Scene, seed: int) -> None:
    """Others act on two agents and six customers, while the node that has their connections loses many messages."""
    chance = random.Random(seed)
    agents, customers = ("ann", "bob"), tuple(f"c{n}" for n in range(6))
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(node_behind(scene))
        clients = {}
        for user in agents + customers:
            role = Role.AGENT if user in agents else Role.CUSTOMER
            token = one.tokens.issue(Claims(TENANT, user, user, frozenset({role})))
            connecting = Client.connect(f"http://127.0.0.1:{one.port}", token)
            clients[user] = await stack.enter_async_context(await connecting)
        logs = stack.enter_context(capture_logs())
        for agent in agents:
            await scene.direct.start_service(_actor(agent), agent, [Service(queue_id="q")])
        for _ in range(120):
            if chance.random() < 0.3:
                scene.proxy.lose += 1
            with contextlib.suppress(DispatcherError):
                await _act(scene.direct, chance, clients[chance.choice(agents)], _actor(chance.choice(customers)))
        scene.proxy.lose = 0
        await one.hub.compare()
        for user, client in clients.items():
            told = await scene.direct.get_snapshot(_actor(user))
            await until(partial(_has, client, told.offset))
            assert _known(client.state) == _known(told), user
        assert [line["reason"] for line in logs if line["event"] == "hub.repair"].count("gap") >= 3


def _actor(user: str) -> Actor:
    return Actor(tenant=TENANT, user_id=user, roles=frozenset({Role.AGENT, Role.CUSTOMER}))


def _has(client: Client, offset: int) -> bool:
    return client.state.offset == offset


async def _act(others: Dispatcher, chance: random.Random, client: Client, customer: Actor) -> None:
    """Let others do something, or an agent himself: that he begins to serve he learns from the answer alone."""
    agent = _actor(client.state.user.user_id)
    held = (await others.get_snapshot(agent)).assignments
    choice = chance.randrange(8 if held else 4)
    if choice < 2:
        await others.start_queuing(ADMIN, "q", customer_id=customer.user_id)
    elif choice == 2:
        await others.stop_queuing(customer)
    elif choice == 3:
        await others.set_dnd(agent, agent.user_id, chance.choice((0, 0, 1)))
    elif held[0].state is AssignmentState.SERVING:
        await others.complete(agent, held[0].contact.contact_id)
    elif choice == 4:
        await others.reject(agent, held[0].assignment_id)
    elif choice == 5:
        await others.accept(agent, held[0].assignment_id)
    else:
        await client.start(held[0].contact.contact_id)


def _known(snapshot: Snapshot) -> dict[str, Any]:
    """Return what a client knows of itself, without what passes by itself."""
    known = snapshot.model_dump(mode="json", exclude={"user"})
    for contact in (known["contact"], *(held["contact"] for held in known["assignments"])):
        if contact:
            del contact["position"], contact["queuing_time_s"]
    if known["agent"]:
        del known["agent"]["since_at"]
        known["agent"]["contacts"].sort()
    return known
