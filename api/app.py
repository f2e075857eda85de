"""One node: the store, the engine, the events, the timers, and the doors before them, as one ASGI application.

`uvicorn --factory api.app:create` runs it with the settings of the environment; `create_app` builds any number of
them in one process.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from api import http, metrics_port
from api.auth import Tokens
from api.gateway import Gateway
from api.observed import Observed, request_id
from api.origins import Origins
from dispatcher import logs, settings
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.events import log as event_log
from dispatcher.events.hub import Hub
from dispatcher.events.pace import Pace
from dispatcher.examiner import Examiner
from dispatcher.leases import Leases
from dispatcher.metrics.meters import Meters
from dispatcher.metrics.metrics import Metrics
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

    `tokens` and `meters` exist before the start; the other parts are made by `running`.
    """

    dispatcher: Dispatcher
    examiner: Examiner
    hub: Hub
    gateway: Gateway
    origins: Origins
    ticker: Ticker
    metrics: Metrics

    def __init__(self, settings: Settings, store: Store | None = None) -> None:
        self.settings = settings
        self.tokens = Tokens(settings.signing_keys())
        self.meters = Meters(settings.metrics_queues)
        self._given = store

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start everything, the store first, and stop it in the opposite order."""
        async with AsyncExitStack() as stack:
            store = self._given
            if store is None:
                store = await connect(self.settings.redis_url, timeout=self.settings.command_timeout_s)
                stack.push_async_callback(store.close)
            self.examiner = Examiner(store)
            await self.examiner.start()
            stack.push_async_callback(self.examiner.stop)
            self.dispatcher = Dispatcher(Runner(store, Scripts(), self.meters.script))
            self.fleet = Fleet(store)
            self.ticker = Ticker(
                self.dispatcher,
                self.fleet,
                self.settings.node_id,
                partial(event_log.trim, store),
                self.meters.timer_late,
            )
            self.dispatcher.on_due = self.ticker.due
            await self.ticker.start()
            stack.push_async_callback(self.ticker.stop)
            # A node that comes back under its id does not hold the sessions of the one before.
            name = f"{self.settings.node_id}.{secrets.token_hex(4)}"
            pace = Pace(join_s=self.settings.command_timeout_s)
            self.hub = Hub(self.dispatcher, store, name, pace=pace)
            await self.hub.start()
            stack.push_async_callback(self.hub.stop)
            leases = Leases(self.dispatcher, name, self.hub.tenants)
            await leases.start()
            stack.push_async_callback(leases.stop)
            self.origins = Origins(self.dispatcher.get_origins)
            self.gateway = Gateway(self.dispatcher, self.hub, self.tokens, origins=self.origins)
            stack.push_async_callback(self.gateway.stop)
            await self._measure(stack)
            log.info("node.started", node=self.settings.node_id, embedded=store.is_embedded)
            yield
        log.info("node.stopped", node=self.settings.node_id)

    async def _measure(self, stack: AsyncExitStack) -> None:
        self.metrics = Metrics(self.meters, self.settings.node_id, self.dispatcher, self.ticker, self.hub, self.gateway)
        if not self.settings.measures:
            return
        await self.metrics.start()
        stack.push_async_callback(self.metrics.stop)
        if self.settings.metrics_port:
            host, port = self.settings.metrics_host, self.settings.metrics_port
            await stack.enter_async_context(metrics_port.serving(self.metrics, host, port))

    async def drain(self) -> None:
        """Send the clients to other nodes; everything else goes on meanwhile."""
        log.info("node.draining", node=self.settings.node_id, sockets=self.gateway.open)
        self.hub.end_streams()
        await self.gateway.drain(self.settings.drain_s)

    async def ready(self) -> None:
        """Raise `DispatcherError` UNAVAILABLE, naming each part of the node that does not work."""
        failing = ["the node is draining"] if self.gateway.draining else []
        try:
            await self.fleet.now_ms()
        except DispatcherError:
            failing.append("the store does not answer")
        failing += [f"the store is unfit: {why}" for why in self.examiner.unfit]
        if not self.hub.ready:
            failing.append("the events of the store are not being read")
        if not self.ticker.alive:
            failing.append("timers are not being carried out")
        if failing:
            raise DispatcherError(Code.UNAVAILABLE, "; ".join(failing))


class App:
    """The ASGI application: WebSockets go to the gateway, HTTP and the lifespan to FastAPI.

    The gateway stands beside FastAPI, because a socket costs a third less there. `node` is what runs inside.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.http = http.build(body_bytes_max=node.settings.body_bytes_max, lifespan=self._lifespan)
        http.furnish(self.http, node)
        self.observed = Observed(self.http, node.meters, access_log=node.settings.access_log)

    async def drain(self) -> None:
        """Send the clients to other nodes: what the server does first when it is to stop."""
        await self.node.drain()

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
            await self.observed(scope, receive, send)

    async def _websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == WEBSOCKET_PATH:
            with structlog.contextvars.bound_contextvars(request_id=request_id(scope["headers"])):
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
