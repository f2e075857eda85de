"""Whole nodes over real HTTP and WebSockets: two of them on one store."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from api.app import create_app
from dispatcher.engine import Dispatcher
from dispatcher.settings import Settings, SettingsError
from dispatcher.store.connect import Store
from dispatcher.tasks import end
from tests.api.nodes import KEYS, Running, node


@pytest.fixture
def name() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
async def secret(dispatcher: Dispatcher, name: str) -> str:
    return await dispatcher.create_tenant(name)


async def _ok(response_: Any, status: int = 200) -> Any:
    response = await response_
    assert response.status_code == status, response.text
    return response.json() if response.content else None


async def test_an_agent_and_a_customer_on_different_nodes(store: Store, name: str, secret: str) -> None:
    async with asyncio.timeout(20), node(store, "a") as a, node(store, "b") as b:
        boss = await a.login(name, secret, "boss", "admin")
        ann = await a.login(name, secret, "ann", "agent", name="Ann")
        carl = await b.login(name, secret, "carl", name="Carl")
        assert (await _ok(a.http.post("/v1/queues", json={"name": "Sales"}, headers=boss), 201))["queue_id"] == "1"
        async with a.socket(ann, "x" * 16) as agent, b.socket(carl, "y" * 16) as customer:
            served = await _ok(a.http.put("/v1/agents/me/queues/1", headers=ann))
            assert (served["state"], served["queues"]) == ("idle", [{"queue_id": "1", "priority": 0}])
            contact = await _ok(b.http.post("/v1/contacts", json={"queue_id": "1", "ext": "é"}, headers=carl), 201)
            assert (contact["state"], contact["position"], contact["agent_id"]) == ("preparing", None, "ann")
            offered = await agent.until("assignment.offered")
            assert (offered["contact"]["ext"], offered["why"]["rule"]) == ("é", "order")
            assert (await customer.until("contact.matched"))["contact_id"] == contact["contact_id"]
            path = f"/v1/contacts/{contact['contact_id']}"
            accepted = await _ok(a.http.post(f"/v1/assignments/{offered['assignment_id']}/accept", headers=ann))
            assert accepted["state"] == "accepted"
            assert (await _ok(a.http.post(f"{path}/start", headers=ann)))["state"] == "serving"
            status = await _ok(b.http.get("/v1/queues/1/status", headers=carl))
            assert status == {
                "queue_id": "1", "agent_num": 1, "wait_num": 0, "prepare_num": 0, "srv_num": 1, "longest_wait_s": 0,
            }  # fmt: skip
            me = await _ok(b.http.get("/v1/me", headers=carl))
            assert (me["user"]["roles"], me["contact"]["state"], me["assignments"]) == (["customer"], "serving", [])
            ended = await _ok(a.http.post(f"{path}/complete", headers=ann))
            assert (ended["state"], ended["reason"]) == ("ended", "completed")
            assert (await customer.until("contact.ended"))["reason"] == "completed"


async def test_an_offer_is_missed_on_time_although_its_node_dies(store: Store, name: str, secret: str) -> None:
    """The node that made the offer knew when it would be due; nobody else did."""
    async with asyncio.timeout(30), node(store, f"a-{name}") as a, node(store, f"b-{name}") as b:
        boss = await a.login(name, secret, "boss", "admin")
        ann = await b.login(name, secret, "ann", "agent")
        await _ok(a.http.post("/v1/queues", json={"offer_timeout": 2}, headers=boss), 201)
        async with b.socket(ann, "x" * 16) as agent:
            await _ok(b.http.put("/v1/agents/me/queues/1", headers=ann))
            carl = {"queue_id": "1", "customer_id": "carl", "presence": "none"}
            await _ok(a.http.post("/v1/contacts", json=carl, headers=boss), 201)
            await end(a.app.node.ticker._tasks)
            offered = await agent.until("assignment.offered")
            missed = await agent.until("assignment.cancelled")
            assert missed["reason"] == "missed"
            late = await a.app.node.fleet.now_ms() - offered["deadline_at"]
            assert 0 <= late <= 5000


async def test_a_wrong_secret_and_too_many_logins(store: Store, name: str, secret: str) -> None:
    async with node(store, "a", logins_per_minute=2) as a:
        login = {"tenant": name, "secret": "wrong", "user_id": "u"}
        codes = [(await a.http.post("/v1/login", json=login)).json()["code"] for _ in range(3)]
        assert codes == ["TOKEN_AUTH_FAILED", "TOKEN_AUTH_FAILED", "RATE_LIMITED"]
        unknown = await a.http.post("/v1/login", json={**login, "tenant": "no-such-tenant"})
        assert (unknown.status_code, unknown.json()["code"]) == (401, "TOKEN_APPIDNOTEXIST")


async def test_probes_and_other_paths(store: Store) -> None:
    async with node(store, "a") as a:
        assert (await a.http.get("/healthz")).json() == {"status": "ok", "node_id": "a"}
        assert (await a.http.get("/readyz")).json() == {"status": "ok", "node_id": "a"}
        for path in ("/healthz", "/readyz"):
            got, head = await a.http.get(path), await a.http.head(path)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == got.headers["content-length"]
        with pytest.raises(InvalidStatus) as caught:
            async with connect(f"ws://127.0.0.1:{a.port}/v1/elsewhere"):
                pass
        assert caught.value.response.status_code == 403


async def test_what_a_role_allows_and_who_was_never_seen(store: Store, name: str, secret: str) -> None:
    async with node(store, "a") as a:
        boss = await a.login(name, secret, "boss", "admin")
        ann = await a.login(name, secret, "ann", "agent")
        carl = await a.login(name, secret, "carl")
        await _ok(a.http.post("/v1/queues", json={}, headers=boss), 201)
        needs = "queuing oneself needs the role customer"
        for who, named, detail in (
            (ann, {}, needs),
            (boss, {}, f"{needs}; customer_id names whom else to queue"),
            (boss, {"customer_id": "boss"}, f"{needs}; customer_id names whom else to queue"),
            (carl, {"customer_id": "dan"}, "only a backend queues for somebody else"),
            (carl, {"presence": "none"}, "only a backend queues without a connection (presence none)"),
        ):
            refused = await _ok(a.http.post("/v1/contacts", json={"queue_id": "1", **named}, headers=who), 403)
            assert (refused["code"], refused["detail"]) == ("API_NO_PERMISSION", detail)
        await _ok(a.http.post("/v1/contacts", json={"queue_id": "1", "customer_id": "dan"}, headers=boss), 201)
        await _ok(a.http.post("/v1/contacts", json={"queue_id": "1"}, headers=carl), 201)
        refused = await _ok(a.http.post("/v1/agents/me/assignments", headers=carl), 403)
        assert (refused["code"], refused["detail"]) == ("API_NO_PERMISSION", "needs the role agent")
        for asked in (
            a.http.get("/v1/agents/me", headers=ann),
            a.http.put("/v1/agents/me/dnd", json={"dnd": 1}, headers=ann),
        ):
            assert (await _ok(asked, 404))["detail"] == "no session of ann was ever opened"
        unknown = await _ok(a.http.get("/v1/agents/nobody", headers=boss), 404)
        assert unknown["detail"] == "There is no such user"


async def test_a_defect_is_answered_once_and_logged(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    async with node(store, "a") as a:

        def broken(token: str) -> None:
            raise RuntimeError("the password is 1234")

        monkeypatch.setattr(a.app.node.tokens, "read", broken)
        response = await a.http.get("/v1/me", headers={"Authorization": "Bearer x"})
        assert (response.status_code, response.json()["code"]) == (500, "SERVER_EXCEPTION")
        assert "1234" not in response.text


def test_a_real_redis_needs_token_keys() -> None:
    with pytest.raises(SettingsError, match=r"secrets\.token_hex"):
        create_app(Settings(redis_url="redis://127.0.0.1:1"))


async def test_a_node_starts_before_its_redis() -> None:
    app = create_app(Settings(redis_url="redis://127.0.0.1:1", token_keys=KEYS, command_timeout_s=0.2))
    async with asyncio.timeout(10), app.node.running():
        one = Running(app, 0)
        await one.http.aclose()
        with pytest.raises(Exception, match="UNAVAILABLE"):
            await app.node.ready()
