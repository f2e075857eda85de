"""The connection to Redis: one server, sentinels, a cluster, or the embedded store.

Nothing here repeats a command. The one exception is a cluster's MOVED, which runs nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast
from urllib.parse import urlsplit

import structlog
from fakeredis import FakeAsyncRedis, FakeServer
from fakeredis.aioredis import FakeAsyncRedisConnection
from redis.asyncio import ConnectionPool, Redis, RedisCluster
from redis.asyncio.client import PubSub
from redis.asyncio.cluster import ClusterNode
from redis.asyncio.connection import Connection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import MovedError, RedisError

from dispatcher.errors import Code, DispatcherError
from dispatcher.store.keys import key
from dispatcher.store.wire import (
    DEPTH,
    Noting,
    SentinelConnection,
    SentinelTlsConnection,
    TcpConnection,
    TlsConnection,
    Wire,
    error_of,
    pack,
)

log = structlog.get_logger(__name__)

TIMEOUT = 5.0
"""Seconds for a connection, and for the answer to a command."""

Address = tuple[str, int]


async def connect(url: str, *, timeout: float = TIMEOUT, connect_timeout: float = TIMEOUT) -> Store:
    """Open the store named by `url`; the servers need not be up yet.

    "" (embedded: in this process, gone with it), `redis://[user:password@]host:port[/db]`, `rediss://` (TLS),
    `redis+sentinel://host:port,host:port/master_name`, `redis+cluster://host:port,host:port` (both also with
    user and password, and as `rediss+...`). `timeout` bounds the answer to a command, `connect_timeout` the
    making of a connection, in seconds. Raises ValueError for another scheme or a malformed URL.
    """
    if not url:
        return _embedded(timeout)
    scheme, _, rest = url.partition("://")
    tls = scheme.startswith("rediss")
    options: dict[str, Any] = {
        "decode_responses": True,
        "encoding_errors": "replace",
        "protocol": 2,
        "driver_info": None,
        "retry": Retry(NoBackoff(), 0),
        "socket_timeout": timeout,
        "socket_connect_timeout": connect_timeout,
        "socket_keepalive": True,
    }
    kind = scheme.removeprefix("rediss" if tls else "redis")
    if kind == "":
        return _one_server(url, options)
    addresses, path, credentials = _servers(rest)
    options |= credentials
    if kind == "+sentinel":
        return _by_sentinels(addresses, path, tls, options)
    if kind == "+cluster":
        return ClusterStore(addresses, tls, options)
    raise ValueError("the store's URL begins with redis://, rediss://, redis+sentinel:// or redis+cluster://")


@dataclass(frozen=True)
class Shard:
    """One master, as a reader of sharded pub/sub sees it. Equal while the server's name is the same."""

    name: str
    client: Redis = field(repr=False, compare=False)

    def pubsub(self) -> PubSub:
        """Make a new subscriber with a connection of its own: ssubscribe, sunsubscribe, get_message, aclose.

        It raises redis-py's errors and does not reconnect: close it and make another.
        """
        return self.client.pubsub()


class Store:
    """One server, a sentinels' master, or the embedded store. `ClusterStore` is the same on a cluster.

    `client`: for plain commands that may go to any number of connections (strings in, strings out, no
    retries); on a cluster redis-py's RedisCluster, whose `scan_iter` covers all masters. It raises redis-py's
    errors; wrap it in `wire.redis_errors()` to get DispatcherError.
    """

    def __init__(
        self,
        client: Redis,
        make: Callable[[Address], Noting],
        *,
        address: Address = ("", 0),
        timeout: float = TIMEOUT,
        connect_timeout: float = TIMEOUT,
        is_embedded: bool = False,
        sentinel: Sentinel | None = None,
    ) -> None:
        self.client = client
        self.is_embedded = is_embedded
        self._make = make
        self._address = address
        self._timeout = timeout
        self._connect_timeout = connect_timeout
        self._sentinel = sentinel
        self._wires: dict[Address, Wire] = {}
        self._open: set[Wire] = set()
        self._closed = False

    async def wire(self, tenant: str) -> Wire:
        """Return the wire to the server that has `tenant`; it may still be connecting. Errors: UNAVAILABLE."""
        return self._wire_to(self._address)

    def moved(self, error: MovedError, wire: Wire) -> Wire:
        """Take note of a MOVED answered on `wire`, and return the wire to repeat the command on."""
        raise DispatcherError(Code.SERVER_EXCEPTION, "the store is a cluster: say redis+cluster://")

    async def script_load(self, text: str) -> str:
        """Load a script on every master; answer its SHA1. Errors: UNAVAILABLE."""
        shas: list[str] = []
        for wire in await self._masters():
            try:
                shas.append(await wire.call(pack("SCRIPT", "LOAD", text)))
            except RedisError as error:
                raise error_of(error) from error
        return shas[0]

    async def shards(self) -> list[Shard]:
        """List the masters, asking the cluster anew. Errors: UNAVAILABLE."""
        return [self.shard_of("")]

    def shard_of(self, channel: str) -> Shard:
        """Return the shard where a sharded channel lives, as `shards` last learned it. Errors: UNAVAILABLE."""
        return Shard("embedded" if self.is_embedded else _name(self._address), self.client)

    async def close(self) -> None:
        """Close every connection; commands without an answer fail."""
        self._closed = True
        for wire in list(self._open):
            await wire.close()
        await self.client.aclose()
        if self._sentinel is not None:
            await self._sentinel.aclose()

    async def _masters(self) -> list[Wire]:
        return [self._wire_to(self._address)]

    def _wire_to(self, address: Address) -> Wire:
        wire = self._wires.get(address)
        if wire is not None and wire.alive:
            return wire
        if self._closed:
            raise DispatcherError(Code.UNAVAILABLE, "the store is closed")
        wire = Wire(
            self._make(address),
            _name(address),
            timeout=self._timeout,
            connect_timeout=self._connect_timeout,
            # The embedded store computes while it is written to: one command, then the loop's turn.
            depth=1 if self.is_embedded else DEPTH,
        )
        self._wires[address] = wire
        self._open.add(wire)
        wire.task.add_done_callback(lambda _: self._open.discard(wire))
        return wire


