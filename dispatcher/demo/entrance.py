"""The way into the demo's pages by one click: ready-made people, each with a token.

It stands before the service and not in it, so that it is nowhere but in the demo. What it gives can be read by pages
of the demo's own origin alone.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

PATH = "/demo/people"

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
People = Callable[[], Awaitable[dict[str, Any]]]


class Entrance:
    """An ASGI application before `app`: `/` leads to the start page with its people, whom `PATH` answers."""

    people: People | None = None
    """Who comes in, made anew for each visitor. While nobody is set, the way is shut."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.node = app.node
        self.drain = app.drain

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        target = (scope["type"], scope.get("method"), scope.get("path"))
        if self.people is None:
            await self._app(scope, receive, send)
        elif target == ("http", "GET", "/") and not scope["query_string"]:
            await _answer(send, 307, [(b"location", b"/?demo")], b"")
        elif target == ("http", "GET", PATH):
            headers = [(b"content-type", b"application/json"), (b"cross-origin-resource-policy", b"same-origin")]
            await _answer(send, 200, headers, json.dumps(await self.people()).encode())
        else:
            await self._app(scope, receive, send)


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    headers = [*headers, (b"cache-control", b"no-store"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
