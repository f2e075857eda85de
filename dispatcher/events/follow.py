"""Following logs of tenants from inside a node: the log says what happened, the channel `feed` that there is more.

The channel promises nothing, the log loses nothing: whoever reads on from his cursor whenever the bell rings has
neither a hole nor a double between what was there and what is added. A lost ring costs time: it is read anyway
after a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, NamedTuple

import structlog

from dispatcher.errors import DispatcherError
from dispatcher.events import log as event_log
from dispatcher.events.feed import Feed
from dispatcher.events.log import Part
from dispatcher.store.connect import Store
from dispatcher.store.keys import key

log = structlog.get_logger(__name__)

RETRY_S = 1.0
GATHER_S = 0.02
"""The pause between two looks into a log: a busy tenant costs each reader 50 a second, not one for each command."""

Spawn = Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]]


class Following(NamedTuple):
    """A log that is being followed: the cursor it begins after, and what comes. Close the parts at the end."""

    since: str
    parts: AsyncGenerator[Part, None]


class Logs:
    """The logs that somebody on this node follows. After `idle_s` without a ring a log is read anyway."""

    def __init__(self, store: Store, feed: Feed, spawn: Spawn, idle_s: float) -> None:
        self._store = store
        self._feed = feed
        self._spawn = spawn
        self._idle_s = idle_s
        self._bells: dict[str, set[asyncio.Event]] = {}
        self._subscribing: dict[str, asyncio.Task[None]] = {}
        self._ended = False

    async def begin(self, tenant: str, since: str = "", contact_id: str = "") -> str:
        """Return the cursor to follow from: see `dispatcher.events.log.begin`."""
        return await event_log.begin(self._store, tenant, since, contact_id)

    async def follow(
        self, tenant: str, since: str, *, limit: int = 100, bell: asyncio.Event | None = None
    ) -> AsyncGenerator[Part, None]:
        """Yield what is in the log after `since`, then what is added to it, until `end`.

        A part with fewer than `limit` entries is the newest; an empty one comes when nothing else did for `idle_s`,
        or when the store does not answer: that is waited out. Whoever sets `bell` has the log read at once.
        """
        bell = bell or asyncio.Event()
        self._listen(tenant, bell)
        try:
            while not self._ended:
                bell.clear()
                try:
                    part = await event_log.read(self._store, tenant, since, limit)
                except DispatcherError as error:
                    log.warning("follow.failed", tenant=tenant, code=error.code.name)
                    yield Part(())
                    await asyncio.sleep(RETRY_S)
                    continue
                if part.entries:
                    since = part.entries[-1].cursor
                yield part
                if len(part.entries) < limit and not self._ended:
                    # What happens in quick succession is read together, instead of one by one.
                    await asyncio.sleep(GATHER_S)
                    await _rung(bell, self._idle_s)
        finally:
            self._leave(tenant, bell)

    def ring(self, channel: str) -> None:
        """Wake whoever follows the log behind a channel `feed`."""
        for bell in self._bells.get(channel, ()):
            bell.set()

    def end(self) -> None:
        """End everybody's following: the node is being stopped."""
        self._ended = True
        for channel in self._bells:
            self.ring(channel)

    def _listen(self, tenant: str, bell: asyncio.Event) -> None:
        channel = key(tenant, "feed")
        if channel not in self._bells:
            self._bells[channel] = set()
            self._subscribing[channel] = self._spawn(self._subscribe(channel), f"follow:{tenant}")
        self._bells[channel].add(bell)

    def _leave(self, tenant: str, bell: asyncio.Event) -> None:
        channel = key(tenant, "feed")
        self._bells[channel].discard(bell)
        if not self._bells[channel]:
            del self._bells[channel]
            self._subscribing.pop(channel).cancel()
            self._feed.unsubscribe(channel)

    async def _subscribe(self, channel: str) -> None:
        await self._feed.subscribe(channel)
        # What was added before the subscription rang for nobody.
        self.ring(channel)


async def _rung(bell: asyncio.Event, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await bell.wait()
    except TimeoutError:
        return
