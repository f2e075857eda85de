from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dispatcher.errors import Code, DispatcherError
from dispatcher.model import Role
from tests.api.conftest import BODY_BYTES_MAX, Door
from tests.api.fakes import CONTACT_ID, FakeDispatcher

MEMBERS = {"type", "title", "status", "detail", "code", "errno"}


@pytest.mark.parametrize("code", list(Code), ids=lambda code: code.name)
async def test_every_error_has_its_document(door: Door, fake: FakeDispatcher, code: Code) -> None:
    fake.answers["get_queue"] = DispatcherError(code, "so it is")
    response = await door.get("/v1/queues/1", headers=door.as_("u"))
    assert response.status_code == code.status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json() == {
        "type": f"urn:dispatcher:error:{code.name}",
        "title": code.title,
        "status": code.status,
        "detail": "so it is",
        "code": code.name,
        "errno": code.errno,
    }


async def test_a_defect_is_a_problem_too_and_tells_nothing(door: Door, fake: FakeDispatcher) -> None:
    fake.answers["get_queue"] = RuntimeError("the password is 1234")
    response = await door.get("/v1/queues/1", headers=door.as_("u"))
    assert (response.status_code, response.json()["code"]) == (500, "SERVER_EXCEPTION")
    assert response.json().keys() == MEMBERS
    assert "1234" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1", 404),
        ("GET", "/v1/nothing", 404),
        ("GET", "/v1/queues/", 404),
        ("GET", "/v1/queues/1/", 404),
        ("GET", "/v1/agents/a%2Fb", 404),
        ("GET", "/docs", 404),
        ("PUT", "/v1/queues", 405),
        ("BREW", "/v1/queues", 405),
        ("POST", "/healthz", 405),
    ],
)
async def test_unknown_paths_and_methods(door: Door, method: str, path: str, status: int) -> None:
    response = await door.request(method, path, headers=door.as_("u"))
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json().keys() == MEMBERS
    assert (response.json()["status"], response.json()["code"]) == (status, "PARAM_ERR")
    assert ("allow" in response.headers) == (status == 405)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/contacts/1",
        "/v1/contacts/%00",
        "/v1/contacts/me",
        f"/v1/contacts/{CONTACT_ID}%0A",
        f"/v1/contacts/{CONTACT_ID}-1",
        "/v1/contacts/١٧٦٣٨٢٤٨٠٠١٢٣-٠٠٠٧",
        "/v1/queues/a%20b",
        "/v1/queues/%2E%2E",
        "/v1/queues/" + "x" * 65,
        "/v1/queues/1%0A",
        "/v1/queues/%ff",
        "/v1/agents/a%0Ab",
        "/v1/agents/%00",
        "/v1/agents/" + "x" * 129,
        "/v1/queues?limit=0",
        "/v1/queues?limit=101",
        "/v1/queues?limit=x",
        "/v1/queues?limit=" + "9" * 5000,
        "/v1/queues?status=maybe",
        "/v1/queues?cursor=" + "x" * 257,
        "/v1/queues?cursor=%00",
        "/v1/queues?stauts=1",
        "/v1/queues/1?status=1",
    ],
)
async def test_bad_ids_and_queries(door: Door, fake: FakeDispatcher, path: str) -> None:
    response = await door.get(path, headers=door.as_("u", Role.ADMIN))
    assert (response.status_code, response.json().get("code")) == (400, "PARAM_ERR"), response.text
    assert fake.asked == []


