"""The servers of a store, as the feed sees them: who holds a channel, and a connection of its own to it."""

from __future__ import annotations

from typing import Any, Protocol, cast

from redis.asyncio import Redis

from dispatcher.store.connect import Store


class Line(Protocol):
    """One connection to one server: the part of redis-py's connection that reading channels needs."""

    async def connect(self) -> None:
        """Connect, and greet the server."""

    async def disconnect(self, nowait: bool = False) -> None:
        """Drop the connection; with `nowait` without waiting for the other side."""

    async def send_command(self, *args: Any, **options: Any) -> None:
        """Write one command; its replies are read separately."""

    async def read_response(self, *, timeout: float, disconnect_on_error: bool, push_request: bool) -> Any:
        """Read one reply or message; an error reply is raised."""


class Masters:
    """The servers that take writes; each channel belongs to one of them. Errors: redis-py's, UNAVAILABLE.

    redis-py's own subscriber is not used: on a cluster it takes time that grows with the square of the number
    of channels, and on every server it connects again by itself, so that one never learns of what was missed.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._clients: dict[str, Redis] = {}

    async def refresh(self) -> None:
        """Learn again which servers there are."""
        self._clients = {shard.name: shard.client for shard in await self._store.shards()}

    def master_of(self, channel: str) -> str:
        """Return the name of the server that holds a channel."""
        shard = self._store.shard_of(channel)
        self._clients[shard.name] = shard.client
        return shard.name

    def line(self, master: str) -> Line:
        """Make an unconnected connection, not one of the pool's number. KeyError: there is no such server now."""
        pool: Any = self._clients[master].connection_pool
        return cast(Line, pool.make_connection())

    async def publish(self, channel: str, message: str) -> None:
        """Publish on a sharded channel, over the connections that plain commands use."""
        await self._store.shard_of(channel).client.spublish(channel, message)
