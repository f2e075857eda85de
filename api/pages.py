"""The built-in pages: `/`, `/visit`, `/desk` and `/console`, with their modules, styles and texts under `/web`.

They are files, the same for everybody, and hold no secret: who is there, a token says. A strict policy keeps the pages
to their own files; only the customer's may stand in a frame, of sites that the tenant's option `origins` names.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, FastAPI, Query, Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.origins import Origins
from dispatcher.errors import DispatcherError
from dispatcher.model import TENANT_PATTERN

FOLDER = Path(__file__).parent / "web"
PARTS = ("look", "texts", "start", "visit", "desk", "console")
"""The folders under `/web`."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors "
)
HEADERS = {
    # A page asks each time whether its copy is still the node's: pages, SDK and server go together.
    "Cache-Control": "no-cache",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

router = APIRouter(include_in_schema=False)


class _Files(StaticFiles):
    def file_response(
        self, full_path: str | os.PathLike[str], stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        return response


def install(app: FastAPI) -> None:
    """Serve pages and files."""
    app.include_router(router)
    for part in PARTS:
        app.mount(f"/web/{part}", _Files(directory=FOLDER / part))


@router.get("/")
async def start() -> Response:
    """Answer the page that leads to the others."""
    return _page("start", "'none'")


@router.get("/visit")
async def visit(request: Request, tenant: Annotated[str, Query(pattern=TENANT_PATTERN)] = "") -> Response:
    """Answer the customer's page. With `?tenant=` the tenant's origins may frame it."""
    return _page("visit", await _ancestors(request.app.state.node.origins, tenant))


@router.get("/desk")
async def desk() -> Response:
    """Answer the agent's page."""
    return _page("desk", "'none'")


@router.get("/console")
async def console() -> Response:
    """Answer the supervisor's page."""
    return _page("console", "'none'")


async def _ancestors(origins: Origins, tenant: str) -> str:
    """Say who may frame a tenant's page; nobody but the node itself where there is no such tenant."""
    try:
        allowed = await origins(tenant) if tenant else ()
    except DispatcherError:
        # The page says by itself what does not work.
        allowed = ()
    return " ".join(("'self'", *allowed))


def _page(name: str, ancestors: str) -> Response:
    return FileResponse(FOLDER / name / "index.html", headers=HEADERS | {"Content-Security-Policy": POLICY + ancestors})
