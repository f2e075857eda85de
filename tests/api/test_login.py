from __future__ import annotations

import time
from typing import Any

import pytest

from api.auth import Tokens
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import Role
from tests.api.conftest import Door
from tests.api.fakes import FakeDispatcher

LOGIN = {"tenant": "t", "secret": "s3cret", "user_id": "ann"}


async def test_login_gives_a_customer_a_token_of_an_hour(door: Door, fake: FakeDispatcher, tokens: Tokens) -> None:
    response = await door.post("/v1/login", json=LOGIN)
    assert response.status_code == 200
    answer = response.json()
    assert fake.asked == [("check_secret", ("t", "s3cret", "127.0.0.1", 600), {})]
    assert answer.keys() == {"token", "expires_at", "user"}
    assert answer["user"] == {"user_id": "ann", "name": "ann", "roles": ["customer"]}
    claims = tokens.read(answer["token"])
    assert (claims.tenant, claims.user_id, claims.roles, claims.queues) == (
        "t",
        "ann",
        frozenset({Role.CUSTOMER}),
        None,
    )
    assert claims.expires_at == answer["expires_at"]
    assert abs(answer["expires_at"] / 1000 - time.time() - 3600) < 5


async def test_login_with_everything(door: Door, tokens: Tokens) -> None:
    asked = {**LOGIN, "name": "Änn", "roles": ["admin", "agent", "agent"], "queues": ["1", "2"], "ttl_s": 60}
    answer = (await door.post("/v1/login", json=asked)).json()
    assert answer["user"] == {"user_id": "ann", "name": "Änn", "roles": ["agent", "admin"]}
    claims = tokens.read(answer["token"])
    assert (claims.name, claims.roles, claims.queues) == (
        "Änn",
        frozenset({Role.AGENT, Role.ADMIN}),
        frozenset({"1", "2"}),
    )
    assert abs(claims.expires_at / 1000 - time.time() - 60) < 5


@pytest.mark.parametrize("code", [Code.TOKEN_APPIDNOTEXIST, Code.TOKEN_AUTH_FAILED, Code.RATE_LIMITED])
async def test_a_login_that_fails(door: Door, fake: FakeDispatcher, code: Code) -> None:
    fake.answers["check_secret"] = DispatcherError(code)
    response = await door.post("/v1/login", json=LOGIN)
    assert (response.status_code, response.json()["code"]) == (code.status, code.name)
    assert ("retry-after" in response.headers) == (code is Code.RATE_LIMITED)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("tenant", "T"),
        ("tenant", "a}b"),
        ("tenant", "t\n"),
        ("tenant", ""),
        ("secret", ""),
        ("secret", 5),
        ("secret", "x" * 1000),
        ("user_id", "me"),
        ("user_id", "a/b"),
        ("user_id", ""),
        ("user_id", "x" * 129),
        ("user_id", None),
        ("name", "a\nb"),
        ("name", "x" * 129),
        ("roles", []),
        ("roles", ["god"]),
        ("roles", "agent"),
        ("queues", ["a b"]),
        ("queues", [str(n) for n in range(101)]),
        ("ttl_s", 59),
        ("ttl_s", 604_801),
        ("ttl_s", 60.5),
        ("ttl_s", "60"),
        ("ttl_s", True),
        ("ttl_s", 10**30),
        ("password", "x"),
    ],
)
async def test_a_login_that_is_not_well_formed(door: Door, fake: FakeDispatcher, member: str, value: Any) -> None:
    response = await door.post("/v1/login", json={**LOGIN, member: value})
    assert (response.status_code, response.json()["code"]) == (400, "PARAM_ERR")
    assert member in response.json()["detail"]
    assert "s3cret" not in response.text
    assert fake.asked == []


async def test_an_admin_mints_tokens_of_his_own_tenant(door: Door, tokens: Tokens) -> None:
    asked = {"user_id": "bob", "roles": ["agent"], "queues": ["1"], "ttl_s": 120}
    response = await door.post("/v1/tokens", json=asked, headers=door.as_("boss", Role.ADMIN))
    assert response.status_code == 200
    claims = tokens.read(response.json()["token"])
    assert (claims.tenant, claims.user_id, claims.name, claims.queues) == ("t", "bob", "bob", frozenset({"1"}))


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.AGENT, Role.SUPERVISOR])
async def test_nobody_else_mints_tokens(door: Door, role: Role) -> None:
    response = await door.post("/v1/tokens", json={"user_id": "u", "roles": ["admin"]}, headers=door.as_("u", role))
    assert (response.status_code, response.json()["code"]) == (403, "API_NO_PERMISSION")


async def test_a_minted_token_needs_roles(door: Door) -> None:
    response = await door.post("/v1/tokens", json={"user_id": "u"}, headers=door.as_("boss", Role.ADMIN))
    assert (response.status_code, response.json()["detail"]) == (400, "roles: is missing")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("", Code.NOT_LOGIN),
        ("Basic dTpw", Code.NOT_LOGIN),
        ("Bearer", Code.NOT_LOGIN),
        ("Bearer ", Code.NOT_LOGIN),
        ("Bearer x", Code.TOKEN_AUTH_FAILED),
        ("Bearer a.b.c d", Code.TOKEN_AUTH_FAILED),
    ],
)
async def test_the_authorization_header(door: Door, header: str, code: Code) -> None:
    response = await door.get("/v1/me", headers={"Authorization": header})
    assert (response.status_code, response.json()["code"]) == (401, code.name)


async def test_an_expired_token(door: Door) -> None:
    response = await door.get("/v1/me", headers=door.as_("u", ttl_s=-1))
    assert (response.status_code, response.json()["code"]) == (401, "TOKEN_TIMEOUT")
