"""The service in this process: what `dispatcher serve` runs, on a socket of the demo's own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, cast

import uvicorn
from uvicorn.importer import import_from_string

from dispatcher.demo.entrance import Entrance
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.serving import APP, Server, bind, uvicorn_options
from dispatcher.settings import Settings

SHOWN = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""What a person opens where the service listens everywhere."""


class Node(Protocol):
    """What the demo needs of a node."""

    dispatcher: Dispatcher
    settings: Settings


class App(Protocol):
    """What the demo needs of the application."""

    node: Node


@dataclass(frozen=True)
class Service:
    """A running service: where it is, its engine (to make the tenant), the task that ends when it does, the way in."""

    url: str
    node: Node
    task: asyncio.Task[None]
    entrance: Entrance


class QuietServer(Server):
    """The server, without its signal handlers: the demo's people leave first."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config, drain)
        self.tried = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say that it was tried."""
        try:
            await super().startup(sockets)
        finally:
            self.tried.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


@contextlib.asynccontextmanager
async def serving(host: str, port: int) -> AsyncIterator[Service]:
    """Run the service, with the settings of the environment, on `host` and `port` (0: a free one).

    Raises OSError (the port is taken), SettingsError, DispatcherError UNAVAILABLE (it did not start).
    """
    app = import_from_string(APP)()
    entrance = Entrance(app)
    async with listening(entrance, host, port) as (url, task):
        yield Service(url, cast(App, app).node, task, entrance)


@contextlib.asynccontextmanager
async def listening(app: Any, host: str, port: int) -> AsyncIterator[tuple[str, asyncio.Task[None]]]:
    """Run an application; give its address, and the task that ends when it does. Errors as `serving`."""
    with bind(host, port) as listener:
        server = QuietServer(_config(app), app.drain)
        task = asyncio.create_task(server.serve(sockets=[listener]), name="demo server")
        try:
            await server.tried.wait()
            if not server.started:
                raise DispatcherError(Code.UNAVAILABLE, "the service did not start; its log says why")
            yield _url(host, listener.getsockname()[1]), task
        finally:
            server.should_exit = True
            await asyncio.gather(task, return_exceptions=True)


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(app, **uvicorn_options(app.node.settings))


def _url(host: str, port: int) -> str:
    shown = SHOWN.get(host, host)
    return f"http://[{shown}]:{port}" if ":" in shown else f"http://{shown}:{port}"
