"""The Web API that existing backends use, and the login of pages of old, over real HTTP."""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, QueueCreate, Role
from dispatcher.store.connect import Store
from dispatcher.store.keys import key
from dispatcher.tenancy import TenantPatch
from tests.api.nodes import Running, node

pytestmark = pytest.mark.lanes("redis")

SECRET = "pages & backends"
MADE_AT = 1_763_824_800_000
MADE = "2025-11-22 16:20:00"
"""The same in Berlin."""


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass
class Api:
    """A backend before a node; `secret` signs."""

    running: Running
    tenant: str
    boss: Actor
    secret: str = SECRET

    @property
    def dispatcher(self) -> Dispatcher:
        return self.running.app.node.dispatcher

    def signed(self, **more: Any) -> dict[str, Any]:
        return {"RequestId": "r1", "CompID": self.tenant, "SecretKey": md5(f"{self.tenant}&{self.secret}"), **more}

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        content = body if isinstance(body, bytes | str) else json.dumps(body)
        return await self.running.http.post(f"/CLOUDROOM-API/queue/{path}", content=content, headers=headers)

    async def __call__(self, path: str, **more: Any) -> Any:
        response = await self.post(path, self.signed(**more))
        assert response.status_code == 200
        return response.json()

    async def code(self, path: str, **more: Any) -> str:
        answer = await self(path, **more)
        assert answer.keys() == {"RspCode", "RspDesc"}, answer
        return str(answer["RspCode"])

    async def listed(self, **more: Any) -> list[Any]:
        answer = await self("query", **more)
        assert answer["RspCode"] == "0"
        return list(answer["Data"]["queueList"])


@pytest.fixture
async def api(store: Store) -> AsyncIterator[Api]:
    async with node(store, f"n-{uuid.uuid4().hex[:8]}", logins_per_minute=1_000_000) as running:
        tenant = f"t-{uuid.uuid4().hex[:12]}"
        await running.app.node.dispatcher.create_tenant(tenant)
        boss = Actor(tenant=tenant, user_id="boss", roles=frozenset({Role.ADMIN}))
        patch = TenantPatch(legacy_login=SecretStr(SECRET), time_zone="Europe/Berlin")
        await running.app.node.dispatcher.update_tenant(boss, patch)
        yield Api(running, tenant, boss)


async def made_then(store: Store, api: Api, queue_id: str) -> None:
    """Let a queue have been made at a time that a test can write down."""
    await store.client.hset(key(api.tenant, "queue", queue_id), "created_at", str(MADE_AT))


async def test_the_answers_byte_for_byte(api: Api, store: Store) -> None:
    added = await api.post("add", api.signed(QueueName="Verkauf é", QueDesc="läuft", AppId="a"))
    assert added.status_code == 200
    assert added.headers["content-type"] == "application/json"
    when = json.loads(added.content)["Data"]["CreateTime"]
    assert added.content.decode() == (
        '{"RspCode":"0","RspDesc":"success","Data":{"QueueID":1,"QueueName":"Verkauf é","Priority":10,"Global":0,'
        f'"QueDesc":"läuft","CreateTime":"{when}"}}}}'
    )
    await made_then(store, api, "1")
    found = await api.post("query", api.signed(QueueID=1))
    assert found.content.decode() == (
        '{"RspCode":"0","RspDesc":"success","Data":{"queueCount":1,"queueList":[{"QueueID":1,"QueueName":"Verkauf é",'
        f'"Priority":10,"Global":0,"QueDesc":"läuft","CreateTime":"{MADE}","UpdateTime":"{MADE}","AgentNum":0,'
        '"SrvNum":0,"WaitNum":0,"PrepareNum":0,"MaxWaitNum":0,"MaxWaitTime":0}]}}'
    )
    changed = await api.post("modify", api.signed(QueueID=1, Priority=3))
    assert changed.content == b'{"RspCode":"0","RspDesc":"success"}'
    deleted = await api.post("delete", api.signed(QueueName="Verkauf é"))
    assert deleted.content == b'{"RspCode":"0","RspDesc":"success"}'
    none = await api.post("query", api.signed())
    assert none.content == b'{"RspCode":"0","RspDesc":"success","Data":{"queueCount":0,"queueList":[]}}'


REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("query", {"CompID": "t-nobody"}, "2"),
    ("add", {"SecretKey": "x", "QueueName": "x"}, "3"),
    ("add", {"SecretKey": md5("another one"), "QueueName": "x"}, "3"),
    ("modify", {"QueueID": 1, "Priority": 11}, "4"),
    ("delete", {"QueueID": 1}, "5"),
    ("add", {"QueueName": "one"}, "6"),
    ("delete", {"QueueName": "two"}, "6"),
    ("modify", {"QueueID": 2, "Priority": 1}, "6"),
]


async def refused(api: Api, path: str, given: dict[str, Any]) -> str:
    """Return the code of a refusal, of which every byte but its text for people is laid down."""
    response = await api.post(path, api.signed(**given))
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    found = re.fullmatch(r'\{"RspCode":"([1-6])","RspDesc":"[^"\\]+"\}', response.content.decode())
    assert found, response.content
    return found[1]


async def test_the_refusals_byte_for_byte(api: Api) -> None:
    await api("add", QueueName="one")
    await api.dispatcher.start_queuing(api.boss, "1", customer_id="kim")
    for path, given, code in REFUSALS:
        assert await refused(api, path, given) == code, (path, given)
    wrong = await api.post("modify", api.signed(QueueID=1, Priority=11))
    assert "Priority" in wrong.json()["RspDesc"], "it says which parameter"
    await api.dispatcher.update_tenant(api.boss, TenantPatch(legacy_login=SecretStr("")))
    assert await refused(api, "query", {}) == "1"


async def test_a_queue_is_added_with_everything_and_changed_bit_by_bit(api: Api) -> None:
    data = (await api("add", QueueName="one", Priority=1, Global=1, QueDesc="d"))["Data"]
    assert {name: data[name] for name in ("QueueName", "Priority", "Global", "QueDesc")} == {
        "QueueName": "one",
        "Priority": 1,
        "Global": 1,
        "QueDesc": "d",
    }
    queue = await api.dispatcher.get_queue(api.boss, str(data["QueueID"]))
    assert (queue.name, queue.priority, queue.description) == ("one", 1, "d")
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"Priority": 7}, {"Priority": 7}),
        ({"Global": 0}, {"Global": 0}),
        ({"QueDesc": ""}, {"QueDesc": ""}),
        ({"NewQueueName": "two"}, {"QueueName": "two"}),
    ]
    for asked, told in changes:
        (before,) = await api.listed(QueueID=data["QueueID"])
        assert (await api("modify", QueueID=data["QueueID"], **asked))["RspCode"] == "0"
        (after,) = await api.listed(QueueID=data["QueueID"])
        del before["UpdateTime"], after["UpdateTime"]
        assert after == before | told


async def test_a_change_is_dated(api: Api, store: Store) -> None:
    await api("add", QueueName="one")
    await made_then(store, api, "1")
    await api("modify", QueueName="one", Priority=2)
    (row,) = await api.listed()
    assert row["CreateTime"] == MADE < row["UpdateTime"]


async def test_queues_are_counted(api: Api) -> None:
    await api("add", QueueName="one")
    for customer in ("kim", "lee"):
        await api.dispatcher.start_queuing(api.boss, "1", customer_id=customer)
    contact = await api.dispatcher.start_queuing(api.boss, "1", customer_id="left")
    await api.dispatcher.stop_queuing(api.boss, contact.contact_id)
    (row,) = await api.listed()
    assert {name: row[name] for name in ("AgentNum", "SrvNum", "WaitNum", "PrepareNum", "MaxWaitNum")} == {
        "AgentNum": 0,
        "SrvNum": 0,
        "WaitNum": 2,
        "PrepareNum": 0,
        "MaxWaitNum": 3,
    }
    assert await api.code("delete", QueueID=1) == "5", "it is not empty"


