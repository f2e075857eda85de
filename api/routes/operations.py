"""For operators: is the process alive, and does it reach its store."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel

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