class ClusterStore(Store):
    """A cluster. Where the slots are is asked whenever there is no live wire to go by, and by `shards`."""

    def __init__(self, seeds: Sequence[Address], tls: bool, options: dict[str, Any]) -> None:
        self._options = options | {"ssl": True} if tls else options
        self._kind = TlsConnection if tls else TcpConnection
        super().__init__(
            cast(Redis, _cluster_client(seeds, self._kind, self._options)),
            lambda address: _connection(self._kind, options | {"host": address[0], "port": address[1]}),
            timeout=options["socket_timeout"],
            connect_timeout=options["socket_connect_timeout"],
        )
        self._seeds = list(seeds)
        self._slots: list[Address | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        self._shards: dict[Address, Shard] = {}
        self._learning: asyncio.Task[None] | None = None

    async def wire(self, tenant: str) -> Wire:
        slot = _slot_of_tenant(tenant)
        address = self._slots[slot]
        wire = self._wires.get(address) if address is not None else None
        if wire is not None and wire.alive:
            return wire
        await self._learn()
        return self._wire_to(self._address_of(slot))

    def moved(self, error: MovedError, wire: Wire) -> Wire:
        address = (error.host or wire.name.rpartition(":")[0], error.port)
        self._slots[error.slot_id] = address
        return self._wire_to(address)

    async def shards(self) -> list[Shard]:
        await self._learn()
        masters = self._master_addresses()
        for gone in self._shards.keys() - set(masters):
            await self._shards.pop(gone).client.aclose()
        return [self._shard_at(address) for address in masters]

    def shard_of(self, channel: str) -> Shard:
        return self._shard_at(self._address_of(key_slot(channel.encode())))

    async def close(self) -> None:
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
            shard = self._shards[address] = Shard(_name(address), Redis.from_pool(pool))
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


class _EmbeddedConnection(Noting, FakeAsyncRedisConnection):  # type: ignore[misc]
    """To the server inside the process."""

    @property
    def is_open(self) -> bool:
        return self._writer is not None


def _embedded(timeout: float) -> Store:
    client = FakeAsyncRedis(
        server=FakeServer(version=(7,)), connection_class=_EmbeddedConnection, decode_responses=True, protocol=2
    )
    pool = client.connection_pool
    return Store(
        client, lambda _: _connection(_EmbeddedConnection, pool.connection_kwargs), timeout=timeout, is_embedded=True
    )


def _one_server(url: str, options: dict[str, Any]) -> Store:
    given = cast(dict[str, Any], parse_url(url))
    kind = TlsConnection if given.pop("connection_class", None) else TcpConnection
    options = given | options
    client = Redis.from_pool(ConnectionPool(connection_class=kind, **options))
    return Store(
        client,
        lambda _: _connection(kind, options),
        address=(options.get("host", "localhost"), options.get("port", 6379)),
        timeout=options["socket_timeout"],
        connect_timeout=options["socket_connect_timeout"],
    )


def _by_sentinels(addresses: Sequence[Address], path: str, tls: bool, options: dict[str, Any]) -> Store:
    master, _, db = path.partition("/")
    if not master:
        raise ValueError("redis+sentinel:// ends with the master's name")
    asking = {name: options[name] for name in ("retry", "socket_timeout", "socket_connect_timeout", "protocol")}
    sentinel = Sentinel(addresses, sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    kind = SentinelTlsConnection if tls else SentinelConnection
    options = options | {"db": int(db or 0)}
    pool = SentinelConnectionPool(master, sentinel, connection_class=kind, **options)  # type: ignore[no-untyped-call]
    return Store(
        Redis.from_pool(pool),
        lambda _: _connection(kind, pool.connection_kwargs),
        address=(master, 0),
        timeout=options["socket_timeout"],
        connect_timeout=options["socket_connect_timeout"],
        sentinel=sentinel,
    )


def _cluster_client(seeds: Sequence[Address], kind: type[Connection], options: dict[str, Any]) -> RedisCluster:
    client = RedisCluster(startup_nodes=[ClusterNode(host, port) for host, port in seeds], **options)
    # RedisCluster takes no connection class: it is set where it keeps the one it chose.
    client.nodes_manager.connection_kwargs["connection_class"] = kind
    for node in client.nodes_manager.startup_nodes.values():
        node.connection_class = kind
    return client


def _connection(kind: type[Noting], options: dict[str, Any]) -> Noting:
    """Make a connection for a wire, which keeps the time itself."""
    return kind(**options | {"socket_timeout": None})


def _servers(rest: str) -> tuple[list[Address], str, dict[str, str]]:
    """Split `[user:password@]host:port,host:port[/path]`."""
    netloc, _, path = rest.partition("/")
    credentials, _, hosts = netloc.rpartition("@")
    login = urlsplit(f"//{credentials}@")
    addresses: list[Address] = []
    for host in hosts.split(","):
        parts = urlsplit(f"//{host}")
        if not parts.hostname or not parts.port:
            raise ValueError(f"not host:port: {host!r}")
        addresses.append((parts.hostname, parts.port))
    given = {"username": login.username, "password": login.password}
    return addresses, path, {name: value for name, value in given.items() if value}


def _name(address: Address) -> str:
    return f"{address[0]}:{address[1]}" if address[1] else address[0] or "embedded"