async def test_pages_and_parts_of_names(api: Api) -> None:
    for n in range(1, 26):
        await api.dispatcher.create_queue(
            api.boss, QueueCreate(queue_id=f"q{n:02}", name=f"name {n:02}", description="even" if n % 2 == 0 else "odd")
        )
    rows = await api.listed()
    assert [row["QueueID"] for row in rows] == [f"q{n:02}" for n in range(1, 21)]
    assert [row["QueueID"] for row in await api.listed(PageNumber=2)] == [f"q{n:02}" for n in range(21, 26)]
    assert [row["QueueID"] for row in await api.listed(PageNumber="3", PageSize="2")] == ["q05", "q06"]
    assert await api.listed(PageNumber=9) == []
    for odd in ({"PageNumber": 0}, {"PageNumber": -1}, {"PageSize": 0}, {"PageSize": 51}):
        assert await api.listed(**odd) == rows, odd
    assert len(await api.listed(PageSize=50)) == 25
    answer = await api("query", QueueName="ame 1", QueDesc="even", PageSize=2)
    assert answer["Data"]["queueCount"] == 5
    assert [row["QueueName"] for row in answer["Data"]["queueList"]] == ["name 10", "name 12"]
    assert await api.listed(QueueID="q01", QueueName="02") == []


@pytest.mark.parametrize("path", ["add", "modify", "delete", "query"])
async def test_who_is_not_let_in_learns_nothing_else(api: Api, path: str) -> None:
    bad = {"Priority": "x", "PageSize": "x"}
    assert await api.code(path, CompID="t-nobody", **bad) == "2"
    assert await api.code(path, CompID="No Tenant", **bad) == "2"
    for wrong in ("x", md5(SECRET), md5(f"{api.tenant}&other"), md5(f"{api.tenant}{SECRET}")):
        assert await api.code(path, SecretKey=wrong, **bad) == "3"
    await api.dispatcher.update_tenant(api.boss, TenantPatch(legacy_login=SecretStr("")))
    assert await api.code(path, **bad) == "1"


async def test_a_signature_may_be_in_capitals_and_an_account_a_number(api: Api) -> None:
    assert (await api("query", SecretKey=api.signed()["SecretKey"].upper()))["RspCode"] == "0"
    number = uuid.uuid4().int % 10**12
    await api.dispatcher.create_tenant(str(number))
    boss = api.boss.model_copy(update={"tenant": str(number)})
    await api.dispatcher.update_tenant(boss, TenantPatch(legacy_login=SecretStr(SECRET)))
    answer = await api("query", CompID=number, SecretKey=md5(f"{number}&{SECRET}"), RequestId=7)
    assert answer["Data"] == {"queueCount": 0, "queueList": []}


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("add", {}),
        ("add", {"QueueName": ""}),
        ("add", {"QueueName": "x" * 65}),
        ("add", {"QueueName": "a\nb"}),
        ("add", {"QueueName": 7}),
        ("add", {"QueueName": "\ud800"}),
        ("add", {"QueueName": "x", "Priority": 0}),
        ("add", {"QueueName": "x", "Priority": 11}),
        ("add", {"QueueName": "x", "Priority": "high"}),
        ("add", {"QueueName": "x", "Global": 2}),
        ("add", {"QueueName": "x", "QueDesc": "x" * 201}),
        ("modify", {}),
        ("modify", {"QueueID": "", "QueueName": ""}),
        ("modify", {"QueueID": "a b"}),
        ("modify", {"QueueID": 1.5}),
        ("modify", {"QueueName": "there", "NewQueueName": "x" * 65}),
        ("modify", {"QueueName": "there", "NewQueueName": "a\nb"}),
        ("modify", {"QueueName": "there", "Priority": 99}),
        ("delete", {}),
        ("query", {"PageSize": "x"}),
        ("query", {"RequestId": ""}),
        ("query", {"CompID": None}),
        ("query", {"SecretKey": 5}),
    ],
)
async def test_bad_parameters(api: Api, path: str, given: dict[str, Any]) -> None:
    await api("add", QueueName="there")
    before = await api.listed()
    assert await api.code(path, **given) == "4"
    assert await api.listed() == before


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 5000, b'{"RequestId":"1"}'])
async def test_a_body_that_is_no_request(api: Api, body: bytes) -> None:
    response = await api.post("query", body)
    assert (response.status_code, response.json()["RspCode"]) == (200, "4")


