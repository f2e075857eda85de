"""People with passwords: their accounts, logging in, and what nobody may learn of it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from dispatcher import passwords
from dispatcher.errors import DispatcherError
from dispatcher.events import log
from dispatcher.model import Role
from dispatcher.store.connect import Store
from dispatcher.store.keys import key
from tests.api.doors import Doors, doors

pytestmark = pytest.mark.lanes("embedded", "redis")

PASSWORD = "correct horse battery"
ANN: dict[str, Any] = {"user_id": "ann", "name": "Ann", "roles": ["supervisor", "agent"], "password": PASSWORD}


@pytest.fixture
async def door(store: Store) -> AsyncIterator[Doors]:
    async with doors(store) as client:
        yield client


async def _login(door: Doors, user_id: str = "ann", password: str = PASSWORD, **more: Any) -> httpx.Response:
    asked = {"tenant": door.tenant, "user_id": user_id, "password": password, **more}
    return await door.post("/v1/login", json=asked)


async def test_an_account_logs_in_with_what_it_may(door: Doors) -> None:
    boss = door.as_("boss", Role.ADMIN)
    created = await door.post("/v1/users", json=ANN | {"queues": ["2", "1"]}, headers=boss)
    assert created.status_code == 201
    account = created.json()
    assert account == {
        "user_id": "ann",
        "name": "Ann",
        "roles": ["agent", "supervisor"],
        "queues": ["1", "2"],
        "created_at": account["created_at"],
    }
    logged_in = await _login(door, ttl_s=60)
    assert logged_in.status_code == 200
    assert logged_in.json()["user"] == {"user_id": "ann", "name": "Ann", "roles": ["agent", "supervisor"]}
    claims = door.node.tokens.read(logged_in.json()["token"])
    assert (claims.tenant, claims.user_id, claims.queues) == (door.tenant, "ann", frozenset({"1", "2"}))
    assert abs(claims.expires_at / 1000 - time.time() - 60) < 5
    free = await door.patch("/v1/users/ann", json={"queues": None, "roles": ["admin"], "name": "A"}, headers=boss)
    assert free.json() == {k: v for k, v in account.items() if k != "queues"} | {"roles": ["admin"], "name": "A"}
    claims = door.node.tokens.read((await _login(door)).json()["token"])
    assert (claims.roles, claims.queues, claims.name) == ({Role.ADMIN}, None, "A")
    none_at_all = await door.patch("/v1/users/ann", json={"queues": []}, headers=boss)
    assert none_at_all.json()["queues"] == []
    same = await door.patch("/v1/users/ann", json={"name": None, "roles": None, "password": None}, headers=boss)
    assert same.json() == none_at_all.json()
    assert (await _login(door)).status_code == 200


async def test_a_new_password_ends_the_old_one_and_a_deleted_account_all(door: Doors) -> None:
    boss = door.as_("boss", Role.ADMIN)
    await door.post("/v1/users", json=ANN, headers=boss)
    assert (await door.patch("/v1/users/ann", json={"password": "another one"}, headers=boss)).status_code == 200
    assert (await _login(door)).status_code == 401
    assert (await _login(door, password="another one")).status_code == 200
    assert (await door.delete("/v1/users/ann", headers=boss)).status_code == 204
    assert (await _login(door, password="another one")).status_code == 401
    for method, body in (("DELETE", None), ("PATCH", {"name": "x"})):
        gone = await door.request(method, "/v1/users/ann", json=body, headers=boss)
        assert (gone.status_code, gone.json()["code"]) == (404, "USER_NOT_FOUND")


async def test_me_is_the_admin_himself(door: Doors) -> None:
    boss = door.as_("boss", Role.ADMIN)
    await door.post("/v1/users", json=ANN | {"user_id": "boss"}, headers=boss)
    changed = await door.patch("/v1/users/me", json={"name": "B"}, headers=boss)
    assert (changed.json()["user_id"], changed.json()["name"]) == ("boss", "B")
    assert (await door.delete("/v1/users/me", headers=boss)).status_code == 204


async def test_a_user_has_one_account(door: Doors) -> None:
    boss = door.as_("boss", Role.ADMIN)
    both = await asyncio.gather(*[door.post("/v1/users", json=ANN, headers=boss) for _ in range(2)])
    assert sorted(one.status_code for one in both) == [201, 409]
    refused = await door.post("/v1/users", json=ANN | {"password": "something else"}, headers=boss)
    assert (refused.status_code, refused.json()["code"]) == (409, "WRONG_STATE")
    assert (await _login(door)).status_code == 200, "with the first one's password"


async def test_nobody_learns_whether_there_is_an_account(door: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []
    verify = passwords._hasher.verify

    def noted(password_hash: str, password: str) -> bool:
        verified.append(password_hash)
        return verify(password_hash, password)

    monkeypatch.setattr(
        passwords, "_hasher", type("Noting", (), {"verify": staticmethod(noted), "hash": passwords._hasher.hash})()
    )
    await door.post("/v1/users", json=ANN, headers=door.as_("boss", Role.ADMIN))
    wrong = await _login(door, password="wrong password")
    unknown = await _login(door, user_id="nobody")
    for answer in (wrong, unknown):
        assert (answer.status_code, answer.json()["code"]) == (401, "ANCTPSWD_ERR")
    assert wrong.content == unknown.content
    # As much work was done for both: one hash with the same costs.
    costs = [password_hash.split("$")[:4] for password_hash in verified]
    assert len(costs) == 2
    assert costs[0] == costs[1]


async def test_tries_are_counted_for_the_user_and_for_the_address(store: Store) -> None:
    async with doors(store, passwords_per_minute=2, logins_per_minute=5) as door:
        await door.post("/v1/users", json=ANN, headers=door.as_("boss", Role.ADMIN))
        for user in ("ann", "nobody"):
            codes = [(await _login(door, user, "wrong password")).json()["code"] for _ in range(2)]
            assert codes == ["ANCTPSWD_ERR", "ANCTPSWD_ERR"]
        limited = await _login(door)
        assert (limited.status_code, limited.json()["code"]) == (429, "RATE_LIMITED")
        assert limited.headers["retry-after"] == "60"
        assert "of this user" in limited.json()["detail"]
        assert "from this address" in (await _login(door, "bob")).json()["detail"]


async def test_an_unknown_tenant_is_told(door: Doors) -> None:
    unknown = await _login(door, tenant="no-such-tenant")
    assert (unknown.status_code, unknown.json()["code"]) == (401, "TOKEN_APPIDNOTEXIST")


async def test_a_password_is_nowhere_but_in_its_hash(door: Doors, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    boss = door.as_("boss", Role.ADMIN, Idempotency_Key="a")
    answers = [
        await door.post("/v1/users", json=ANN, headers=boss),
        await door.post("/v1/users", json=ANN | {"roles": ["god"]}, headers=door.as_("boss", Role.ADMIN)),
        await door.get("/v1/users", headers=boss),
        await _login(door),
        await _login(door, password=PASSWORD + "!"),
    ]
    assert [answer.status_code for answer in answers] == [201, 400, 200, 200, 401]
    assert all("correct horse" not in answer.text for answer in answers)
    store = door.node.dispatcher.runner.store
    account: Any = await store.client.hgetall(key(door.tenant, "account", "ann"))
    assert account["password_hash"].startswith("$argon2id$")
    told = json.dumps([entry.model_dump() for entry in (await log.read(store, door.tenant, log.START, 100)).entries])
    kept = str(await store.client.get(key(door.tenant, "request", "boss/a")))
    assert "ann" in kept
    for text in (json.dumps(account), told, kept, caplog.text):
        assert PASSWORD not in text
    assert "argon2" not in told + kept


async def test_a_repeated_creation_is_done_once_and_another_password_is_another_request(door: Doors) -> None:
    boss = door.as_("boss", Role.ADMIN, Idempotency_Key="a")
    first = await door.post("/v1/users", json=ANN, headers=boss)
    again = await door.post("/v1/users", json=ANN, headers=boss)
    assert (again.status_code, again.content) == (201, first.content)
    reused = await door.post("/v1/users", json=ANN | {"password": "another one"}, headers=boss)
    assert (reused.status_code, reused.json()["code"]) == (422, "REQUEST_ID_REUSED")
    assert (await _login(door)).status_code == 200


async def test_a_repeated_login_gives_the_same_token(door: Doors) -> None:
    await door.post("/v1/users", json=ANN, headers=door.as_("boss", Role.ADMIN))
    asked = {"tenant": door.tenant, "user_id": "ann", "password": PASSWORD}
    both = [await door.post("/v1/login", json=asked, headers={"Idempotency-Key": "l"}) for _ in range(2)]
    assert (both[0].status_code, both[0].content) == (200, both[1].content)


async def test_a_digest_of_a_text_with_a_password_is_always_the_same_and_never_fast() -> None:
    first, again, other_text, other_salt = await asyncio.gather(
        passwords.digest(b"text", "salt"), passwords.digest(b"text", "salt"),
        passwords.digest(b"texT", "salt"), passwords.digest(b"text", "salT"),
    )  # fmt: skip
    assert first == again
    assert len({first, other_text, other_salt}) == 3
    assert set(first) <= set("0123456789abcdef")


async def test_the_loop_goes_on_while_passwords_are_checked_and_no_endless_line_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(passwords, "UNDER_WAY_MAX", 3)
    started = asyncio.get_running_loop().time()
    work = [asyncio.create_task(passwords.hashed("password"), name=f"hash {n}") for n in range(3)]
    await asyncio.sleep(0)
    turns = 0
    while not all(task.done() for task in work):
        await asyncio.sleep(0.001)
        turns += 1
    took = asyncio.get_running_loop().time() - started
    assert turns > 5, f"the loop stood still for {took} s"
    many = [asyncio.create_task(passwords.matches("password", None), name=f"check {n}") for n in range(8)]
    done = await asyncio.gather(*many, return_exceptions=True)
    refused = [one.code.name for one in done if isinstance(one, DispatcherError)]
    assert refused == ["UNAVAILABLE"] * 5
    assert [one for one in done if one is not False and not isinstance(one, DispatcherError)] == []


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("password", "x" * 7),
        ("password", "x" * 129),
        ("password", "\ud800" * 9),
        ("password", None),
        ("password", 12345678),
        ("roles", []),
        ("roles", ["god"]),
        ("queues", ["a b"]),
        ("queues", [str(n) for n in range(101)]),
        ("user_id", "me"),
        ("user_id", "a/b"),
        ("name", "x" * 129),
        ("name", "a\nb"),
        ("created_at", 1),
    ],
)
async def test_an_account_that_is_not_well_formed(door: Doors, member: str, value: Any) -> None:
    boss = door.as_("boss", Role.ADMIN) | {"Content-Type": "application/json"}
    refused = await door.post("/v1/users", content=json.dumps(ANN | {member: value}), headers=boss)
    assert (refused.status_code, refused.json()["code"]) == (400, "PARAM_ERR")
    assert refused.json()["detail"].startswith(member)
    assert (await door.get("/v1/users", headers=boss)).json()["items"] == []


@pytest.mark.parametrize(
    ("more", "detail"),
    [
        ({"secret": "s"}, "body: exactly one of secret, secret_md5 and password"),
        ({"roles": ["admin"]}, "body: with a password, name, roles and queues are those of the account"),
        ({"name": "x"}, "body: with a password"),
        ({"queues": []}, "body: with a password"),
        ({"password": ""}, "password: must have 1 to 256 characters"),
        ({"password": None}, "body: exactly one of secret, secret_md5 and password"),
    ],
)
async def test_a_login_with_more_than_a_password(door: Doors, more: dict[str, Any], detail: str) -> None:
    refused = await _login(door, **{"password": PASSWORD} | more)
    assert (refused.status_code, refused.json()["code"]) == (400, "PARAM_ERR")
    assert refused.json()["detail"].startswith(detail)


async def test_accounts_are_of_their_tenant_and_come_in_pages(door: Doors) -> None:
    boss = door.as_("boss", Role.ADMIN)
    other, _ = await door.new_tenant()
    names = ["a b", "é", "z"]
    for name in names:
        assert (await door.post("/v1/users", json=ANN | {"user_id": name}, headers=boss)).status_code == 201
    first = (await door.get("/v1/users", params={"limit": 2}, headers=boss)).json()
    second = (await door.get("/v1/users", params={"limit": 2, "cursor": first["cursor"]}, headers=boss)).json()
    found = [account["user_id"] for account in first["items"] + second["items"]]
    assert found == sorted(names, key=str.encode)
    assert second.get("cursor") is None
    elsewhere = door.as_("boss", Role.ADMIN, tenant=other)
    assert (await door.get("/v1/users", headers=elsewhere)).json()["items"] == []
    assert (await door.delete("/v1/users/z", headers=elsewhere)).status_code == 404
    assert (await _login(door, "z", tenant=other)).json()["code"] == "ANCTPSWD_ERR"
    assert (await _login(door, "z")).status_code == 200
