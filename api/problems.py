"""Errors over HTTP: RFC 9457 problem documents with the extra members `code` (name) and `errno` (number)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from dispatcher.errors import Code, DispatcherError
from dispatcher.sentences import dotted, sentences

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:dispatcher:error:"
RETRY_AFTER_S = {Code.RATE_LIMITED: 60, Code.UNAVAILABLE: 1}
DETAIL_LENGTH_MAX = 500


class Problem(BaseModel):
    """A problem document. `code` and `errno` are the error's name and number in the closed set."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(description="a URN that ends with the code")
    title: str = Field(description="one sentence, the same for each problem of this type")
    status: int = Field(description="the HTTP status")
    detail: str = Field(description="what went wrong this time")
    code: str = Field(description="the name of the error in the closed set")
    errno: int = Field(description="its number")


class ProblemResponse(JSONResponse):
    """A problem document as a response."""

    media_type = MEDIA_TYPE


def document(code: Code, detail: str = "", status: int | None = None) -> Problem:
    """Return what a problem document says."""
    return Problem(
        type=TYPE_PREFIX + code.name,
        title=code.title,
        status=status or code.status,
        # What a client sent may come back in the detail: it must be encodable, and short.
        detail=(detail or code.title).encode(errors="replace").decode()[:DETAIL_LENGTH_MAX],
        code=code.name,
        errno=code.errno,
    )


def problem(
    code: Code, detail: str = "", *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> ProblemResponse:
    """Return the problem document of `code`; `status` only where HTTP has a word of its own (404, 405, 413)."""
    body = document(code, detail, status)
    extra = dict(headers or {})
    if body.status == HTTPStatus.UNAUTHORIZED:
        extra["WWW-Authenticate"] = "Bearer"
    if code in RETRY_AFTER_S:
        extra["Retry-After"] = str(RETRY_AFTER_S[code])
    return ProblemResponse(body.model_dump(), status_code=body.status, headers=extra)


async def _of_dispatcher(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, DispatcherError)
    return problem(error.code, error.detail)


async def _of_validation(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, RequestValidationError)
    return problem(Code.PARAM_ERR, sentences(error.errors(), _where, whole="body"))


async def _of_http(request: Request, error: Exception) -> ProblemResponse:
    """Give the framework's own refusals (no such path, wrong method, body too long or broken) the same form."""
    assert isinstance(error, HTTPException)
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return problem(Code.SERVER_EXCEPTION, status=error.status_code, headers=error.headers)
    details = {
        HTTPStatus.NOT_FOUND: "there is no such path",
        HTTPStatus.METHOD_NOT_ALLOWED: "the path does not know this method",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too long",
    }
    detail = details.get(HTTPStatus(error.status_code), str(error.detail))
    return problem(Code.PARAM_ERR, detail, status=error.status_code, headers=error.headers)


async def _of_defect(request: Request, error: Exception) -> ProblemResponse:
    # The detail stays general; whoever runs the application around logs the error itself.
    return problem(Code.SERVER_EXCEPTION)


def _where(place: Sequence[Any]) -> str:
    """Name a member of a request, without saying in which part of it."""
    return dotted(place[1:] if place and place[0] in {"body", "query", "path", "header"} else place)


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document."""
    app.add_exception_handler(DispatcherError, _of_dispatcher)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_defect)
