"""Tenants and accounts: options, two secrets, who may log in and how often it is tried."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.scripts.world import START_AT, Failed, World

pytestmark = pytest.mark.lanes("embedded", "redis")

ROOT: dict[str, Any] = {"actor": "root", "supervisor": 1}


def fields(**given: str) -> str:
    return json.dumps({"name": "Ann", "roles": "agent", "queues": "*", "password_hash": "of ann"} | given)


async def secret_is_valid(world: World, secret: str) -> bool:
    arguments: dict[str, Any] = {"secret_hash": secret, "address": "a", "tries_max": 1000}
    return (await world.send("tenant_login", **arguments))[0] == "OK"


async def test_options_have_defaults_and_change_one_by_one(world: World) -> None:
    shown = await world.run("tenant_show")
    created_at = shown.pop("created_at")
    assert created_at == START_AT
    assert shown == {
        "customer_grace": 60,
        "agent_grace": 30,
        "time_zone": "UTC",
        "origins": [],
        "customer_reach": "assigned",
        "legacy_login": False,
        "former_secret": False,
    }
    changes: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"agent_grace": 7}, {"agent_grace": 7}),
        ({"time_zone": "Europe/Berlin", "customer_reach": "all"}, {}),
        ({"origins": "https://a https://b"}, {"origins": ["https://a", "https://b"]}),
        ({"origins": ""}, {"origins": []}),
        ({"legacy_login_hash": "x", "legacy_api_hash": "y"}, {"legacy_login": True}),
        ({"legacy_login_hash": "", "legacy_api_hash": ""}, {"legacy_login": False}),
    ]
    for stored, told in changes:
        shown |= told or stored
        answer = await world.run("tenant_update", **ROOT, options=json.dumps(stored))
        assert answer == shown | {"created_at": created_at}
        assert await world.run("tenant_show") == answer
        assert world.events == []


async def test_who_changed_which_option_is_told_and_no_value(world: World) -> None:
    options = json.dumps({"time_zone": "UTC", "legacy_login_hash": "secret", "customer_grace": 5})
    await world.run("tenant_update", **ROOT, options=options)
    changed = "customer_grace legacy_login_hash time_zone"
    assert world.events == [("audit", {"actor_id": "root", "command": "update_tenant", "subject": changed})]
    await world.run("tenant_update", **ROOT, options="{}")
    assert world.events == [], "nothing was changed"


async def test_the_next_customer_who_drops_has_the_new_grace(world: World) -> None:
    await world.queue("q")
    await world.run("tenant_update", **ROOT, options='{"customer_grace":7}')
    contact = await world.customer("kim", "q")
    await world.drop("kim")
    await world.after(6)
    assert (await world.contact(contact))["state"] == "held"
    await world.after(1)
    assert (await world.contact(contact))["reason"] == "lost"


async def test_a_rotation_leaves_two_secrets_and_the_next_one_ends_the_oldest(world: World) -> None:
    async def valid() -> list[str]:
        return [secret for secret in ("of the secret", "second", "third", "") if await secret_is_valid(world, secret)]

    assert await valid() == ["of the secret"]
    await world.run("tenant_rotate_secret", **ROOT, secret_hash="second")
    assert world.events == [("audit", {"actor_id": "root", "command": "rotate_secret", "subject": ""})]
    assert await valid() == ["of the secret", "second"]
    assert (await world.run("tenant_show"))["former_secret"] is True
    await world.run("tenant_rotate_secret", **ROOT, secret_hash="third")
    assert await valid() == ["second", "third"]
    await world.run("tenant_rotate_secret", **ROOT, secret_hash="")
    assert world.events == [("audit", {"actor_id": "root", "command": "drop_former_secret", "subject": ""})]
    assert await valid() == ["third"]
    assert (await world.run("tenant_show"))["former_secret"] is False
    await world.run("tenant_rotate_secret", **ROOT, secret_hash="")
    assert await valid() == ["third"], "there was none to end"


async def test_the_legacy_secret_is_known_by_two_digests(world: World) -> None:
    options = json.dumps({"legacy_login_hash": "of pages", "legacy_api_hash": "of backends"})
    await world.run("tenant_update", **ROOT, options=options)
    tried: dict[str, Any] = {"address": "a", "tries_max": 100}
    assert await world.run("tenant_login_legacy", kind="login", hash="of pages", **tried) is True
    assert await world.run("tenant_login_legacy", kind="api", hash="of backends", **tried) is True
    for kind, shown in (("login", "of backends"), ("api", "of pages"), ("login", ""), ("api", "of the secret")):
        with pytest.raises(Failed, match="ANCTPSWD_ERR"):
            await world.run("tenant_login_legacy", kind=kind, hash=shown, **tried)
    for kind in ("", "other", "login_hash"):
        with pytest.raises(Failed, match="API_NO_PERMISSION"):
            await world.run("tenant_login_legacy", kind=kind, hash="of pages", **tried)
    with pytest.raises(Failed, match="TOKEN_AUTH_FAILED"):
        await world.run("tenant_login", secret_hash="of pages", **tried)


async def test_an_account_from_its_beginning_to_its_end(world: World) -> None:
    await world.at(START_AT + 5)
    made = {"user_id": "ann", "name": "Ann", "roles": ["agent", "admin"], "created_at": START_AT + 5}
    created = await world.run("account_create", **ROOT, user_id="ann", fields=fields(roles="agent admin"))
    assert created == made
    assert world.events == [("audit", {"actor_id": "root", "command": "create_account", "subject": "ann"})]
    limited = await world.run("account_update", **ROOT, user_id="ann", fields='{"queues":"1 2","name":""}')
    assert limited == made | {"queues": ["1", "2"], "name": ""}
    assert world.events == [("audit", {"actor_id": "root", "command": "update_account", "subject": "ann"})]
    of_none = await world.run("account_update", **ROOT, user_id="ann", fields='{"queues":""}')
    assert of_none["queues"] == []
    shown = await world.run("account_login", user_id="ann", address="a", tries_max=9, user_tries_max=9)
    assert shown == of_none | {"password_hash": "of ann"}
    listed = await world.run("account_list", limit=10)
    assert listed == {"items": [of_none]}, "without its password"
    await world.run("account_delete", **ROOT, user_id="ann")
    assert world.events == [("audit", {"actor_id": "root", "command": "delete_account", "subject": "ann"})]
    assert await world.run("account_login", user_id="ann", address="a", tries_max=9, user_tries_max=9) is None
    assert await world.run("account_list", limit=10) == {"items": []}
    await world.at(START_AT + 9)
    again = await world.run("account_create", **ROOT, user_id="ann", fields=fields())
    assert (again["created_at"], again["roles"]) == (START_AT + 9, ["agent"])


async def test_the_end_of_an_account_leaves_the_user_in_the_queues(world: World) -> None:
    await world.queue("q")
    await world.run("account_create", **ROOT, user_id="ann", fields=fields())
    await world.agent("ann", "q")
    contact = await world.customer("kim", "q")
    before = await world.show("ann")
    await world.run("account_delete", **ROOT, user_id="ann")
    assert await world.show("ann") == before
    assert (await world.act("ann", "start", contact))["state"] == "serving"


async def test_accounts_are_listed_page_by_page(world: World) -> None:
    people = [f"u{n}" for n in range(10)] + ['"}', "é", "日本"]
    for user in people:
        await world.run("account_create", check=False, **ROOT, user_id=user, fields=fields())
    for limit in (1, 3, 12, 13, 100):
        found: list[str] = []
        cursor, pages = "", 0
        while True:
            page = await world.run("account_list", check=False, limit=limit, cursor=cursor)
            found += [account["user_id"] for account in page["items"]]
            pages += 1
            if "cursor" not in page:
                break
            cursor = page["cursor"]
        assert found == sorted(people, key=str.encode)
        assert pages == -(-len(people) // limit)


async def tried(world: World, user: str, address: str, *, tries_max: int = 5, user_tries_max: int = 3) -> str:
    tries: dict[str, Any] = {"tries_max": tries_max, "user_tries_max": user_tries_max}
    try:
        await world.run("account_login", user_id=user, address=address, **tries)
    except Failed as failure:
        return failure.code
    return "OK"


@pytest.mark.parametrize("user", ["ann", "nobody"])
async def test_passwords_of_one_user_are_limited_from_all_addresses_together(world: World, user: str) -> None:
    await world.run("account_create", **ROOT, user_id="ann", fields=fields())
    assert [await tried(world, user, f"10.0.0.{n}") for n in range(4)] == ["OK", "OK", "OK", "RATE_LIMITED"]
    assert await tried(world, "somebody else", "10.0.0.1") == "OK"
    await world.store.client.pexpire(world.key("login_as", user), 0)
    world.forget()
    assert await tried(world, user, "10.0.0.1") == "OK", "a minute is over"


async def test_an_address_out_of_tries_does_not_use_up_the_users(world: World) -> None:
    await world.run("account_create", **ROOT, user_id="ann", fields=fields())
    codes = [await tried(world, f"guess {n}", "10.0.0.1") for n in range(5)]
    assert codes == ["OK"] * 5
    assert [await tried(world, "ann", "10.0.0.1") for _ in range(4)] == ["RATE_LIMITED"] * 4
    assert await tried(world, "ann", "10.0.0.2") == "OK"


async def test_all_kinds_of_login_count_for_an_address(world: World) -> None:
    assert [await tried(world, "ann", "a", tries_max=2) for _ in range(2)] == ["OK", "OK"]
    with pytest.raises(Failed, match="RATE_LIMITED"):
        await world.run("tenant_login", secret_hash="of the secret", address="a", tries_max=2)
    with pytest.raises(Failed, match="RATE_LIMITED"):
        await world.run("tenant_login_legacy", kind="login", hash="x", address="a", tries_max=2)
