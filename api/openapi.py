"""The OpenAPI document: FastAPI's own, with every refusal as a problem document and an example of every shape."""

from __future__ import annotations

from http import HTTPStatus
from itertools import groupby
from typing import Any

from fastapi import FastAPI

from api import idempotency, problems
from api.examples import EXAMPLES, NOUNS, PARAMETERS, TEXTS
from dispatcher.errors import Code

REFUSALS: dict[str, str] = {
    "login": "TOKEN_APPIDNOTEXIST TOKEN_AUTH_FAILED ANCTPSWD_ERR API_NO_PERMISSION RATE_LIMITED",
    "mint_token": "API_NO_PERMISSION",
    "me": "",
    "get_tenant": "API_NO_PERMISSION",
    "update_tenant": "API_NO_PERMISSION",
    "list_accounts": "API_NO_PERMISSION",
    "create_account": "API_NO_PERMISSION WRONG_STATE",
    "update_account": "API_NO_PERMISSION USER_NOT_FOUND",
    "delete_account": "API_NO_PERMISSION USER_NOT_FOUND",
    "list_queues": "",
    "create_queue": "API_NO_PERMISSION QUEUE_EXISTS",
    "get_queue": "QUE_ID_INVALID",
    "update_queue": "API_NO_PERMISSION QUE_ID_INVALID QUEUE_EXISTS QUEUE_CLOSED",
    "delete_queue": "API_NO_PERMISSION QUE_ID_INVALID QUEUE_NOT_EMPTY",
    "get_queue_status": "QUE_ID_INVALID",
    "list_contacts": "API_NO_PERMISSION QUE_ID_INVALID QUE_SERVICE_NOT_START",
    "list_queue_agents": "API_NO_PERMISSION QUE_ID_INVALID QUE_SERVICE_NOT_START",
    "start_queuing": "API_NO_PERMISSION QUE_ID_INVALID QUEUE_CLOSED QUEUE_FULL NO_AGENTS ALREADY_OTHERQUE ROLE_CONFLICT"
    " CALL_EXIST",
    "get_contact": "CONTACT_NOT_FOUND",
    "stop_queuing": "CONTACT_NOT_FOUND",
    "start": "API_NO_PERMISSION CONTACT_NOT_FOUND WRONG_STATE",
    "complete": "API_NO_PERMISSION CONTACT_NOT_FOUND WRONG_STATE",
    "transfer": "API_NO_PERMISSION CONTACT_NOT_FOUND WRONG_STATE QUE_ID_INVALID QUEUE_CLOSED USER_NOT_FOUND AGENT_BUSY",
    "list_agents": "API_NO_PERMISSION",
    "get_agent": "API_NO_PERMISSION USER_NOT_FOUND",
    "update_agent": "API_NO_PERMISSION USER_NOT_FOUND",
    "start_service": "API_NO_PERMISSION NOT_LOGIN QUE_ID_INVALID QUEUE_CLOSED ROLE_CONFLICT",
    "start_services": "API_NO_PERMISSION NOT_LOGIN QUE_ID_INVALID QUEUE_CLOSED ROLE_CONFLICT",
    "stop_service": "API_NO_PERMISSION QUE_SERVICE_NOT_START",
    "set_dnd": "API_NO_PERMISSION USER_NOT_FOUND",
    "request_assignment": "API_NO_PERMISSION NOT_LOGIN QUE_ID_INVALID QUE_SERVICE_NOT_START QUE_NOUSER AGENT_BUSY",
    "accept": "ASSIGNMENT_GONE QUE_USER_CANCELLED",
    "reject": "ASSIGNMENT_GONE QUE_USER_CANCELLED WRONG_STATE",
    "call": "API_NO_PERMISSION NOT_LOGIN CALL_EXIST WRONG_STATE USER_NOT_FOUND OFFLINE BUSY",
    "accept_call": "INVALID_CALLID API_NO_PERMISSION",
    "reject_call": "INVALID_CALLID API_NO_PERMISSION WRONG_STATE",
    "hangup": "INVALID_CALLID",
    "get_user_status": "API_NO_PERMISSION USER_NOT_FOUND",
    "send_cmd": "API_NO_PERMISSION USER_NOT_FOUND OFFLINE",
    "follow_events": "API_NO_PERMISSION",
    "healthz": "",
    "readyz": "UNAVAILABLE",
    "metrics": "",
}
"""What each row (by its handler's name) may be refused for, beside what any row may."""

