"""The log as server-sent events: one for each entry, its id the cursor, so that a reader who comes back goes on there.

The log itself is what waits for a slow reader: at most one part of it is in memory for him, and he reads on at his
own pace. Who takes nothing at all for a while is closed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from dispatcher.events.choice import Choice
from dispatcher.events.follow import Following
from dispatcher.events.frames import encode
from dispatcher.events.log import Part
from dispatcher.tasks import end

log = structlog.get_logger(__name__)

HEARTBEAT_S = 10.0
"""After so long without an event a comment is sent: proxies see that the connection lives, the reader gets on."""
TAKE_S = 30.0
"""How long a reader may take for what is sent to him."""
RETRY_MS = 1000
"""How soon an EventSource comes back."""


class EventStream(Response):
    """A log followed from a cursor, for `lives_s` seconds at most: as long as the token does."""

    media_type = "text/event-stream"

    def __init__(self, following: Following, choice: Choice, lives_s: float, *, take_s: float = TAKE_S) -> None:
        super().__init__(headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._following = following
        self._choice = choice
        self._lives_s = lives_s
        self._take_s = take_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until either side goes, the token ends, or the reader takes nothing."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        writing = asyncio.create_task(self._write(send), name="sse:write")
        leaving = asyncio.create_task(_until_left(receive), name="sse:leave")
        try:
            await asyncio.wait({writing, leaving}, timeout=self._lives_s, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                return
            if writing.done():
                writing.result()
        except TimeoutError:
            log.info("sse.too_slow")
            return
        finally:
            await end((writing, leaving))
        await send({"type": "http.response.body", "body": b""})

    async def _write(self, send: Send) -> None:
        async with aclosing(self._texts()) as texts:
            async for text in texts:
                async with asyncio.timeout(self._take_s):
                    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    async def _texts(self) -> AsyncGenerator[str, None]:
        since = self._following.since
        loop = asyncio.get_running_loop()
        # The id at once: who is cut off before the first event comes back to where he began.
        yield f"retry: {RETRY_MS}\n{_heartbeat(since)}"
        said_at = loop.time()
        async with aclosing(self._following.parts) as parts:
            async for part in parts:
                text = self._told(part)
                if part.entries:
                    since = part.entries[-1].cursor
                if text or loop.time() - said_at >= HEARTBEAT_S:
                    yield text or _heartbeat(since)
                    said_at = loop.time()

    def _told(self, part: Part) -> str:
        reset = _event("reset", encode({"cursor": part.entries[0].cursor})) if part.reset else ""
        return reset + "".join(
            f"id: {entry.cursor}\ndata: {encode(entry)}\n\n" for entry in self._choice.of(part.entries)
        )


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {data}\n\n"


def _heartbeat(cursor: str) -> str:
    """Return a comment with an id: it raises no event, but who comes back need not pass over the same again."""
    return f":\nid: {cursor}\n\n"


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
