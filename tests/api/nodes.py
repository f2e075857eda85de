"""Whole nodes on free ports, as many as a test wants, on one store."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
import uvicorn
from pydantic import SecretStr
from websockets.asyncio.client import ClientConnection, connect

from api.app import App, create_app
from dispatcher.settings import Settings
from dispatcher.store.connect import Store

KEYS = SecretStr("k" * 32)


class Running:
    """A node that runs: its address and what is inside."""

    def __init__(self, app: App, port: int) -> None:
        self.app = app
        self.port = port
        self.http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}")

    async def login(self, tenant: str, secret: str, user_id: str, *roles: str, **more: Any) -> dict[str, str]:
        """Log in over HTTP; return the header that shows it."""
        asked = {"tenant": tenant, "secret": secret, "user_id": user_id, **({"roles": roles} if roles else {}), **more}
        response = await self.http.post("/v1/login", json=asked)
        assert response.status_code == 200, response.text
        return {"Authorization": f"Bearer {response.json()['token']}"}

    @asynccontextmanager
    async def socket(self, headers: dict[str, str], client: str) -> AsyncIterator[Socket]:
        """Open a WebSocket and say hello."""
        async with connect(f"ws://127.0.0.1:{self.port}/v1/ws", compression=None) as connection:
            socket = Socket(connection)
            token = headers["Authorization"].removeprefix("Bearer ")
            await connection.send(json.dumps({"id": 1, "cmd": "hello", "args": {"token": token, "client": client}}))
            answer = json.loads(await connection.recv())
            assert answer["ok"], answer
            yield socket


class Socket:
    """A logged-in WebSocket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def until(self, event: str) -> dict[str, Any]:
        """Read frames until one carries `event`; return its data."""
        while True:
            frame = json.loads(await self.connection.recv())
            for one in frame.get("events", ()):
                if one["event"] == event:
                    return cast(dict[str, Any], one["data"])


@asynccontextmanager
async def node(store: Store, node_id: str, **options: Any) -> AsyncIterator[Running]:
    """Run a node until the block ends."""
    app = create_app(Settings(node_id=node_id, token_keys=KEYS, **options), store)
    config = uvicorn.Config(
        app,
        port=0,
        log_level="error",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    # Ctrl-C stays with pytest.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    serving = asyncio.create_task(server.serve(), name=f"uvicorn:{node_id}")
    while not server.started:
        assert not serving.done()
        await asyncio.sleep(0.005)
    running = Running(app, server.servers[0].sockets[0].getsockname()[1])
    try:
        yield running
    finally:
        await running.http.aclose()
        server.should_exit = True
        await serving
