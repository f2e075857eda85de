"""Whatever is sent, the answer is one of the closed set, and never that the server failed."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from api.app import create_app
from dispatcher.errors import Code
from dispatcher.model import Role
from dispatcher.settings import Settings
from dispatcher.store.connect import Store
from tests.api.fakes import ASSIGNMENT_ID, CONTACT_ID

pytestmark = pytest.mark.lanes("redis")

TEXTS = [
    "",
    "0",
    "-1",
    "1",
    "me",
    "..",
    "a b",
    "é漢🙂",
    "a:b",
    "{x}",
    "}:meta",
    "(",
    "[",
    "+",
    "-",
    "+inf",
    "nan",
    "1e9",
]
TEXTS += [
    "x" * 64,
    "x" * 65,
    "x" * 128,
    "x" * 129,
    "1 2",
    "1\t2",
    "%",
    "\x7f",
    "\u2028",
    "0x10",
    "9" * 20,
    "-inf",
    "'\"",
]
NUMBERS: list[Any] = [0, 1, -1, 1000, 1001, 2**31, 2**53, 2**64, 10**100, 1.5, 1e300, True, None, "1", [], {}]
ROWS = [
    ("GET", "/v1/queues/{}"),
    ("PATCH", "/v1/queues/{}"),
    ("DELETE", "/v1/queues/{}"),
    ("GET", "/v1/queues/{}/status"),
    ("GET", "/v1/queues/{}/contacts"),
    ("GET", "/v1/queues/{}/agents"),
    ("GET", "/v1/contacts/{}"),
    ("DELETE", "/v1/contacts/{}"),
    ("POST", "/v1/contacts/{}/start"),
    ("POST", "/v1/contacts/{}/complete"),
    ("GET", "/v1/agents/{}"),
    ("PUT", "/v1/agents/{}/queues/1"),
    ("PUT", "/v1/agents/me/queues/{}"),
    ("DELETE", "/v1/agents/{}/queues/1"),
    ("DELETE", "/v1/agents/me/queues/{}"),
    ("POST", "/v1/agents/{}/assignments"),
    ("POST", "/v1/assignments/{}/accept"),
    ("POST", "/v1/assignments/{}/reject"),
    ("POST", "/v1/calls/{}/accept"),
    ("POST", "/v1/calls/{}/reject"),
    ("POST", "/v1/calls/{}/hangup"),
    ("GET", "/v1/users/{}/status"),
]


@pytest.fixture
async def client(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(Settings(), store)
    async with app.node.running():
        name = f"t-{uuid.uuid4().hex[:12]}"
        await app.node.dispatcher.create_tenant(name)
        token = app.node.tokens.mint(name, "boss", "Boss", list(Role)).token
        headers = {"Authorization": f"Bearer {token}"}
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://door", headers=headers) as client:
            assert (await client.post("/v1/queues", json={})).status_code == 201
            yield client


def _check(response: httpx.Response, what: object) -> None:
    if response.status_code < 300:
        return
    body = response.json()
    assert response.status_code < 500, (what, body)
    assert body["code"] in Code.__members__, (what, body)


async def test_ids_in_paths(client: httpx.AsyncClient) -> None:
    ids = [httpx.URL("http://x", params={"q": text}).query.decode()[2:].replace("+", "%20") for text in TEXTS]
    ids += [CONTACT_ID, ASSIGNMENT_ID, "%00", "%ff", "%ed%a0%80", "0000000000000-0000", "9999999999999-9999"]
    for (method, path), id in itertools.product(ROWS, ids):
        if "%2F" not in id:
            _check(await client.request(method, path.format(id), json={}), (method, path, id))


async def test_cursors(client: httpx.AsyncClient) -> None:
    for path in ("/v1/queues", "/v1/agents", "/v1/queues/1/contacts", "/v1/queues/1/agents"):
        for text in TEXTS:
            _check(await client.get(path, params={"cursor": text}), (path, text))


async def test_members(client: httpx.AsyncClient) -> None:
    rows: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/v1/contacts", {"queue_id": "1", "customer_id": "c", "name": "", "ext": "", "presence": "none"}),
        ("POST", f"/v1/contacts/{CONTACT_ID}/transfer", {"queue_id": "1", "agent_id": "a"}),
        ("PATCH", "/v1/agents/ann", {"capacity": 1}),
        ("PUT", "/v1/agents/ann/queues/1", {"priority": 1}),
        ("POST", "/v1/agents/ann/queues", {"queues": [{"queue_id": "1", "priority": 1}]}),
        ("PUT", "/v1/agents/ann/dnd", {"dnd": 1, "reason": ""}),
        ("POST", "/v1/agents/boss/assignments", {"queue_id": "1", "customer_id": "c"}),
        ("POST", "/v1/tokens", {"user_id": "u", "name": "", "roles": ["agent"], "queues": ["1"], "ttl_s": 60}),
    ]
    for method, path, body in rows:
        for member, value in itertools.product(body, [*NUMBERS, *TEXTS]):
            for given in (value, [value], {member: value}):
                _check(await client.request(method, path, json={**body, member: given}), (path, member, given))


async def test_policies(client: httpx.AsyncClient) -> None:
    policy = (await client.get("/v1/queues/1")).json()
    for member, value in itertools.product(policy, [*NUMBERS, *TEXTS]):
        _check(await client.patch("/v1/queues/1", json={member: value}), (member, value))
        _check(await client.post("/v1/queues", json={member: value}), (member, value))
    assert (await client.get("/v1/queues")).status_code == 200


async def test_the_tenant_is_whole_afterwards(client: httpx.AsyncClient) -> None:
    """A queue with odd but allowed values, seen through every row that shows it."""
    odd = {"queue_id": "-.", "name": "é }:{ %s", "description": '\x00"\\ 漢🙂', "priority": 0, "max_wait": 86_400}
    created = await client.post("/v1/queues", json=odd)
    assert created.status_code == 201
    assert {member: created.json()[member] for member in odd} == odd
    assert (await client.get("/v1/queues/-.")).json() == created.json()
    assert created.json() in (await client.get("/v1/queues")).json()["items"]
    joined = await client.post(
        "/v1/contacts", json={"queue_id": "-.", "customer_id": "é :}{", "ext": '\x00\r\n"\\', "presence": "none"}
    )
    assert (joined.status_code, joined.json()["ext"]) == (201, '\x00\r\n"\\')
    listed = (await client.get("/v1/queues/-./contacts")).json()["items"]
    assert [(one["customer_id"], one["position"]) for one in listed] == [("é :}{", 1)]
