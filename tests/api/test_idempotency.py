"""`Idempotency-Key`: the repeat of a POST gives the first answer; what the key was not used for is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from dispatcher.errors import Code, DispatcherError
from dispatcher.events import log
from dispatcher.model import Role
from dispatcher.store.connect import Store
from dispatcher.store.keys import key
from dispatcher.store.runner import Reply, Runner
from tests.api.doors import Doors, doors

pytestmark = pytest.mark.lanes("embedded", "redis")

EVERYTHING = tuple(Role)


@pytest.fixture
async def door(store: Store) -> AsyncIterator[Doors]:
    async with doors(store) as client:
        yield client


def _same(first: httpx.Response, second: httpx.Response) -> bool:
    return (first.status_code, first.content) == (second.status_code, second.content)


async def _entries(door: Doors) -> int:
    return len((await log.read(door.node.dispatcher.runner.store, door.tenant, log.START, 1000)).entries)


async def test_a_repeat_gives_the_first_answer_and_changes_nothing(door: Doors) -> None:
    boss = door.as_("boss", *EVERYTHING)
    first = await door.post("/v1/queues", json={"name": "Sales"}, headers=boss | {"Idempotency-Key": "a"})
    assert (first.status_code, first.json()["queue_id"]) == (201, "1")
    await door.patch("/v1/queues/1", json={"priority": 3}, headers=boss)
    told = await _entries(door)
    again = await door.post("/v1/queues", json={"name": "Sales"}, headers=boss | {"Idempotency-Key": "a"})
    assert _same(first, again), "as it was answered then, whatever has changed since"
    assert await _entries(door) == told
    anew = await door.post("/v1/queues", json={"name": "Sales"}, headers=boss | {"Idempotency-Key": "b"})
    assert anew.json()["code"] == "QUEUE_EXISTS"


async def test_without_an_id_two_queues_come_of_two_requests_and_one_of_a_repeated_one(door: Doors) -> None:
    boss = door.as_("boss", Role.ADMIN, Idempotency_Key="once")
    both = await asyncio.gather(*[door.post("/v1/queues", json={}, headers=boss) for _ in range(5)])
    assert {one.content for one in both} == {both[0].content}
    assert {one.status_code for one in both} == {201}
    assert len((await door.get("/v1/queues", headers=boss)).json()["items"]) == 1


async def test_another_body_or_path_under_the_same_key(door: Doors) -> None:
    boss = door.as_("boss", *EVERYTHING, Idempotency_Key="a")
    assert (await door.post("/v1/queues", json={"queue_id": "1"}, headers=boss)).status_code == 201
    for path, body in (
        ("/v1/queues", {"queue_id": "2"}),
        ("/v1/queues", {}),
        ("/v1/contacts", {"queue_id": "1"}),
        ("/v1/tokens", {"user_id": "u", "roles": ["agent"]}),
        ("/v1/agents/me/queues", {"queues": [{"queue_id": "1"}]}),
    ):
        reused = await door.post(path, json=body, headers=boss)
        assert (reused.status_code, reused.json()["code"]) == (422, "REQUEST_ID_REUSED"), path
    listed = await door.get("/v1/queues", headers=boss)
    assert [queue["queue_id"] for queue in listed.json()["items"]] == ["1"]


async def test_a_refusal_is_not_remembered(door: Doors) -> None:
    boss = door.as_("boss", *EVERYTHING)
    await door.post("/v1/queues", json={"queue_id": "q", "open": False}, headers=boss)
    carl = door.as_("carl", Idempotency_Key="a")
    refused = await door.post("/v1/contacts", json={"queue_id": "q"}, headers=carl)
    assert refused.json()["code"] == "QUEUE_CLOSED"
    await door.patch("/v1/queues/q", json={"open": True}, headers=boss)
    joined = await door.post("/v1/contacts", json={"queue_id": "q"}, headers=carl)
    assert joined.status_code == 201
    left = await door.delete(f"/v1/contacts/{joined.json()['contact_id']}", headers=carl)
    assert left.json()["state"] == "ended"
    again = await door.post("/v1/contacts", json={"queue_id": "q"}, headers=carl)
    assert _same(again, joined), "he joined once, and has left since"
    assert (await door.get("/v1/me", headers=carl)).json().get("contact") is None


async def test_keys_belong_to_one_user_of_one_tenant(door: Doors) -> None:
    other, _ = await door.new_tenant()
    for tenant in (door.tenant, other):
        for user in ("boss", "chef"):
            headers = door.as_(user, Role.ADMIN, tenant=tenant, Idempotency_Key="a")
            assert (await door.post("/v1/queues", json={}, headers=headers)).status_code == 201
        listed = await door.get("/v1/queues", headers=door.as_("any", tenant=tenant))
        assert [queue["queue_id"] for queue in listed.json()["items"]] == ["1", "2"]


async def test_the_same_token_is_minted_again_and_none_is_kept(door: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    boss = door.as_("boss", Role.ADMIN, Idempotency_Key="t")
    asked = {"user_id": "u", "roles": ["agent"]}
    login = {"tenant": door.tenant, "secret": door.secret, "user_id": "u"}
    minted = await door.post("/v1/tokens", json=asked, headers=boss)
    logged_in = await door.post("/v1/login", json=login, headers={"Idempotency-Key": "l"})
    assert (minted.status_code, logged_in.status_code) == (200, 200)
    # The node's clock moves on: what comes again is as old as it was.
    monkeypatch.setattr("api.auth.time.time", lambda: minted.json()["expires_at"] / 1000 - 1000)
    assert _same(minted, await door.post("/v1/tokens", json=asked, headers=boss))
    assert _same(logged_in, await door.post("/v1/login", json=login, headers={"Idempotency-Key": "l"}))
    client = door.node.dispatcher.runner.store.client
    for user, idempotency_key, answer in (("boss", "t", minted), ("u", "l", logged_in)):
        kept = str(await client.get(key(door.tenant, "request", f"{user}/{idempotency_key}")))
        assert answer.json()["token"] not in kept
    reused = await door.post("/v1/login", json=login | {"ttl_s": 60}, headers={"Idempotency-Key": "l"})
    assert (reused.status_code, reused.json()["code"]) == (422, "REQUEST_ID_REUSED")


async def test_a_command_whose_answer_was_lost_is_done_once(door: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    runner: Any = door.node.dispatcher.runner

    async def losing(self: Runner, script: str, tenant: str, /, **arguments: str | int) -> Reply:
        monkeypatch.undo()
        await self.run(script, tenant, **arguments)
        raise DispatcherError(Code.OUTCOME_UNKNOWN)

    monkeypatch.setattr(type(runner), "run", losing)
    boss = door.as_("boss", Role.ADMIN, Idempotency_Key="a")
    lost = await door.post("/v1/queues", json={}, headers=boss)
    assert (lost.status_code, lost.json()["code"]) == (504, "OUTCOME_UNKNOWN")
    again = await door.post("/v1/queues", json={}, headers=boss)
    assert (again.status_code, again.json()["queue_id"]) == (201, "1")
    assert len((await door.get("/v1/queues", headers=boss)).json()["items"]) == 1


@pytest.mark.parametrize("given", ["", "x" * 256, "é", "a\tb", "\x7f"])
async def test_a_key_that_is_none(door: Doors, given: str) -> None:
    headers = {**door.as_("boss", Role.ADMIN), "Idempotency-Key": given.encode()}
    refused = await door.post("/v1/queues", json={}, headers=headers)  # type: ignore[arg-type]
    assert (refused.status_code, refused.json()["code"]) == (400, "PARAM_ERR")
    assert refused.json()["detail"].startswith("Idempotency-Key: one, of 1 to 255")
    assert (await door.get("/v1/queues", headers=headers)).json()["items"] == []  # type: ignore[arg-type]


async def test_a_key_is_one(door: Doors) -> None:
    given = [*door.as_("boss", Role.ADMIN).items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    assert (await door.post("/v1/queues", json={}, headers=given)).status_code == 400


async def test_every_length_and_character_that_a_key_may_have(door: Doors) -> None:
    for given in ("a", "x" * 255, "!" + "".join(map(chr, range(32, 127))) + "!"):
        boss = door.as_("boss", Role.ADMIN, Idempotency_Key=given)
        first = await door.post("/v1/queues", json={}, headers=boss)
        assert first.status_code == 201
        assert _same(first, await door.post("/v1/queues", json={}, headers=boss))
    assert len((await door.get("/v1/queues", headers=door.as_("any"))).json()["items"]) == 3


async def test_only_a_post_has_a_key(door: Doors) -> None:
    boss = door.as_("boss", Role.ADMIN, Idempotency_Key="a")
    await door.post("/v1/queues", json={"queue_id": "1"}, headers=boss)
    for priority in (1, 2):
        changed = await door.patch("/v1/queues/1", json={"priority": priority}, headers=boss)
        assert changed.json()["priority"] == priority


async def test_every_post_of_the_document_names_the_header(door: Doors) -> None:
    paths = (await door.get("/openapi.json")).json()["paths"]
    for path, operations in paths.items():
        for method, operation in operations.items():
            named = [one["name"] for one in operation.get("parameters", []) if one["in"] == "header"]
            assert ("Idempotency-Key" in named) == (method == "post"), path
