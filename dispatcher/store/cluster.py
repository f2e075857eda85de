"""The store on a cluster: which master has a tenant, and what to do when that changes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import structlog
from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import Connection
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import MovedError, RedisError

from dispatcher.errors import Code, DispatcherError
from dispatcher.store.base import Address, Shard, Store, address_name, wire_connection
from dispatcher.store.keys import key
from dispatcher.store.wire import TcpConnection, TlsConnection, Wire, pack

log = structlog.get_logger(__name__)


class ClusterStore(Store):
    """A cluster. Where the slots are is asked whenever there is no live wire to go by, and by `shards`."""

    def __init__(self, seeds: Sequence[Address], tls: bool, options: dict[str, Any]) -> None:
        self._options = options | {"ssl": True} if tls else options
        self._kind = TlsConnection if tls else TcpConnection
        super().__init__(
            cast(Redis, _cluster_client(seeds, self._kind, self._options)),
            lambda address: wire_connection(self._kind, options | {"host": address[0], "port": address[1]}),
            timeout=options["socket_timeout"],
            connect_timeout=options["socket_connect_timeout"],
        )
        self._seeds = list(seeds)
        self._slots: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        self._shards: dict[Address, Shard] = {}
        self._learning: asyncio.Task[None] | None = None

    async def wire(self, tenant: str) -> Wire:
        """Return the wire to the master that has `tenant`. Errors: UNAVAILABLE."""
        slot = _slot_of_tenant(tenant)
        address = self._slots[slot]
        wire = self._wires.get(address) if address is not None else None
        if wire is not None and wire.alive:
            return wire
        await self._learn()
        return self._wire_to(self._address_of(slot))

    def moved(self, error: MovedError, wire: Wire) -> Wire:
        """Take note of a slot's new master, and return the wire to it."""
        address = (error.host or wire.name.rpartition(":")[0], error.port)
        self._slots[error.slot_id] = address
        return self._wire_to(address)

    async def shards(self) -> list[Shard]:
        """Ask the cluster which masters there are. Errors: UNAVAILABLE."""
        await self._learn()
        masters = self._master_addresses()
        for gone in self._shards.keys() - set(masters):
            await self._shards.pop(gone).client.aclose()
        return [self._shard_at(address) for address in masters]

    def shard_of(self, channel: str) -> Shard:
        """Return the master a channel belongs to, as last learned. Errors: UNAVAILABLE."""
        return self._shard_at(self._address_of(key_slot(channel.encode())))

    async def close(self) -> None:
        """Close every connection; commands without an answer fail."""
        if self._learning is not None:
            self._learning.cancel()
        await super().close()
        for shard in self._shards.values():
            await shard.client.aclose()

    async def _masters(self) -> list[Wire]:
        await self._learn()
        return [self._wire_to(address) for address in self._master_addresses()]

    def _master_addresses(self) -> list[Address]:
        return sorted({address for address in self._slots if address is not None})

    def _address_of(self, slot: int) -> Address:
        address = self._slots[slot]
        if address is None:
            raise DispatcherError(Code.UNAVAILABLE, "no server of the cluster has this tenant now")
        return address

    def _shard_at(self, address: Address) -> Shard:
        shard = self._shards.get(address)
        if shard is None:
            options = self._options | {"host": address[0], "port": address[1]}
            options.pop("ssl", None)
            pool = ConnectionPool(connection_class=self._kind, **options)
            shard = self._shards[address] = Shard(address_name(address), Redis.from_pool(pool))
        return shard

    async def _learn(self) -> None:
        """Ask the cluster where the slots are; all who need it wait for the same asking. Errors: UNAVAILABLE."""
        if self._learning is None or self._learning.done():
            self._learning = asyncio.create_task(self._ask(), name="cluster slots")
        await asyncio.shield(self._learning)

    async def _ask(self) -> None:
        alive = [address for address, wire in self._wires.items() if wire.alive and wire.connected]
        known = dict.fromkeys([*alive, *self._master_addresses(), *self._seeds])
        for address in known:
            try:
                ranges = await self._wire_to(address).call(pack("CLUSTER", "SLOTS"))
            except (RedisError, DispatcherError):
                continue
            slots: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
            for first, last, master, *_ in ranges:
                owner = (master[0] or address[0], master[1])
                slots[first : last + 1] = [owner] * (last - first + 1)
            self._slots = slots
            return
        log.warning("cluster_unreachable", servers=len(known))
        raise DispatcherError(Code.UNAVAILABLE, "no server of the cluster answers")


@lru_cache(maxsize=10_000)
def _slot_of_tenant(tenant: str) -> int:
    return key_slot(key(tenant, "meta").encode())


def _cluster_client(seeds: Sequence[Address], kind: type[Connection], options: dict[str, Any]) -> RedisCluster:
    client = RedisCluster(startup_nodes=[ClusterNode(host, port) for host, port in seeds], **options)
    # RedisCluster takes no connection class: it is set where it keeps the one it chose.
    client.nodes_manager.connection_kwargs["connection_class"] = kind
    for node in client.nodes_manager.startup_nodes.values():
        node.connection_class = kind
    return client
