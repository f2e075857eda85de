"""Events received since the connection, kept for those who wait for one and those who follow all."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from dispatcher.errors import DispatcherError
from dispatcher.model import Event


class Inbox:
    """Keep the last `limit` events. Nothing is missed between a command and the wait for its event.

    `recover` makes the event (a `snapshot`) that a follower gets who fell more than `limit` behind.
    """

    def __init__(self, limit: int, recover: Callable[[], Event]) -> None:
        self._kept: deque[Event] = deque(maxlen=limit)
        self._taken: deque[bool] = deque(maxlen=limit)
        self._count = 0
        self._recover = recover
        self._waiters: set[asyncio.Future[None]] = set()
        self._closed = False
        self._error: DispatcherError | None = None

    def put(self, event: Event) -> None:
        """Add an event and wake everybody."""
        self._kept.append(event)
        self._taken.append(False)
        self._count += 1
        self._wake()

    def close(self, error: DispatcherError | None) -> None:
        """Let nothing come any more. What is kept can still be taken; then `error` is raised, or the iteration ends."""
        self._closed, self._error = True, error
        self._wake()

    async def take(self, name: str, predicate: Callable[[Event], bool] | None, timeout: float | None) -> Event:
        """Return the oldest event of that name (and predicate) that no earlier `take` returned; wait for it.

        Raises TimeoutError after `timeout` seconds, the error that ended the connection, ConnectionError
        after an ordinary close.
        """
        try:
            async with asyncio.timeout(timeout):
                return await self._take(name, predicate)
        except TimeoutError:
            names = " ".join(event.event for event in self._kept)
            raise TimeoutError(f"no {name} in {timeout:g} s; came: {names}") from None

    async def _take(self, name: str, predicate: Callable[[Event], bool] | None) -> Event:
        seen = 0
        while True:
            first = self._count - len(self._kept)
            for place in range(max(seen - first, 0), len(self._kept)):
                event = self._kept[place]
                if not self._taken[place] and event.event == name and (predicate is None or predicate(event)):
                    self._taken[place] = True
                    return event
            seen = self._count
            if self._closed:
                raise self._error or ConnectionError(f"closed while waiting for {name}")
            await self._news()

    async def follow(self) -> AsyncIterator[Event]:
        """Yield every event, beginning with those kept."""
        following = self._count - len(self._kept)
        while True:
            first = self._count - len(self._kept)
            if following < first:
                following = self._count
                yield self._recover()
            elif following < self._count:
                event = self._kept[following - first]
                following += 1
                yield event
            elif self._closed:
                if self._error is not None:
                    raise self._error
                return
            else:
                await self._news()

    async def _news(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            await waiter
        finally:
            self._waiters.discard(waiter)

    def _wake(self) -> None:
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
