"""The HTTP door: FastAPI with every row, errors as problem documents, and an OpenAPI document that says both."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from api import idempotency, openapi, pages, problems, routes, sdk
from api.auth import Tokens
from api.body import BodyLimit
from api.origins import Origins
from dispatcher.engine import Dispatcher
from dispatcher.settings import Settings, version

TITLE = "Dispatcher"
DESCRIPTION = (
    "An automatic call distributor: customers wait in queues, agents serve them, and the two are matched.\n\n"
    "Times are integer epoch milliseconds (`*_at`) or seconds (`*_s`); a smaller number is a higher priority."
)
_QUIET = {"tracing": False, "metrics": False, "logs": False, "operation_spans": False}


def build(
    *, body_bytes_max: int, lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None
) -> FastAPI:
    """Return the HTTP application. Its handlers need what `furnish` gives it."""
    app = FastAPI(
        title=TITLE,
        version=version(),
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        separate_input_output_schemas=False,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
        telemetry=_QUIET,  # type: ignore[arg-type]
    )
    app.add_middleware(BodyLimit, bytes_max=body_bytes_max)
    # Any page may ask and read what it is told; what of a tenant it may do, its origins decide.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", idempotency.HEADER],
        expose_headers=["Retry-After"],
    )
    problems.install(app)
    routes.install(app)
    sdk.install(app)
    pages.install(app)
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    return app


class Furniture(Protocol):
    """What the handlers need: the engine, the tokens, the settings, and a probe that raises `DispatcherError`."""

    settings: Settings
    tokens: Tokens
    origins: Origins

    @property
    def dispatcher(self) -> Dispatcher:
        """The engine."""

    async def ready(self) -> None:
        """Raise UNAVAILABLE unless the node can work."""


def furnish(app: FastAPI, node: Furniture) -> None:
    """Give the handlers their node. What they need of it must be there when the first request comes."""
    app.state.node = node
