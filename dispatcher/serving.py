"""How the doors are served: by uvicorn, which is told the application by its name, because nothing here imports it."""

from __future__ import annotations

import socket
from typing import Any

from dispatcher.settings import Settings

APP = "api.app:create"
"""The factory of the application; it reads the settings from the environment."""

WS_BYTES_MAX = 1024 * 1024
"""Above the gateway's own limit for a frame, so that the gateway is the one to refuse it, with its close code."""


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
        "ws": "websockets-sansio",
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
