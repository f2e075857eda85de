"""The connection to Redis: one server, sentinels, a cluster, or the embedded store.

Nothing here repeats a command. The one exception is a cluster's MOVED, which runs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from fakeredis import FakeAsyncRedis, FakeServer
from fakeredis.aioredis import FakeAsyncRedisConnection
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff

from dispatcher.store.base import TIMEOUT, Address, Shard, Store, wire_connection
from dispatcher.store.cluster import ClusterStore
from dispatcher.store.wire import Noting, SentinelConnection, SentinelTlsConnection, TcpConnection, TlsConnection

__all__ = ["Shard", "Store", "connect"]


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
        client,
        lambda _: wire_connection(_EmbeddedConnection, pool.connection_kwargs),
        timeout=timeout,
        is_embedded=True,
    )


def _one_server(url: str, options: dict[str, Any]) -> Store:
    given = cast(dict[str, Any], parse_url(url))
    kind = TlsConnection if given.pop("connection_class", None) else TcpConnection
    options = given | options
    client = Redis.from_pool(ConnectionPool(connection_class=kind, **options))
    return Store(
        client,
        lambda _: wire_connection(kind, options),
        address=(options.get("host", "localhost"), options.get("port", 6379)),
        timeout=options["socket_timeout"],
        connect_timeout=options["socket_connect_timeout"],
    )


def _by_sentinels(addresses: Sequence[Address], path: str, tls: bool, options: dict[str, Any]) -> Store:
    master, _, db = path.partition("/")
    if not master:
        raise ValueError("redis+sentinel:// ends with the master's name")
    asking = {name: options[name] for name in ("retry", "socket_timeout", "socket_connect_timeout", "protocol")}
    sentinel = Sentinel(addresses, sentinel_kwargs=asking)
    kind = SentinelTlsConnection if tls else SentinelConnection
    options = options | {"db": int(db or 0)}
    pool = SentinelConnectionPool(master, sentinel, connection_class=kind, **options)
    return Store(
        Redis.from_pool(pool),
        lambda _: wire_connection(kind, pool.connection_kwargs),
        address=(master, 0),
        timeout=options["socket_timeout"],
        connect_timeout=options["socket_connect_timeout"],
        sentinel=sentinel,
    )


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
    return addresses, path, {name: unquote(value) for name, value in given.items() if value}
