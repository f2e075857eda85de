"""How the doors are served: by uvicorn, which is told the application by its name, because nothing here imports it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from dispatcher.settings import Settings

APP = "api.app:create"
"""The factory of the application; it reads the settings from the environment."""

WS_BYTES_MAX = 1024 * 1024
"""Above the gateway's own limit for a frame, so that the gateway is the one to refuse it, with its close code."""


DROP_S = 5.0
"""Seconds in which a client takes what was written, once its socket is closed; then the connection is dropped."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """uvicorn's, but one that a client who takes nothing cannot hold: uvicorn waits for him, to write and to close."""

    _drop: asyncio.TimerHandle | None = None

    async def run_asgi(self) -> None:
        """Serve the socket, and see that its connection ends."""
        await super().run_asgi()
        if not self.disconnected:
            self._drop = self.loop.call_later(DROP_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._drop is not None:
            self._drop.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Drop what is still there when the server has drained."""
        self.transport.abort()


class Server(uvicorn.Server):
    """uvicorn, but one that drains: `drain` closes the sockets while the rest still works.

    By itself it would close all at once, with a code that says nothing, and then take away what the sockets need.
    """

    def __init__(self, config: uvicorn.Config, drain: Callable[[], Awaitable[None]]) -> None:
        super().__init__(config)
        self._drain = drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing more, drain, then stop."""
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        await self._drain()
        await super().shutdown(sockets)


def bind(host: str, port: int) -> socket.socket:
    """Take `host` and `port` (0: a free one); the server listens there once it is up, until then all is refused.

    Raises OSError, which says where and why.
    """
    # asyncio turns Nagle's algorithm off only where the protocol is named: else answers of two writes take 40 ms.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind((host, port))
    except OSError as error:
        taken.close()
        raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from error
    return taken


def uvicorn_options(settings: Settings) -> dict[str, Any]:
    """Return the options of `uvicorn.Config` that are the same wherever a node runs."""
    return {
        "lifespan": "on",
        # Each of the two doubles or worse what a socket costs: compression in memory, uvicorn's pings in tasks.
        "ws": WebSocketProtocol,
        "ws_per_message_deflate": False,
        "ws_ping_interval": None,
        "ws_max_size": WS_BYTES_MAX,
        "proxy_headers": True,
        "forwarded_allow_ips": settings.forwarded_allow_ips,
        "server_header": False,
        "access_log": False,
        "log_config": None,
        "timeout_graceful_shutdown": settings.drain_s,
    }
