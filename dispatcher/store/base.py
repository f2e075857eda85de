"""The store as its users see it: on one server, a sentinels' master, or embedded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.sentinel import Sentinel
from redis.exceptions import MovedError, RedisError

from dispatcher.errors import Code, DispatcherError
from dispatcher.store.keys import TENANTS
from dispatcher.store.wire import DEPTH, Noting, Wire, error_of, pack, redis_errors

TIMEOUT = 5.0
"""Seconds for a connection, and for the answer to a command."""

Address = tuple[str, int]


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

    async def add_tenant(self, tenant: str) -> None:
        """Put a tenant on the list of all. Errors: UNAVAILABLE, OUTCOME_UNKNOWN."""
        with redis_errors():
            await self.client.sadd(TENANTS, tenant)

    async def tenants(self) -> list[str]:
        """List all tenants by name. Errors: UNAVAILABLE, OUTCOME_UNKNOWN."""
        with redis_errors():
            return sorted(map(str, await self.client.smembers(TENANTS)))

    async def shards(self) -> list[Shard]:
        """List the masters, asking the cluster anew. Errors: UNAVAILABLE."""
        return [self.shard_of("")]

    def shard_of(self, channel: str) -> Shard:
        """Return the shard where a sharded channel lives, as `shards` last learned it. Errors: UNAVAILABLE."""
        return Shard("embedded" if self.is_embedded else address_name(self._address), self.client)

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
            address_name(address),
            timeout=self._timeout,
            connect_timeout=self._connect_timeout,
            # The embedded store computes while it is written to: one command, then the loop's turn.
            depth=1 if self.is_embedded else DEPTH,
        )
        self._wires[address] = wire
        self._open.add(wire)
        wire.task.add_done_callback(lambda _: self._open.discard(wire))
        return wire


def wire_connection(kind: type[Noting], options: dict[str, Any]) -> Noting:
    """Make a connection for a wire, which keeps the time itself."""
    return kind(**options | {"socket_timeout": None})


def address_name(address: Address) -> str:
    """Return what logs call a server."""
    return f"{address[0]}:{address[1]}" if address[1] else address[0] or "embedded"
