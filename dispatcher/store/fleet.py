"""The few keys that belong to no tenant: which nodes live, and which tenants there are; and the server's clock.

No script touches them, and nothing breaks if they lag.
"""

from __future__ import annotations

from dispatcher.store.connect import Store
from dispatcher.store.keys import NODES
from dispatcher.store.wire import redis_errors

FORGOTTEN_MS = 60_000
"""A node that said nothing for so long is taken off the list."""


class Fleet:
    """What the nodes of one store know of each other. Every method raises `DispatcherError` (UNAVAILABLE …)."""

    def __init__(self, store: Store) -> None:
        self.store = store

    async def now_ms(self) -> int:
        """Return the clock of one server (epoch ms)."""
        shards = await self.store.shards()
        with redis_errors():
            seconds, micros = await shards[0].client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    async def beat(self, node: str, now_ms: int, lives_ms: int) -> list[str]:
        """Say that `node` lives, and list who does: those who said so at most `lives_ms` ago."""
        with redis_errors():
            await self.store.client.zadd(NODES, {node: now_ms})
            await self.store.client.zremrangebyscore(NODES, "-inf", now_ms - FORGOTTEN_MS)
            return [str(name) for name in await self.store.client.zrangebyscore(NODES, now_ms - lives_ms, "+inf")]

    async def leave(self, node: str) -> None:
        """Take `node` off the list."""
        with redis_errors():
            await self.store.client.zrem(NODES, node)

    async def tenants(self) -> list[str]:
        """List all tenants by name."""
        return await self.store.tenants()
