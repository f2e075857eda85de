"""For operators and integrators: is the process alive, can it work, what does it measure, what does a socket speak."""

from __future__ import annotations

import secrets
from functools import cache
from http import HTTPStatus
from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from api.auth import Credentials
from api.gateway import asyncapi
from dispatcher.errors import Code, DispatcherError
from dispatcher.metrics.metrics import CONTENT_TYPE
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
    """Answer when the store does, its events are read and timers run; else UNAVAILABLE (503), saying what does not."""
    await request.app.state.node.ready()
    return Health(node_id=request.app.state.node.settings.node_id)


@router.get("/asyncapi.json", include_in_schema=False)
async def asyncapi_json() -> JSONResponse:
    """Answer the AsyncAPI document of the WebSocket."""
    return JSONResponse(_asyncapi())


@cache
def _asyncapi() -> dict[str, Any]:
    return asyncapi.document("Dispatcher", version())


@router.get("/metrics", response_class=Response, responses={200: {"content": {CONTENT_TYPE: {}}}})
async def metrics(request: Request, credentials: Credentials) -> Response:
    """Tell what this node measures, to who has its token (`DISPATCHER_METRICS_TOKEN`); without one it is not here."""
    node = request.app.state.node
    token = node.settings.metrics_token.get_secret_value()
    if not token:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    if credentials is None:
        raise DispatcherError(Code.NOT_LOGIN, "send the token of the metrics: Authorization: Bearer …")
    if not secrets.compare_digest(credentials.credentials.encode(), token.encode()):
        raise DispatcherError(Code.TOKEN_AUTH_FAILED)
    return Response(await node.metrics.text(), media_type=CONTENT_TYPE)
