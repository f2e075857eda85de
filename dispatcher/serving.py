"""How the doors are served: by uvicorn, which is told the application by its name, because nothing here imports it."""

from __future__ import annotations

from typing import Any

from dispatcher.settings import Settings

APP = "api.app:create"
"""The factory of the application; it reads the settings from the environment."""

WS_BYTES_MAX = 1024 * 1024
"""Above the gateway's own limit for a frame, so that the gateway is the one to refuse it, with its close code."""


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