BODIES: list[bytes] = [
    b"",
    b" ",
    b"{",
    b"null",
    b"[]",
    b"7",
    b'"x"',
    b"{}",
    b"\xff\xfe",
    b'{"queue_id": "\xff"}',
    b'{"queue_id": 1}',
    b'{"queue_id": null}',
    b'{"queue_id": ["1"]}',
    b'{"queue_id": {}}',
    b'{"queue_id": "1", "ext": 5}',
    b'{"queue_id": "1", "ext": "\\ud800"}',
    b'{"queue_id": "1", "name": "\\ud800"}',
    b'{"queue_id": "1", "name": "\\u0000"}',
    b'{"queue_id": "1", "customer_id": "\\udfff"}',
    b'{"queue_id": "1", "customer_id": "a\\u0000b"}',
    b'{"queue_id": "\\ud800"}',
    b'{"queue_id": "1", "\\ud800": 1}',
    b'{"queue_id": "1", "presence": "maybe"}',
    b'{"queue_id": "1", "priority": NaN}',
    b'{"queue_id": 1' + b"0" * 400 + b"}",
    b'{"queue_id": 1' + b"0" * 5000 + b"}",
    b'{"queue_id": 1e999}',
    b"[" * 100_000,
    b"[" * 5_000 + b"]" * 5_000,
    b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    b'{"queue_id": "1", "ext": ' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"queue_id": "1", "ext": "' + b"x" * 4097 + b'"}',
    b'{"queue_id": "1", "ext": "' + "é".encode() * 2049 + b'"}',
]


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:40]))
async def test_bad_bodies(door: Door, fake: FakeDispatcher, body: bytes) -> None:
    headers = {**door.as_("u"), "Content-Type": "application/json"}
    response = await door.post("/v1/contacts", content=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (400, "PARAM_ERR"), response.text
    assert response.json().keys() == MEMBERS
    assert len(response.content) < 2000
    assert fake.asked == []


@pytest.mark.parametrize(
    ("priority", "ok"),
    [(0, True), (1000, True), (1001, False), (-1, False), (1.0, False), ("1", False), (True, False), (10**400, False)],
)
async def test_numbers(door: Door, priority: Any, ok: bool) -> None:
    response = await door.post("/v1/queues", json={"priority": priority}, headers=door.as_("u", Role.ADMIN))
    assert response.status_code == (201 if ok else 400)
    assert ok or response.json()["detail"].startswith("priority: ")


@pytest.mark.parametrize("value", ["yes", "true", 1, 0, "0", [], {}])
async def test_only_true_and_false_are_flags(door: Door, value: Any) -> None:
    headers = door.as_("u", Role.ADMIN)
    for response in (
        await door.post("/v1/queues", json={"open": value}, headers=headers),
        await door.patch("/v1/queues/1", json={"open": value}, headers=headers),
    ):
        assert (response.status_code, response.json()["detail"]) == (400, "open: must be true or false")


async def test_unknown_query_parameters_are_named(door: Door) -> None:
    response = await door.get("/v1/queues?limit=5&b=1&a=1", headers=door.as_("u"))
    assert (response.status_code, response.json()["detail"]) == (400, "there is no such query parameter: a, b")


DETAILS: list[tuple[str, str, Any, str]] = [
    ("POST", "/v1/tokens", {"user_id": "u", "roles": []}, "roles: must not be empty"),
    ("POST", "/v1/tokens", {"user_id": "u", "roles": ["god"]},
     "roles.0: must be 'customer', 'agent', 'supervisor' or 'admin'"),
    ("POST", "/v1/tokens", {"user_id": "u"}, "roles: is missing"),
    ("POST", "/v1/tokens", {"user_id": "", "roles": ["agent"], "ttl_s": 1},
     "user_id: must not be empty; ttl_s: must be at least 60"),
    ("POST", "/v1/contacts", {"queue_id": "1", "ext": "x" * 4097}, "ext: is longer than 4096 bytes"),
    ("POST", "/v1/contacts", {"queue_id": "1", "name": "x" * 129}, "name: is longer than 128 characters"),
    ("POST", "/v1/contacts", {"queue_id": 1, "more": 1}, "queue_id: must be text; more: there is no such member"),
    ("POST", "/v1/agents/me/queues", {"queues": [{"queue_id": 1}]}, "queues.0.queue_id: must be text"),
    ("POST", "/v1/agents/me/queues", {"queues": [1]}, "queues.0: must be an object"),
    ("POST", "/v1/agents/me/queues", {"queues": []}, "queues: must not be empty"),
    ("POST", "/v1/agents/me/queues", {"queues": "1"}, "queues: must be a list"),
    ("POST", "/v1/agents/me/queues", [], "body: must be a JSON object, sent as application/json"),
    ("PUT", "/v1/agents/me/dnd", {"dnd": 1001}, "dnd: must be at most 1000"),
    ("PUT", "/v1/agents/me/dnd", {"dnd": "1"}, "dnd: must be a whole number"),
    ("POST", "/v1/contacts/5/start", None, "contact: must be an id like 1763824800123-0007"),
    ("POST", "/v1/calls/5/reject", {}, "call: must be an id like 1763824800123-0007"),
    ("POST", "/v1/assignments/5/accept", None, "assignment: must be an assignment's id, like 1763824800123-0007-1"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "detail"), DETAILS)
async def test_what_is_wrong_is_said_in_our_words(door: Door, method: str, path: str, body: Any, detail: str) -> None:
    response = await door.request(method, path, json=body, headers=door.as_("u", *Role))
    assert (response.status_code, response.json()["detail"]) == (400, detail)


async def test_a_body_that_is_not_said_to_be_json(door: Door) -> None:
    headers = {**door.as_("u"), "Content-Type": "text/plain"}
    response = await door.post("/v1/contacts", content=b'{"queue_id": "1"}', headers=headers)
    assert response.status_code == 400
    assert "application/json" in response.json()["detail"]


@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_that_is_too_long(door: Door, fake: FakeDispatcher, announced: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(BODY_BYTES_MAX // 1024 + 1):
            yield b" " * 1024

    body = b" " * (BODY_BYTES_MAX + 1) if announced else chunks()
    headers = {**door.as_("u"), "Content-Type": "application/json"}
    response = await door.post("/v1/contacts", content=body, headers=headers)
    assert (response.status_code, response.json()["code"]) == (413, "PARAM_ERR")
    assert fake.asked == []


async def test_the_openapi_document_says_what_the_doors_do(door: Door) -> None:
    response = await door.get("/openapi.json")
    assert response.status_code == 200
    document = response.json()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert set(document["components"]["schemas"]["Problem"]["properties"]) == MEMBERS
    for path, operations in document["paths"].items():
        for operation in operations.values():
            refused = {status: r for status, r in operation["responses"].items() if status >= "4"}
            assert {kind for response in refused.values() for kind in response["content"]} == {
                "application/problem+json"
            }
            assert list(operation["responses"]["default"]["content"]) == ["application/problem+json"]
            open_to_all = path in {"/v1/login", "/healthz", "/readyz"}
            assert ("security" in operation) != open_to_all, path
