"""The port of its own for GET /metrics: no token, so that a scraper's network is its only guard."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dispatcher.metrics.metrics import CONTENT_TYPE, Metrics
from dispatcher.serving import bind

STOP_S = 1

log = structlog.get_logger(__name__)


class _Server(uvicorn.Server):
    """uvicorn, without its signal handlers: they are the main port's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.asynccontextmanager
async def serving(metrics: Metrics, host: str, port: int) -> AsyncIterator[None]:
    """Serve GET /metrics on a port until the block ends. Raises OSError: the port is taken."""

    async def text(_: Request) -> Response:
        return Response(await metrics.text(), media_type=CONTENT_TYPE)

    app = Starlette(routes=[Route("/metrics", text)])
    try:
        listener = bind(host, port)
    except OSError as error:
        log.error("metrics.not_listening", reason=error.strerror)
        raise
    with listener:
        config = uvicorn.Config(
            app, lifespan="off", access_log=False, log_config=None, timeout_graceful_shutdown=STOP_S
        )
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]), name="metrics.port")
        log.info("metrics.listening", host=host, port=port)
        try:
            yield
        finally:
            server.should_exit = True
            await asyncio.gather(task, return_exceptions=True)
