"""What the doors are measured against: the least that does the same on the wire, on the same libraries.

`python -m tests.bench.bare PORT REDIS_URL` serves it with the options of a node.

- `POST /bare` with a JSON array runs one EVALSHA with it (the script's hash and its arguments), and answers its body.
- `POST /echo` with any text runs one EVALSHA that publishes it; `/ws` sends every such text to each of its sockets.
- `/ws` answers each frame with itself, which is how a client sees that its socket works.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from redis.asyncio import Redis

from dispatcher.serving import bind, uvicorn_options
from dispatcher.settings import Settings

CHANNEL = "bare"
PUBLISH = f"return redis.call('PUBLISH', '{CHANNEL}', ARGV[1])"


class Bare:
    """The application: HTTP by FastAPI, sockets plain ASGI beside it, as in a node."""

    def __init__(self, url: str) -> None:
        self.redis = Redis.from_url(url, protocol=2, max_connections=50)
        self.sockets: set[Any] = set()
        self.http = FastAPI(lifespan=self._lifespan)
        self.http.post("/bare")(self.bare)
        self.http.post("/echo")(self.echo)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection."""
        if scope["type"] == "websocket":
            await self._socket(receive, send)
        else:
            await self.http(scope, receive, send)

    async def bare(self, request: Request) -> Response:
        """Run one EVALSHA."""
        sha, *arguments = await request.json()
        reply = await self.redis.evalsha(sha, 2, *arguments)
        return Response(reply[1], 201, media_type="application/json")

    async def echo(self, request: Request) -> Response:
        """Run one EVALSHA that publishes the body."""
        await self.redis.evalsha(self.publish, 0, await request.body())
        return Response(status_code=204)

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        self.publish = await self.redis.script_load(PUBLISH)
        channel = self.redis.pubsub(ignore_subscribe_messages=True)
        await channel.subscribe(CHANNEL)
        task = asyncio.create_task(self._forward(channel))
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await channel.aclose()
        await self.redis.aclose()

    async def _forward(self, channel: Any) -> None:
        async for message in channel.listen():
            for send in tuple(self.sockets):
                await send({"type": "websocket.send", "text": message["data"].decode()})

    async def _socket(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        self.sockets.add(send)
        try:
            while (message := await receive())["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": message["text"]})
        finally:
            self.sockets.discard(send)


def main(port: str, url: str) -> None:
    """Serve until it is told to stop."""
    with bind("127.0.0.1", int(port)) as taken:
        options = uvicorn_options(Settings(redis_url=url))
        uvicorn.Server(uvicorn.Config(Bare(url), **options)).run(sockets=[taken])


if __name__ == "__main__":
    main(*sys.argv[1:])
