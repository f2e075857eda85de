"""Errors over HTTP: RFC 9457 problem documents with the extra members `code` (name) and `errno` (number)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from dispatcher.errors import Code, DispatcherError
from dispatcher.model import ASSIGNMENT_PATTERN, CONTACT_PATTERN, TENANT_PATTERN

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "urn:dispatcher:error:"
RETRY_AFTER_S = {Code.RATE_LIMITED: 60, Code.UNAVAILABLE: 1}
DETAIL_LENGTH_MAX = 500
DETAIL_ERRORS_MAX = 5

_PATTERNS = {
    CONTACT_PATTERN: "must be a contact's id, like 1763824800123-0007",
    ASSIGNMENT_PATTERN: "must be an assignment's id, like 1763824800123-0007-1",
    TENANT_PATTERN: "must be 1 to 63 of a-z 0-9 _ - and begin with a letter or digit",
}
_TOO_FEW = "too_short"
_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "missing": lambda _: "is missing",
    "extra_forbidden": lambda _: "there is no such member",
    "string_type": lambda _: "must be text",
    "string_unicode": lambda _: "is not valid Unicode",
    "string_too_short": lambda ctx: _at_least(ctx["min_length"], "character"),
    "string_too_long": lambda ctx: f"is longer than {ctx['max_length']} characters",
    "string_pattern_mismatch": lambda ctx: _PATTERNS.get(ctx["pattern"], "is not of the right form"),
    "bool_type": lambda _: "must be true or false",
    "bool_parsing": lambda _: "must be true or false",
    "int_type": lambda _: "must be a whole number",
    "int_parsing": lambda _: "must be a whole number",
    "int_parsing_size": lambda _: "must be a smaller number",
    "int_from_float": lambda _: "must be a whole number",
    "greater_than": lambda ctx: f"must be more than {ctx['gt']}",
    "greater_than_equal": lambda ctx: f"must be at least {ctx['ge']}",
    "less_than": lambda ctx: f"must be less than {ctx['lt']}",
    "less_than_equal": lambda ctx: f"must be at most {ctx['le']}",
    "enum": lambda ctx: f"must be {ctx['expected']}",
    "literal_error": lambda ctx: f"must be {ctx['expected']}",
    _TOO_FEW: lambda ctx: _at_least(ctx["min_length"], "item"),
    "too_long": lambda ctx: f"has more than {ctx['max_length']} items",
    "list_type": lambda _: "must be a list",
    "tuple_type": lambda _: "must be a list",
    "set_type": lambda _: "must be a list",
    "frozen_set_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be an object",
    "model_type": lambda _: "must be an object",
    "model_attributes_type": lambda _: "must be an object",
    "value_error": lambda ctx: str(ctx["error"]),
}
"""What is wrong, in our words, by the type of pydantic's error."""


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
    return _dotted(place[1:] if place and place[0] in {"body", "query", "path", "header"} else place)


def _dotted(place: Sequence[Any]) -> str:
    return ".".join(str(part) for part in place)


def sentences(errors: Sequence[Any], where: Callable[[Sequence[Any]], str] = _dotted, *, whole: str = "args") -> str:
    """Say what pydantic found wrong: which member and why, in our words, without repeating what was sent.

    `whole` names what is checked, for what is wrong with all of it.
    """
    places = [tuple(error["loc"]) for error in errors]
    # A list whose items were refused is also too short without them: one fault, told once.
    told = [
        error
        for error, place in zip(errors, places, strict=True)
        if error["type"] != _TOO_FEW or not any(len(o) > len(place) and o[: len(place)] == place for o in places)
    ]
    return "; ".join(_sentence(error, where(error["loc"]), whole) for error in told[:DETAIL_ERRORS_MAX])


def _sentence(error: Mapping[str, Any], where: str, whole: str) -> str:
    kind = error["type"]
    if kind == "json_invalid":
        return f"{whole}: not JSON, at character {where}"
    if whole == "body" and not where and kind in {"model_attributes_type", "dict_type"}:
        return "body: must be a JSON object, sent as application/json"
    words = _WORDS.get(kind)
    return f"{where[:100] or whole}: {words(error.get('ctx', {})) if words else 'is not valid'}"


def _at_least(count: int, what: str) -> str:
    return "must not be empty" if count == 1 else f"needs at least {count} {what}s"


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document."""
    app.add_exception_handler(DispatcherError, _of_dispatcher)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_defect)
