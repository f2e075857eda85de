"""For operators and integrators: is the process alive, does it reach its store, and what does the WebSocket speak."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.gateway import asyncapi
from dispatcher.settings import version

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    """The answer of a probe."""

    status: Literal["ok"] = "ok"
    node_id: str


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz")
async def healthz(request: Request) -> Health:
    """Answer while the process lives, whatever its store does."""
    return Health(node_id=request.app.state.node.settings.node_id)


@router.head("/readyz", include_in_schema=False)
@router.get("/readyz")
async def readyz(request: Request) -> Health:
    """Answer when the store does; else UNAVAILABLE (503)."""
    await request.app.state.node.ready()
    return Health(node_id=request.app.state.node.settings.node_id)


@router.get("/asyncapi.json", include_in_schema=False)
async def asyncapi_json() -> JSONResponse:
    """Answer the AsyncAPI document of the WebSocket."""
    return JSONResponse(_asyncapi())


@cache
def _asyncapi() -> dict[str, Any]:
    return asyncapi.document("Dispatcher", version())