async def test_names_are_unique_and_queues_must_be_found(api: Api) -> None:
    for name in ("one", "two"):
        assert (await api("add", QueueName=name))["RspCode"] == "0"
    assert await api.code("add", QueueName="one") == "6"
    assert await api.code("modify", QueueName="one", NewQueueName="two") == "6"
    for path in ("modify", "delete"):
        for nowhere in ({"QueueID": 9}, {"QueueName": "nine"}, {"QueueID": 1, "QueueName": "two"}):
            assert await api.code(path, **nowhere) == "6"
    assert [row["QueueName"] for row in await api.listed()] == ["one", "two"]


async def test_tries_are_limited_with_those_of_logins(store: Store) -> None:
    async with node(store, f"n-{uuid.uuid4().hex[:8]}", logins_per_minute=2) as running:
        tenant = f"t-{uuid.uuid4().hex[:12]}"
        await running.app.node.dispatcher.create_tenant(tenant)
        boss = Actor(tenant=tenant, user_id="boss", roles=frozenset({Role.ADMIN}))
        await running.app.node.dispatcher.update_tenant(boss, TenantPatch(legacy_login=SecretStr(SECRET)))
        api = Api(running, tenant, boss)
        asked = {"tenant": tenant, "secret_md5": "x", "user_id": "kim"}
        assert (await running.http.post("/v1/login", json=asked)).json()["code"] == "ANCTPSWD_ERR"
        assert (await api("query"))["RspCode"] == "0"
        assert await api.code("query") == "5"
        assert (await running.http.post("/v1/login", json=asked)).json()["code"] == "RATE_LIMITED"


async def test_a_page_of_a_foreign_site_is_refused(api: Api) -> None:
    response = await api.post("query", api.signed(), Origin="https://elsewhere.example")
    assert response.json()["RspCode"] == "1"


async def test_what_is_done_is_in_the_audit(api: Api, store: Store) -> None:
    await api("add", QueueName="one")
    entries: Any = await store.client.xrange(key(api.tenant, "log"))
    events = [event for _, entry in entries for event in json.loads(entry["entry"])["events"]]
    audit = {"event": "audit", "data": {"actor_id": "cloudroom-api", "command": "create_queue", "subject": "1"}}
    assert audit in events


class Page:
    """A page of old at the door of login."""

    def __init__(self, api: Api) -> None:
        self.api = api

    async def login(self, **more: Any) -> httpx.Response:
        asked = {"tenant": self.api.tenant, "secret_md5": md5(SECRET), "user_id": "kim"} | more
        return await self.api.running.http.post("/v1/login", json=asked)

    async def code(self, **more: Any) -> tuple[int, str]:
        response = await self.login(**more)
        return response.status_code, response.json().get("code", "")


async def test_a_page_logs_in_with_an_md5(api: Api) -> None:
    page = Page(api)
    answer = (await page.login(name="Kim", roles=["customer", "agent"])).json()
    assert answer["user"] == {"user_id": "kim", "name": "Kim", "roles": ["customer", "agent"]}
    assert (await page.login()).json()["user"]["roles"] == ["customer"]
    assert (await page.login(secret_md5=md5(SECRET).upper())).status_code == 200
    claims = api.running.app.node.tokens.read(answer["token"])
    assert (claims.tenant, claims.user_id, claims.name) == (api.tenant, "kim", "Kim")


async def test_a_page_gets_no_more_than_customer_and_agent(api: Api) -> None:
    page = Page(api)
    for role in ("supervisor", "admin"):
        assert await page.code(roles=["agent", role]) == (400, "PARAM_ERR")
    assert await page.code(secret="both") == (400, "PARAM_ERR")
    assert await page.code(secret_md5=SECRET) == (401, "ANCTPSWD_ERR")
    assert await page.code(secret_md5=md5(f"{api.tenant}&{SECRET}")) == (401, "ANCTPSWD_ERR")
    assert await page.code(tenant="t-nobody") == (401, "TOKEN_APPIDNOTEXIST")
    await api.dispatcher.update_tenant(api.boss, TenantPatch(legacy_login=SecretStr("")))
    assert await page.code() == (403, "API_NO_PERMISSION")
