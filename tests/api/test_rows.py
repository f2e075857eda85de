"""Every row of the HTTP table: its path, its command and arguments, its status, the shape of its answer."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from fastapi import FastAPI

from dispatcher.errors import Code, DispatcherError
from dispatcher.model import Presence, Role, Service
from dispatcher.tenancy import AccountCreate, AccountPatch, TenantPatch
from tests.api.conftest import Door
from tests.api.fakes import (
    ACCOUNT,
    AGENT,
    ASSIGNMENT,
    ASSIGNMENT_ID,
    CALL,
    CALL_ID,
    CONTACT,
    CONTACT_ID,
    OPTIONS,
    QUEUE,
    STATUS,
    USER_STATUS,
    FakeDispatcher,
)

NEW_QUEUE = {"name": "Sales", "priority": 3}
CALLS = f"/v1/calls/{CALL_ID}"
PAGE = {"limit": 100, "cursor": ""}

NEW_ACCOUNT: dict[str, Any] = {"user_id": "ann", "roles": ["agent"], "password": "correct horse"}

# method, path, body, command, its arguments after the actor, its options, status, answer
Row = tuple[str, str, Any, str, tuple[Any, ...], dict[str, Any], int, Any]
ROWS: list[Row] = [
    ("GET", "/v1/queues", None, "list_queues", (), {"status": False, **PAGE}, 200, {"items": [QUEUE], "cursor": None}),
    (
        "GET",
        "/v1/queues?status=1&limit=5&cursor=x",
        None,
        "list_queues",
        (),
        {"status": True, "limit": 5, "cursor": "x"},
        200,
        {"items": [QUEUE], "cursor": None},
    ),
    ("GET", "/v1/queues/1", None, "get_queue", ("1",), {}, 200, QUEUE),
    ("DELETE", "/v1/queues/1", None, "delete_queue", ("1", False), {}, 204, None),
    ("DELETE", "/v1/queues/1?force=1", None, "delete_queue", ("1", True), {}, 204, None),
    ("GET", "/v1/queues/1/status", None, "get_queue_status", ("1",), {}, 200, STATUS),
    ("GET", "/v1/queues/1/contacts", None, "list_contacts", ("1",), PAGE, 200, {"items": [CONTACT], "cursor": "next"}),
    ("GET", "/v1/queues/1/agents", None, "list_queue_agents", ("1",), PAGE, 200, {"items": [AGENT], "cursor": None}),
    (
        "POST",
        "/v1/contacts",
        {"queue_id": "1"},
        "start_queuing",
        ("1",),
        {"customer_id": None, "name": None, "ext": "", "presence": Presence.SESSION},
        201,
        CONTACT,
    ),
    (
        "POST",
        "/v1/contacts",
        {"queue_id": "1", "customer_id": "c", "name": "Carl", "ext": "é", "presence": "none"},
        "start_queuing",
        ("1",),
        {"customer_id": "c", "name": "Carl", "ext": "é", "presence": Presence.NONE},
        201,
        CONTACT,
    ),
    ("GET", f"/v1/contacts/{CONTACT_ID}", None, "get_contact", (CONTACT_ID,), {}, 200, CONTACT),
    ("DELETE", f"/v1/contacts/{CONTACT_ID}", None, "stop_queuing", (CONTACT_ID,), {}, 200, CONTACT),
    ("POST", f"/v1/contacts/{CONTACT_ID}/start", None, "start", (CONTACT_ID,), {}, 200, CONTACT),
    ("POST", f"/v1/contacts/{CONTACT_ID}/complete", None, "complete", (CONTACT_ID,), {}, 200, CONTACT),
    (
        "POST",
        f"/v1/contacts/{CONTACT_ID}/transfer",
        {"queue_id": "2"},
        "transfer",
        (CONTACT_ID,),
        {"queue_id": "2", "agent_id": ""},
        200,
        CONTACT,
    ),
    (
        "POST",
        f"/v1/contacts/{CONTACT_ID}/transfer",
        {"agent_id": "b"},
        "transfer",
        (CONTACT_ID,),
        {"queue_id": "", "agent_id": "b"},
        200,
        CONTACT,
    ),
    ("GET", "/v1/agents", None, "list_agents", (), PAGE, 200, {"items": [AGENT], "cursor": None}),
    ("GET", "/v1/agents/a", None, "get_agent", ("a",), {}, 200, AGENT),
    ("GET", "/v1/agents/me", None, "get_agent", ("ann",), {}, 200, AGENT),
    ("GET", "/v1/agents/a%20%C3%A9%3F", None, "get_agent", ("a é?",), {}, 200, AGENT),
    ("PATCH", "/v1/agents/a", {"capacity": 4}, "set_capacity", ("a", 4), {}, 200, AGENT),
    ("PUT", "/v1/agents/me/queues/1", None, "start_service", ("ann", [Service(queue_id="1")]), {}, 200, AGENT),
    (
        "PUT",
        "/v1/agents/a/queues/1",
        {"priority": 7},
        "start_service",
        ("a", [Service(queue_id="1", priority=7)]),
        {},
        200,
        AGENT,
    ),
    ("DELETE", "/v1/agents/me/queues/1", None, "stop_service", ("ann", "1"), {}, 200, AGENT),
    (
        "POST",
        "/v1/agents/me/queues",
        {"queues": [{"queue_id": "1", "priority": 2}, {"queue_id": "2"}]},
        "start_service",
        ("ann", (Service(queue_id="1", priority=2), Service(queue_id="2"))),
        {},
        200,
        AGENT,
    ),
    ("PUT", "/v1/agents/me/dnd", {"dnd": 1, "reason": "lunch"}, "set_dnd", ("ann", 1, "lunch"), {}, 200, AGENT),
    ("PUT", "/v1/agents/me/dnd", {"dnd": 0}, "set_dnd", ("ann", 0, ""), {}, 200, AGENT),
    (
        "POST",
        "/v1/agents/me/assignments",
        None,
        "request_assignment",
        ("ann",),
        {"queue_id": "", "customer_id": ""},
        201,
        ASSIGNMENT,
    ),
    (
        "POST",
        "/v1/agents/me/assignments",
        {"queue_id": "1", "customer_id": "c"},
        "request_assignment",
        ("ann",),
        {"queue_id": "1", "customer_id": "c"},
        201,
        ASSIGNMENT,
    ),
    ("POST", f"/v1/assignments/{ASSIGNMENT_ID}/accept", None, "accept", (ASSIGNMENT_ID,), {}, 200, ASSIGNMENT),
    ("GET", "/v1/tenant", None, "get_tenant", (), {}, 200, OPTIONS),
    ("PATCH", "/v1/tenant", {"agent_grace": 9}, "update_tenant", (TenantPatch(agent_grace=9),), {}, 200, OPTIONS),
    ("GET", "/v1/users", None, "list_accounts", (), PAGE, 200, {"items": [ACCOUNT], "cursor": None}),
    ("POST", "/v1/users", NEW_ACCOUNT, "create_account", (AccountCreate(**NEW_ACCOUNT),), {}, 201, ACCOUNT),
    ("PATCH", "/v1/users/ann", {"name": "A"}, "update_account", ("ann", AccountPatch(name="A")), {}, 200, ACCOUNT),
    ("DELETE", "/v1/users/ann", None, "delete_account", ("ann",), {}, 204, None),
    ("POST", f"/v1/assignments/{ASSIGNMENT_ID}/reject", None, "reject", (ASSIGNMENT_ID,), {}, 200, ASSIGNMENT),
    ("POST", "/v1/calls", {"callee": "c"}, "call", ("c",), {"meeting": None, "ext": ""}, 201, CALL),
    (
        "POST",
        "/v1/calls",
        {"callee": "c", "meeting": {"room": [1, None]}, "ext": "hi"},
        "call",
        ("c",),
        {"meeting": {"room": [1, None]}, "ext": "hi"},
        201,
        CALL,
    ),
    ("POST", f"{CALLS}/accept", None, "accept_call", (CALL_ID,), {"meeting": None, "ext": ""}, 200, CALL),
    (
        "POST",
        f"{CALLS}/accept",
        {"meeting": "x", "ext": "e"},
        "accept_call",
        (CALL_ID,),
        {"meeting": "x", "ext": "e"},
        200,
        CALL,
    ),
    ("POST", f"{CALLS}/reject", {"ext": "no"}, "reject_call", (CALL_ID,), {"ext": "no"}, 200, CALL),
    ("POST", f"{CALLS}/hangup", None, "hangup", (CALL_ID,), {"ext": ""}, 200, CALL),
    ("GET", "/v1/users/c/status", None, "get_user_status", ("c",), {}, 200, USER_STATUS),
    ("GET", "/v1/users/me/status", None, "get_user_status", ("ann",), {}, 200, USER_STATUS),
    ("POST", "/v1/messages", {"to": "c", "data": "hello"}, "send_cmd", ("c", "hello"), {}, 202, {}),
]


def _plain(answer: Any) -> Any:
    """What the wire shows: members that were given, null where null was given."""
    if isinstance(answer, dict):
        return {name: _plain(value) for name, value in answer.items()}
    if isinstance(answer, list):
        return [_plain(value) for value in answer]
    return answer.model_dump(mode="json", exclude_unset=True) if hasattr(answer, "model_dump") else answer


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
async def test_row(door: Door, fake: FakeDispatcher, row: Row) -> None:
    method, path, body, command, arguments, options, status, answer = row
    headers = door.as_("ann", Role.AGENT)
    response = await door.request(method, path, headers=headers, **({} if body is None else {"json": body}))
    assert response.status_code == status, response.text
    (name, (actor, *given), given_options) = fake.asked.pop()
    assert (name, tuple(given), given_options) == (command, arguments, options)
    assert (actor.tenant, actor.user_id, actor.name, actor.roles) == ("t", "ann", "Ann", {Role.AGENT})
    assert (actor.client, actor.request_id) == ("", 0)
    if answer is None:
        assert response.content == b""
    else:
        assert response.headers["content-type"] == "application/json"
        assert response.json() == _plain(answer)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
async def test_every_post_hands_its_key_on_and_nothing_else_does(door: Door, fake: FakeDispatcher, row: Row) -> None:
    async def request_key(body: Any) -> str:
        headers = door.as_("ann", Role.ADMIN) | {"Idempotency-Key": "a key"}
        await door.request(row[0], row[1], headers=headers, **({} if body is None else {"json": body}))
        return str(fake.asked.pop()[1][0].request_key)

    first, again = await request_key(row[2]), await request_key(row[2])
    if row[1] == "/v1/users" and row[0] == "POST":
        assert first == again, "slow, but the same"
    elif row[0] == "POST":
        body = b"" if row[2] is None else json.dumps(row[2], ensure_ascii=False, separators=(",", ":")).encode()
        assert first == f"{hashlib.sha256(row[1].encode() + b' ' + body).hexdigest()} a key"
    else:
        assert first == ""
    assert again == first


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
async def test_row_without_a_token(door: Door, fake: FakeDispatcher, row: Row) -> None:
    response = await door.request(row[0], row[1], json=row[2])
    assert (response.status_code, response.json()["code"]) == (401, "NOT_LOGIN")
    assert response.headers["www-authenticate"] == "Bearer"
    assert fake.asked == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]} {row[1]}")
async def test_row_refused_by_the_engine(door: Door, fake: FakeDispatcher, row: Row) -> None:
    fake.answers[row[3]] = DispatcherError(Code.API_NO_PERMISSION, "not you")
    options = {} if row[2] is None else {"json": row[2]}
    response = await door.request(row[0], row[1], headers=door.as_("ann", Role.AGENT), **options)
    assert response.status_code == 403
    assert response.json()["detail"] == "not you"


async def test_creating_and_changing_a_queue(door: Door, fake: FakeDispatcher) -> None:
    headers = door.as_("boss", Role.ADMIN)
    response = await door.post("/v1/queues", json=NEW_QUEUE, headers=headers)
    assert (response.status_code, response.json()) == (201, _plain(QUEUE))
    created = fake.asked.pop()[1][1]
    assert (created.name, created.priority, created.queue_id) == ("Sales", 3, None)
    response = await door.patch("/v1/queues/1", json={"open": False}, headers=headers)
    assert response.status_code == 200
    queue_id, patch = fake.asked.pop()[1][1:]
    assert (queue_id, patch.model_dump(exclude_unset=True)) == ("1", {"open": False})


async def test_a_forced_deletion_that_goes_on(door: Door, fake: FakeDispatcher) -> None:
    fake.answers["delete_queue"] = False
    response = await door.delete("/v1/queues/1?force=1", headers=door.as_("boss", Role.ADMIN))
    assert (response.status_code, response.content) == (202, b"")


async def test_me_knows_the_roles_of_the_token(door: Door) -> None:
    response = await door.get("/v1/me", headers=door.as_("u", Role.SUPERVISOR, Role.AGENT))
    assert response.status_code == 200
    assert response.json() == {
        "user": {"user_id": "u", "name": "U", "roles": ["agent", "supervisor"]},
        "offset": 0,
        "epoch": "e",
    }


async def test_probes(door: Door) -> None:
    for path in ("/healthz", "/readyz"):
        response = await door.get(path)
        assert (response.status_code, response.json()) == (200, {"status": "ok", "node_id": "n1"})


async def test_a_node_without_its_store_lives_but_is_not_ready(door: Door, app: FastAPI) -> None:
    app.state.node.failure = DispatcherError(Code.UNAVAILABLE, "the store does not answer")
    assert (await door.get("/healthz")).status_code == 200
    response = await door.get("/readyz")
    assert (response.status_code, response.json()["code"]) == (503, "UNAVAILABLE")
    assert response.headers["retry-after"] == "1"
