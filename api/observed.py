"""What every HTTP request leaves behind: an id, which its log lines carry too, a measurement, a line if asked for."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dispatcher.metrics.meters import Meters

HEADER = b"x-request-id"
_GIVEN = re.compile(rb"[A-Za-z0-9_.-]{1,64}")
SERVER_ERROR = 500

log = structlog.get_logger(__name__)


def request_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """Return the id that a proxy gave the request in `X-Request-ID`, or a new one where there is none to use."""
    given = next((value for name, value in headers if name == HEADER), b"")
    return given.decode() if _GIVEN.fullmatch(given) else secrets.token_hex(8)


class Observed:
    """Serves `app` and notes what became of each request. Nothing of query, headers or bodies is noted."""

    def __init__(self, app: ASGIApp, meters: Meters, *, access_log: bool) -> None:
        self.app = app
        self.meters = meters
        self.access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        began_s = time.perf_counter()
        id = request_id(scope["headers"])
        status = SERVER_ERROR

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, id.encode())]
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=id):
            try:
                await self.app(scope, receive, noted)
            except Exception:
                # Answered already, as SERVER_EXCEPTION; it is raised on only so that somebody logs it.
                log.exception("request.failed", method=scope["method"], path=scope["path"])
            finally:
                seconds = time.perf_counter() - began_s
                # The template, not the path: an id in it would make a series of each.
                route = getattr(scope.get("route"), "path", "")
                self.meters.request(scope["method"], route, status, seconds)
                if self.access_log:
                    took_ms = round(seconds * 1000, 1)
                    log.info("request", method=scope["method"], path=scope["path"], status=status, ms=took_ms)
