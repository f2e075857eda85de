"""A node as the tests see it: gateway and hub behind a real server, and a client that waits for what it names."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from api.gateway import Gateway, Limits
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.events.hub import Hub
from dispatcher.events.pace import Pace
from dispatcher.model import Role
from dispatcher.serving import WebSocketProtocol
from dispatcher.store.connect import Store
from tests.gateway.shapes import check

SECONDS = 10
QUICK = Pace(settle_s=0.1, compare_s=3600, backoff_s=(0.01, 0.05))
"""Differences settle fast, and nothing is compared unless the test says so."""


@dataclass(frozen=True)
class Claims:
    tenant: str
    user_id: str
    name: str = ""
    roles: frozenset[Role] = frozenset({Role.AGENT})
    queues: frozenset[str] | None = None
    expires_at: int = field(default_factory=lambda: int(time.time() * 1000) + 3_600_000)


class Tokens:
    """Tokens that mean what the test says."""

    def __init__(self) -> None:
        self.issued: dict[str, Claims] = {}

    def issue(self, claims: Claims) -> str:
        token = secrets.token_hex(8)
        self.issued[token] = claims
        return token

    def read(self, token: str) -> Claims:
        claims = self.issued.get(token)
        if claims is None:
            raise DispatcherError(Code.TOKEN_AUTH_FAILED)
        if claims.expires_at <= time.time() * 1000:
            raise DispatcherError(Code.TOKEN_TIMEOUT)
        return claims


async def until(true: Callable[[], object]) -> None:
    """Wait for what nobody announces."""
    async with asyncio.timeout(SECONDS):
        while not true():  # noqa: ASYNC110  # there is no event to await
            await asyncio.sleep(0.005)


class Socket:
    """A client: answers by id, frames in their order."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.frames: list[dict[str, Any]] = []
        self.heard: list[str] = []
        """The names of all events so far, taken or not."""
        self.id = 0
        self._asked: dict[int, str] = {}

    async def raw(self, text: str | bytes) -> None:
        await self.connection.send(text)

    async def recv(self) -> dict[str, Any]:
        async with asyncio.timeout(SECONDS):
            frame = cast(dict[str, Any], json.loads(await self.connection.recv()))
        check(frame, self._asked.get(frame.get("id", 0), ""))
        self.heard += [event["event"] for event in frame.get("events", ())]
        return frame

    async def send(self, cmd: str, /, id: int | None = None, **args: Any) -> int:
        self.id = self.id + 1 if id is None else id
        self._asked[self.id] = cmd
        await self.raw(json.dumps({"id": self.id, "cmd": cmd, "args": args}))
        return self.id

    async def ask(self, cmd: str, /, id: int | None = None, **args: Any) -> dict[str, Any]:
        """Send a command and return its whole answer; event frames before it are kept."""
        sent = await self.send(cmd, id, **args)
        while (frame := await self.recv()).get("id") != sent:
            self.frames.append(frame)
        return frame

    async def ok(self, cmd: str, /, **args: Any) -> Any:
        answer = await self.ask(cmd, **args)
        assert answer["ok"], answer
        return answer["result"]

    async def error(self, cmd: str, /, **args: Any) -> dict[str, Any]:
        answer = await self.ask(cmd, **args)
        assert not answer["ok"], answer
        return cast(dict[str, Any], answer["error"])

    async def frame(self, *events: str) -> dict[str, Any]:
        """Return the next frame with one of these events, passing over others; none named: the next one."""
        while True:
            frame = self.frames.pop(0) if self.frames else await self.recv()
            if not events or {event["event"] for event in frame["events"]} & set(events):
                return frame

    async def event(self, name: str) -> dict[str, Any]:
        frame = await self.frame(name)
        return next(event["data"] for event in frame["events"] if event["event"] == name)

    async def closed(self) -> int:
        """Read to the end and return the close code; frames before it are kept."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                self.frames.append(await self.recv())
        return self.connection.close_code or 0

    def names(self) -> list[str]:
        return [event["event"] for frame in self.frames for event in frame.get("events", ())]

    async def settle(self) -> None:
        """Wait until everything sent before is here."""
        await self.ok("ping")


class Node:
    """One node: its own store, engine, hub and gateway, under a real server."""

    def __init__(self, gateway: Gateway, hub: Hub, dispatcher: Dispatcher, tokens: Tokens) -> None:
        self.gateway = gateway
        self.hub = hub
        self.dispatcher = dispatcher
        self.tokens = tokens
        self.port = 0
        self.connections: set[Any] = set()
        """The server's own, whatever has become of their sockets."""

    @asynccontextmanager
    async def socket(self, **options: Any) -> AsyncIterator[Socket]:
        """Connect, without hello."""
        async with connect(f"ws://127.0.0.1:{self.port}/v1/ws", compression=None, **options) as connection:
            yield Socket(connection)

    @asynccontextmanager
    async def user(
        self, tenant: str, user_id: str, *roles: Role, client: str = "", **options: Any
    ) -> AsyncIterator[Socket]:
        """Connect and say hello; the answer is in `snapshot`."""
        token = self.tokens.issue(Claims(tenant, user_id, name=user_id, roles=frozenset(roles or {Role.AGENT})))
        async with self.socket(**options) as socket:
            socket.id = 1000
            await socket.ok("hello", token=token, client=client or secrets.token_hex(16))
            yield socket


@asynccontextmanager
async def node(
    store: Store,
    dispatcher: Dispatcher,
    *,
    limits: Limits | None = None,
    pace: Pace = QUICK,
    tokens: Tokens | None = None,
    origins: Collection[str] = (),
) -> AsyncIterator[Node]:
    """Run a node on a free port."""
    tokens = tokens or Tokens()
    hub = Hub(dispatcher, store, f"node-{secrets.token_hex(4)}", pace=pace)

    async def allowed(tenant: str) -> Collection[str]:
        return origins

    gateway = Gateway(dispatcher, hub, tokens, limits=limits, origins=allowed)
    one = Node(gateway, hub, dispatcher, tokens)
    await hub.start()
    config = uvicorn.Config(
        gateway, port=0, lifespan="off", log_level="error", ws=WebSocketProtocol, ws_per_message_deflate=False,
        ws_max_size=1 << 20, timeout_graceful_shutdown=5,
    )  # fmt: skip
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    with _no_signals(server):
        serving = asyncio.create_task(server.serve(), name="uvicorn")
        await until(lambda: server.started or serving.done())
        one.port = server.servers[0].sockets[0].getsockname()[1]
        one.connections = server.server_state.connections
        try:
            yield one
        finally:
            server.should_exit = True
            await serving
            await gateway.stop(timeout_s=1.0)
            await hub.stop()


@contextlib.contextmanager
def _no_signals(server: uvicorn.Server) -> Any:
    """Leave Ctrl-C to pytest."""
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    yield
