"""Every member of every row that the OpenAPI document knows: missing, of the wrong type, too long, of another tenant.

The rows and members are read from the document, so a new one is tried without a word here. Whatever is wrong, the
answer is a 4xx of the closed set that names what is wrong, and no key of either tenant has changed.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api import http
from dispatcher.errors import Code
from dispatcher.model import Actor, QueueCreate, Role, Service
from dispatcher.store.connect import Store
from dispatcher.tenancy import AccountCreate
from tests.api.doors import Doors, doors
from tests.scripts.frozen import Frozen

pytestmark = pytest.mark.lanes("embedded", "redis")

DOCUMENT = http.build(body_bytes_max=1).openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]
EVERYTHING = frozenset(Role)
WRONG: dict[str, list[Any]] = {
    "string": [5, True, ["x"], {"x": "y"}],
    "integer": ["5", 1.5, True, [1], {"x": 1}],
    "boolean": ["yes", 1, [True]],
    "array": ["x", 5, {"x": 1}, [[]]],
    "object": ["x", 5],
}
"""What is no value of a type, as the document names it."""

TOO_LONG: dict[str, Any] = {"string": "x" * 100_000, "integer": 10**30, "array": [f"x{n}" for n in range(10_000)]}
GOOD: dict[str, Any] = {"roles": ["agent"], "password": "correct horse", "dnd": 1, "capacity": 2, "data": "x"}
"""A value for each required member that names nothing of a tenant."""

REFERENCES = ("queue_id", "agent_id", "callee", "to")
"""Members that name something there must be; other ids may be of somebody new."""


def _resolved(schema: Any) -> Any:
    """Follow references, and take the value's schema where null may stand for it."""
    while True:
        if "$ref" in schema:
            schema = SCHEMAS[schema["$ref"].rpartition("/")[2]]
        elif "anyOf" in schema:
            schema = next((one for one in schema["anyOf"] if one.get("type") != "null"), {})
        elif len(schema.get("allOf", ())) == 1:
            (schema,) = schema["allOf"]
        else:
            return schema


@dataclass(frozen=True)
class Row:
    method: str
    path: str
    operation: Any

    @property
    def body(self) -> Any:
        """The schema of its body; without one, of nothing."""
        content = self.operation.get("requestBody", {"content": {}})["content"]
        return _resolved(content["application/json"]["schema"]) if content else {"properties": {}}

    def parameters(self, place: str) -> dict[str, Any]:
        """Its parameters in `path` or `query`, with their schemas."""
        return {one["name"]: one["schema"] for one in self.operation.get("parameters", []) if one["in"] == place}


@dataclass(frozen=True)
class Scene:
    """One tenant with one of everything, and what it is called."""

    tenant: str
    ids: dict[str, str]


