"""One node: the store, the engine, the events, the timers, and the doors before them, as one ASGI application.

`uvicorn --factory api.app:create` runs it with the settings of the environment; `create_app` builds any number of
them in one process.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from api import http
from api.auth import Tokens
from api.gateway import Gateway
from dispatcher import logs, settings
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.events import log as event_log
from dispatcher.events.hub import Hub
from dispatcher.settings import Settings
from dispatcher.store.connect import Store, connect
from dispatcher.store.fleet import Fleet
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from dispatcher.ticker import Ticker

WEBSOCKET_PATH = "/v1/ws"

log = structlog.get_logger(__name__)


class Node:
    """What runs inside one application, while it runs. A `store` that is given is not closed at the end.

    `tokens` exist before the start. `dispatcher`, `hub`, `gateway` and `ticker` are made by `running`.
    """

    dispatcher: Dispatcher
    hub: Hub
    gateway: Gateway
    ticker: Ticker

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        self.settings = settings
        self.tokens = Tokens(settings.signing_keys())
        self._given = store

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start everything, the store first, and stop it in the opposite order."""
        async with AsyncExitStack() as stack:
            store = self._given
            if store is None:
                store = await connect(self.settings.redis_url, timeout=self.settings.command_timeout_s)
                stack.push_async_callback(store.close)
            self.dispatcher = Dispatcher(Runner(store, Scripts()))
            self.fleet = Fleet(store)
            self.ticker = Ticker(self.dispatcher, self.fleet, self.settings.node_id, partial(event_log.trim, store))
            self.dispatcher.on_due = self.ticker.due
            await self.ticker.start()
            stack.push_async_callback(self.ticker.stop)
            self.hub = Hub(self.dispatcher, store, self.settings.node_id)
            await self.hub.start()
            stack.push_async_callback(self.hub.stop)
            self.gateway = Gateway(self.dispatcher, self.hub, self.tokens)
            stack.push_async_callback(self.gateway.stop)
            log.info("node.started", node=self.settings.node_id, embedded=store.is_embedded)
            yield
        log.info("node.stopped", node=self.settings.node_id)

    async def ready(self) -> None:
        """Raise `DispatcherError` UNAVAILABLE unless the store answers and the events flow."""
        await self.fleet.now_ms()
        if not self.hub.ready:
            raise DispatcherError(Code.UNAVAILABLE, "the events of the store are not being read")


class App:
    """The ASGI application: WebSockets go to the gateway, HTTP and the lifespan to FastAPI.

    The gateway stands beside FastAPI, because a socket costs a third less there. `node` is what runs inside.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.http = http.build(body_bytes_max=node.settings.body_bytes_max, lifespan=self._lifespan)
        http.furnish(self.http, node)

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        async with self.node.running():
            yield

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self.http(scope, receive, send)
        else:
            try:
                await self.http(scope, receive, send)
            except Exception:
                # Answered already, as SERVER_EXCEPTION; it is raised on only so that somebody logs it.
                log.exception("request.failed", method=scope["method"], path=scope["path"])

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == WEBSOCKET_PATH:
            await self.node.gateway(scope, receive, send)
        else:
            # Closing before accepting is answered as 403.
            await receive()
            await send({"type": "websocket.close"})


def create_app(settings: Settings, store: Store | None = None) -> App:
    """Build a node's application. Raises `SettingsError`: no token keys on a real Redis."""
    return App(Node(settings, store))


def create() -> App:
    """Build the application from the environment: the factory that `dispatcher serve` names to uvicorn."""
    read = settings.load()
    logs.configure(read)
    return create_app(read)