ANY_ROW = "PARAM_ERR SERVER_EXCEPTION UNAVAILABLE OUTCOME_UNKNOWN"
WITH_TOKEN = "NOT_LOGIN TOKEN_TIMEOUT TOKEN_AUTH_FAILED TOKEN_APPIDNOTEXIST"
WITH_KEY = "REQUEST_ID_REUSED"

_KEY_HEADER = {
    "name": idempotency.HEADER,
    "in": "header",
    "required": False,
    "description": "A repeat with the same key and body within an hour gives the first answer and changes nothing",
    "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.LENGTH_MAX, "pattern": "^[ -~]+$"},
}
_HEADERS: dict[str, Any] = {
    "X-Request-ID": {"description": "What the node's logs call this request; the sender's own, where it has one"},
    "Retry-After": {"description": "Seconds after which to try again", "schema": {"type": "integer"}},
    "WWW-Authenticate": {"description": "`Bearer`: a token is needed"},
}


def document(app: FastAPI) -> dict[str, Any]:
    """Return the document; it is made once."""
    if app.openapi_schema is None:
        made = FastAPI.openapi(app)
        schemas = made["components"]["schemas"]
        for unused in ("HTTPValidationError", "ValidationError"):
            schemas.pop(unused, None)
        schemas["Problem"] = problems.Problem.model_json_schema()
        for name, example in EXAMPLES.items():
            schemas[name]["examples"] = [example]
        made["components"]["headers"] = {name: {"schema": {"type": "string"}, **_HEADERS[name]} for name in _HEADERS}
        made["tags"] = [{"name": name, "description": text} for name, text in NOUNS.items()]
        for path in made["paths"].values():
            for method, operation in path.items():
                _name(operation)
                for status, response in operation["responses"].items():
                    _exemplify(operation["operationId"], status, response, schemas)
                _describe(operation, has_key=method == "post")
        app.openapi_schema = made
    return app.openapi_schema


def _name(operation: dict[str, Any]) -> None:
    """Say in words what a row and its parameters are called."""
    name: str = operation["operationId"]
    operation["summary"] = name[0].upper() + name[1:].replace("_", " ")
    for parameter in operation.get("parameters", ()):
        if (parameter["name"] in PARAMETERS and parameter["in"] == "path") or not parameter.get("description"):
            parameter["description"], example = PARAMETERS[parameter["name"]]
            if example is not None:
                parameter["example"] = example


def _exemplify(name: str, status: str, response: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Say what a row answers when it is done."""
    generic = response["description"] == "Successful Response"
    response["headers"] = _headers("X-Request-ID")
    for content in response.get("content", {}).values():
        shape = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        if shape in schemas and generic:
            response["description"] = schemas[shape].get("description", "A page of the list").split("\n")[0]
        elif name in TEXTS:
            content["example"] = TEXTS[name]
    if response["description"] == "Successful Response":
        response["description"] = "Done"


def _headers(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _describe(operation: dict[str, Any], *, has_key: bool) -> None:
    """Say what a row may be refused for, status by status."""
    names = [REFUSALS[operation["operationId"]], ANY_ROW]
    if "security" in operation:
        names.append(WITH_TOKEN)
    if has_key:
        names.append(WITH_KEY)
        operation.setdefault("parameters", []).append(_KEY_HEADER)
    codes = sorted({Code[name] for name in " ".join(names).split()}, key=lambda code: (code.status, code.name))
    operation["responses"].pop("422", None)
    for status, some in groupby(codes, key=lambda code: code.status):
        operation["responses"][str(status)] = _refusal(tuple(some))
        if status == HTTPStatus.UNAUTHORIZED:
            operation["responses"][str(status)]["headers"] |= _headers("WWW-Authenticate")
        elif status in {code.status for code in problems.RETRY_AFTER_S}:
            operation["responses"][str(status)]["headers"] |= _headers("Retry-After")
    # 404, 405 and 413 of HTTP itself, and what a proxy in between may say.
    operation["responses"]["default"] = _refusal(())


def _refusal(codes: tuple[Code, ...]) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Problem"}}
    if codes:
        content["examples"] = {code.name: {"value": problems.document(code).model_dump()} for code in codes}
    described = "; ".join(f"{code.name}: {code.title}" for code in codes)
    return {
        "description": described or "Refused; `code` says why",
        "headers": _headers("X-Request-ID"),
        "content": {problems.MEDIA_TYPE: content},
    }