ROWS = [
    Row(method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
WITH_BODY = [row for row in ROWS if row.body["properties"]]
WITH_ID = [row for row in ROWS if row.parameters("path")]


def named(row: Row) -> str:
    return f"{row.method} {row.path}"


def _members(row: Row) -> dict[str, str]:
    """The members of a row's body with their types; "" where any JSON will do."""
    return {name: _resolved(schema).get("type", "") for name, schema in row.body["properties"].items()}


class Tried:
    """The doors, two tenants before them, and what their keys were."""

    def __init__(self, door: Doors, mine: Scene, theirs: Scene) -> None:
        self.door = door
        self.mine = mine
        self.theirs = theirs
        self._store = door.node.dispatcher.runner.store
        self._before: list[Frozen] = []

    async def freeze(self) -> list[Frozen]:
        return [await Frozen.read(self._store, scene.tenant) for scene in (self.mine, self.theirs)]

    async def begin(self) -> None:
        self._before = await self.freeze()

    async def end(self) -> None:
        """Nothing has changed since `begin`."""
        for before, after in zip(self._before, await self.freeze(), strict=True):
            assert before.same_as(after)

    def path(self, row: Row, ids: dict[str, str]) -> str:
        return re.sub(r"\{(\w+)\}", lambda match: quote(ids[match[1]], safe=""), row.path)

    async def refused(self, row: Row, path: str, **options: Any) -> httpx.Response:
        """Send a request that must be refused."""
        headers = self.door.as_("ann", *EVERYTHING, tenant=self.mine.tenant)
        async with asyncio.timeout(10):
            answer = await self.door.request(row.method, path, headers=headers, **options)
        told = (named(row), path, str(options)[:200], answer.status_code, answer.text[:300])
        assert 400 <= answer.status_code < 500, told
        assert answer.headers["content-type"] == "application/problem+json", told
        assert answer.json()["code"] in Code.__members__, told
        return answer

    async def not_well_formed(self, row: Row, member: str, body: Any) -> None:
        answer = await self.refused(row, self.path(row, self.mine.ids), json=body)
        told = (named(row), member, str(body)[:200], answer.text)
        assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERR"), told
        assert re.search(rf"(^|; ){re.escape(member)}[.:]", answer.json()["detail"]), told


async def _scene(door: Doors, name: str) -> Scene:
    """Make a tenant whose ids have `name` in them, or are of this moment."""
    engine = door.node.dispatcher
    tenant, _ = await door.new_tenant()
    boss = Actor(tenant=tenant, user_id="ann", name="Ann", roles=EVERYTHING)
    queue, agent, customer = f"queue-{name}", f"agent-{name}", f"kim-{name}"
    await engine.create_queue(boss, QueueCreate(queue_id=queue, connect_timeout=3600, ring_timeout=3600))
    account = {"user_id": customer, "roles": ["agent"], "password": "correct horse"}
    await engine.create_account(boss, AccountCreate.model_validate(account))
    for user in (agent, customer):
        actor = Actor(tenant=tenant, user_id=user, roles=EVERYTHING, client="c")
        await engine.open_session(actor, f"session-{user}", "")
    await engine.start_service(boss, agent, [Service(queue_id=queue)])
    contact = await engine.start_queuing(boss, queue, customer_id=customer)
    (assignment,) = (await engine.get_snapshot(Actor(tenant=tenant, user_id=agent))).assignments
    call = await engine.call(Actor(tenant=tenant, user_id=agent, roles=EVERYTHING), customer)
    ids = {
        "queue": queue,
        "agent": agent,
        "user": customer,
        "contact": contact.contact_id,
        "assignment": assignment.assignment_id,
        "call": call.call_id,
    }
    return Scene(tenant, ids)


@pytest.fixture(scope="module")
async def tried(store: Store) -> AsyncIterator[Tried]:
    async with doors(store) as door:
        mine = await _scene(door, "a")
        # Ids are times: two of the same moment would be the same.
        await asyncio.sleep(0.005)
        yield Tried(door, mine, await _scene(door, "b"))


def test_the_scene_knows_every_kind_of_id() -> None:
    kinds = {"queue", "agent", "user", "contact", "assignment", "call"}
    assert {name for row in ROWS for name in row.parameters("path")} <= kinds
    assert len(WITH_BODY) >= 14
    assert all(kind in {*WRONG, ""} for row in ROWS for kind in _members(row).values())


@pytest.mark.parametrize("row", WITH_BODY, ids=named)
async def test_a_member_that_is_missing_of_the_wrong_type_or_too_long(tried: Tried, row: Row) -> None:
    await tried.begin()
    for member in row.body.get("required", ()):
        await tried.not_well_formed(row, member, {})
    for member, kind in _members(row).items():
        wrong = [*WRONG.get(kind, ()), *([TOO_LONG[kind]] if kind in TOO_LONG else [])]
        for value in wrong or [{"x": "y" * 5000}]:
            await tried.not_well_formed(row, member, {member: value})
    await tried.not_well_formed(row, "no_such_member", {"no_such_member": 1})
    nothing_like_it: list[Any] = [[], "x", 5]
    for body in nothing_like_it:
        await tried.refused(row, tried.path(row, tried.mine.ids), json=body)
    await tried.end()


@pytest.mark.parametrize("row", WITH_ID, ids=named)
async def test_an_id_in_the_path_that_is_malformed_too_long_or_unknown(tried: Tried, row: Row) -> None:
    await tried.begin()
    body: dict[str, Any] = {"json": _good(row, tried.mine)} if row.body["properties"] else {}
    for name in row.parameters("path"):
        for odd in ("x" * 200, "\x00", "a\nb", "nobody", "\x7f"):
            await tried.refused(row, tried.path(row, {**tried.mine.ids, name: odd}), **body)
    await tried.end()


@pytest.mark.parametrize("row", [row for row in ROWS if row.path.startswith("/v1/")], ids=named)
async def test_a_query_parameter_that_is_unknown_or_too_long(tried: Tried, row: Row) -> None:
    await tried.begin()
    path = tried.path(row, tried.mine.ids)
    body: dict[str, Any] = {"json": _good(row, tried.mine)} if row.body["properties"] else {}
    await tried.refused(row, path, params={"no_such_parameter": "1"}, **body)
    for name in row.parameters("query"):
        await tried.refused(row, path, params={name: "x" * 5000}, **body)
    await tried.end()


def _good(row: Row, scene: Scene, **more: str) -> dict[str, Any]:
    """A body of a row with its required members, naming what is in `scene`."""
    named_ids = {
        "tenant": scene.tenant,
        "user_id": "new",
        "queue_id": scene.ids["queue"],
        "agent_id": scene.ids["agent"],
        "callee": scene.ids["user"],
        "to": scene.ids["user"],
        "queues": [{"queue_id": scene.ids["queue"]}],
    }
    return {member: (GOOD | named_ids)[member] for member in row.body.get("required", ())} | more


@pytest.mark.parametrize("row", WITH_ID, ids=named)
async def test_an_id_of_another_tenant_in_the_path(tried: Tried, row: Row) -> None:
    """It answers as if it did not exist."""
    await tried.begin()
    body: dict[str, Any] = {"json": _good(row, tried.mine)} if row.body["properties"] else {}
    if row.path.endswith("/transfer"):
        body["json"]["queue_id"] = tried.mine.ids["queue"]
    for name in row.parameters("path"):
        path = tried.path(row, {**tried.mine.ids, name: tried.theirs.ids[name]})
        answer = await tried.refused(row, path, **body)
        unknown = {"contact": f"{time.time_ns() // 10**6}-9999"}
        unknown |= {"assignment": unknown["contact"] + "-1", "call": unknown["contact"]}
        nobody = tried.path(row, {**tried.mine.ids, name: unknown.get(name, "nobody")})
        told = (await tried.refused(row, nobody, **body)).text.replace(unknown.get(name, "nobody"), "?")
        assert told == answer.text.replace(tried.theirs.ids[name], "?")
    await tried.end()


NAMING = [row for row in WITH_BODY if _members(row).keys() & {*REFERENCES} and named(row) != "POST /v1/queues"]
"""Who creates a queue gives it an id that another tenant may have too."""


@pytest.mark.parametrize("row", NAMING, ids=named)
async def test_an_id_of_another_tenant_in_the_body(tried: Tried, row: Row) -> None:
    await tried.begin()
    foreign = _good(row, tried.theirs) | {
        "queue_id": tried.theirs.ids["queue"],
        "agent_id": tried.theirs.ids["agent"],
        "callee": tried.theirs.ids["user"],
        "to": tried.theirs.ids["user"],
    }
    for member in _members(row).keys() & {*REFERENCES}:
        body = _good(row, tried.mine) | {member: foreign[member]}
        await tried.refused(row, tried.path(row, tried.mine.ids), json=body)
    await tried.end()
