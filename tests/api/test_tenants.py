"""A tenant's options and secrets, and the pages that its origins let in, through the doors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.asyncio.client import connect

from api.origins import KEPT_MAX, KEPT_S, Origins
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import Actor, Role
from dispatcher.store.connect import Store
from dispatcher.store.keys import key
from tests.api.doors import Doors, doors
from tests.api.nodes import node

pytestmark = pytest.mark.lanes("embedded", "redis")

SHOP = "https://shop.example"


@pytest.fixture
async def door(store: Store) -> AsyncIterator[Doors]:
    async with doors(store) as client:
        yield client


async def test_options_are_read_and_changed(door: Doors) -> None:
    boss = door.as_("boss", Role.ADMIN)
    options = (await door.get("/v1/tenant", headers=boss)).json()
    assert options == {
        "created_at": options["created_at"],
        "customer_grace": 60,
        "agent_grace": 30,
        "time_zone": "UTC",
        "origins": [],
        "customer_reach": "assigned",
        "legacy_login": False,
        "former_secret": False,
    }
    change = {
        "customer_grace": 1,
        "agent_grace": 86_400,
        "time_zone": "America/Argentina/Buenos_Aires",
        "origins": [SHOP, "http://localhost:3000", SHOP],
        "customer_reach": "all",
    }
    changed = await door.patch("/v1/tenant", json=change, headers=boss)
    assert changed.status_code == 200
    assert changed.json() == options | change | {"origins": [SHOP, "http://localhost:3000"]}
    assert (await door.get("/v1/tenant", headers=boss)).json() == changed.json()
    assert (await door.patch("/v1/tenant", json={"agent_grace": None}, headers=boss)).json() == changed.json()
    # What the scripts of calls go by.
    client = door.node.dispatcher.runner.store.client
    assert await client.hget(key(door.tenant, "meta"), "customer_reach") == "all"


@pytest.mark.parametrize("role", [Role.CUSTOMER, Role.AGENT, Role.SUPERVISOR])
async def test_only_an_admin_sees_and_changes_them(door: Doors, role: Role) -> None:
    for method, path in (("GET", "/v1/tenant"), ("PATCH", "/v1/tenant"), ("GET", "/v1/users")):
        body = {"json": {"agent_grace": 5}} if method == "PATCH" else {}
        refused = await door.request(method, path, headers=door.as_("u", role), **body)  # type: ignore[arg-type]
        assert (refused.status_code, refused.json()["code"]) == (403, "API_NO_PERMISSION")
    assert (await door.get("/v1/tenant", headers=door.as_("boss", Role.ADMIN))).json()["agent_grace"] == 30


@pytest.mark.parametrize(
    ("member", "value", "detail"),
    [
        ("customer_grace", 0, "must be at least 1"),
        ("agent_grace", 86_401, "must be at most 86400"),
        ("agent_grace", "5", "must be a whole number"),
        ("time_zone", "Europe/Atlantis", "must be a time zone's IANA name, like Europe/Berlin"),
        ("time_zone", "../../etc/passwd", "must be a time zone's IANA name, like Europe/Berlin"),
        ("time_zone", "", "must not be empty"),
        ("origins", ["shop.example"], "must be '*', or as browsers send it"),
        ("origins", ["https://shop.example/"], "must be '*', or as browsers send it"),
        ("origins", ["https://Shop.example"], "must be '*', or as browsers send it"),
        ("origins", ["https://a b"], "must be '*', or as browsers send it"),
        ("origins", [f"https://{n}.example" for n in range(101)], "has more than 100 items"),
        ("origins", ["https://" + "x" * 255], "is longer than 255 characters"),
        ("customer_reach", "some", "must be 'assigned' or 'all'"),
        ("legacy_login", "1234567", "must have 8 to 128 characters"),
        ("legacy_login", "x" * 129, "must have 8 to 128 characters"),
        ("legacy_login", True, "must be text"),
        ("secret_hash", "x", "there is no such member"),
        ("former_secret", True, "there is no such member"),
    ],
)
async def test_a_wrong_option_changes_nothing(door: Doors, member: str, value: Any, detail: str) -> None:
    boss = door.as_("boss", Role.ADMIN)
    before = (await door.get("/v1/tenant", headers=boss)).json()
    refused = await door.patch("/v1/tenant", json={"customer_grace": 5, member: value}, headers=boss)
    assert (refused.status_code, refused.json()["code"]) == (400, "PARAM_ERR")
    assert detail in refused.json()["detail"]
    assert (await door.get("/v1/tenant", headers=boss)).json() == before


async def test_the_legacy_secret_is_kept_as_what_it_is_checked_against(door: Doors) -> None:
    def sha256_of_md5(text: str) -> str:
        return hashlib.sha256(hashlib.md5(text.encode()).hexdigest().encode()).hexdigest()

    boss = door.as_("boss", Role.ADMIN)
    client = door.node.dispatcher.runner.store.client
    meta = key(door.tenant, "meta")
    answer = await door.patch("/v1/tenant", json={"legacy_login": "for pages"}, headers=boss)
    assert answer.json()["legacy_login"] is True
    kept: Any = await client.hgetall(meta)
    assert "for pages" not in answer.text + json.dumps(kept)
    assert kept["legacy_login_hash"] == sha256_of_md5("for pages")
    assert kept["legacy_api_hash"] == sha256_of_md5(f"{door.tenant}&for pages")
    off = await door.patch("/v1/tenant", json={"legacy_login": ""}, headers=boss)
    assert off.json()["legacy_login"] is False
    kept = await client.hgetall(meta)
    assert (kept["legacy_login_hash"], kept["legacy_api_hash"]) == ("", "")


async def test_two_secrets_are_valid_until_the_former_is_dropped(door: Doors) -> None:
    async def status(secret: str) -> int:
        asked = {"tenant": door.tenant, "secret": secret, "user_id": "u"}
        return (await door.post("/v1/login", json=asked)).status_code

    engine = door.node.dispatcher
    operator = Actor(tenant=door.tenant, user_id="operator", roles=frozenset({Role.ADMIN}))
    first, second = door.secret, await engine.rotate_secret(operator)
    assert [await status(secret) for secret in (first, second)] == [200, 200]
    third = await engine.rotate_secret(operator)
    assert [await status(secret) for secret in (first, second, third)] == [401, 200, 200]
    await engine.drop_former_secret(operator)
    assert [await status(secret) for secret in (first, second, third)] == [401, 401, 200]
    with pytest.raises(DispatcherError, match="API_NO_PERMISSION"):
        await engine.rotate_secret(operator.model_copy(update={"roles": frozenset({Role.SUPERVISOR})}))
    assert await status(third) == 200


async def test_a_signing_key_is_changed_while_nodes_restart_one_after_another(store: Store) -> None:
    """Two nodes run at any moment, of this step and of the next: each reads what the other signs."""
    old, new = "o" * 32, "n" * 32
    steps = [old, f"{old},{new}", f"{new},{old}", new]
    for here, there in pairwise(steps):
        async with (
            doors(store, token_keys=SecretStr(here)) as one,
            doors(store, token_keys=SecretStr(there)) as other,
        ):
            for signing, reading in ((one, other), (other, one)):
                asked = {"tenant": one.tenant, "secret": one.secret, "user_id": "u"}
                token = (await signing.post("/v1/login", json=asked)).json()["token"]
                answer = await reading.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
                assert answer.status_code == 200, (here, there)
    async with doors(store, token_keys=SecretStr(old)) as one, doors(store, token_keys=SecretStr(new)) as other:
        answer = await other.get("/v1/me", headers=one.as_("u"))
        assert (answer.status_code, answer.json()["code"]) == (401, "TOKEN_AUTH_FAILED"), "without the steps between"


async def test_a_page_of_a_foreign_site_does_nothing_until_its_origin_is_allowed(store: Store) -> None:
    async with doors(store) as door:
        boss = door.as_("boss", Role.ADMIN)
        login = {"tenant": door.tenant, "secret": door.secret, "user_id": "u"}
        page = boss | {"Origin": SHOP}
        for refused in (
            await door.post("/v1/queues", json={}, headers=page),
            await door.post("/v1/login", json=login, headers={"Origin": SHOP}),
            await door.patch("/v1/tenant", json={"origins": ["*"]}, headers=page),
        ):
            assert (refused.status_code, refused.json()["code"]) == (403, "API_NO_PERMISSION")
            assert refused.headers["access-control-allow-origin"] == "*", "a page may read why"
        assert (await door.get("/v1/queues", headers=boss)).json()["items"] == []
        own = {"Origin": "http://door.example"}
        assert (await door.get("/v1/queues", headers=boss | own)).status_code == 200
        await door.patch("/v1/tenant", json={"origins": ["https://other.example", SHOP]}, headers=boss)
        door.node.origins._kept.clear()
        for origin, status in ((SHOP, 201), ("https://other.example", 201), (SHOP + ".evil", 403), ("null", 403)):
            answer = await door.post("/v1/queues", json={}, headers=boss | {"Origin": origin})
            assert answer.status_code == status, origin
        other, _ = await door.new_tenant()
        elsewhere = door.as_("boss", Role.ADMIN, tenant=other) | {"Origin": SHOP}
        assert (await door.get("/v1/queues", headers=elsewhere)).status_code == 403, "another tenant's"


async def test_a_preflight_is_answered_for_every_page(door: Doors) -> None:
    asks = {
        "Origin": SHOP,
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization, content-type, idempotency-key",
    }
    answer = await door.options("/v1/tenant", headers=asks)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert {"authorization", "content-type", "idempotency-key"} <= {name.strip() for name in allowed.split(",")}
    assert "access-control-allow-credentials" not in answer.headers


async def test_a_page_reads_why_it_was_refused(door: Doors) -> None:
    origin = {"Origin": SHOP}
    too_long = b" " * 300_000
    for answer, status in (
        (await door.get("/v1/me", headers=origin), 401),
        (await door.get("/v1/nothing", headers=origin), 404),
        (await door.post("/v1/login", content=too_long, headers=origin), 413),
    ):
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (status, "*")


async def test_an_allowed_origin_opens_a_socket(store: Store) -> None:
    async with doors(store) as door, node(store, "a") as a:
        token = a.app.node.tokens.mint(door.tenant, "ann", "Ann", [Role.AGENT]).token

        async def hello() -> tuple[bool, int]:
            async with connect(f"ws://127.0.0.1:{a.port}/v1/ws", origin=SHOP, compression=None) as socket:  # type: ignore[arg-type]
                await socket.send(json.dumps({"id": 1, "cmd": "hello", "args": {"token": token}}))
                answer = json.loads(await socket.recv())
                if not answer["ok"]:
                    await socket.wait_closed()
                return answer["ok"], socket.close_code or 0

        assert await hello() == (False, 4403)
        boss = door.as_("boss", Role.ADMIN)
        await door.patch("/v1/tenant", json={"origins": [SHOP]}, headers=boss)
        a.app.node.origins._kept.clear()
        assert await hello() == (True, 0)


async def test_origins_are_read_once_in_a_while_and_of_so_many_tenants() -> None:
    asked: list[str] = []
    now = 0.0

    async def read(tenant: str) -> tuple[str, ...]:
        asked.append(tenant)
        if tenant == "away":
            raise DispatcherError(Code.UNAVAILABLE)
        return (tenant,)

    origins = Origins(read, lambda: now)
    for _ in range(3):
        assert await origins("t") == ("t",)
    assert asked == ["t"]
    now = KEPT_S
    assert await origins("t") == ("t",)
    assert asked == ["t", "t"]
    with pytest.raises(DispatcherError, match="UNAVAILABLE"):
        await origins("away")
    for n in range(KEPT_MAX + 10):
        await origins(str(n))
    assert len(origins._kept) <= KEPT_MAX
