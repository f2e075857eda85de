"""One key as it is shown to somebody who looks at it, on every kind of store."""

from __future__ import annotations

import pytest

from dispatcher.store import inspect
from dispatcher.store.connect import Store
from dispatcher.store.inspect import look
from dispatcher.store.keys import key


async def test_every_type_of_key(store: Store, tenant: str) -> None:
    client = store.client
    step = inspect.STEP

    name = key(tenant, "able", "q")
    await client.zadd(name, {"ann": 5 * step + 1_763_824_800_000, "bob": 7})
    able = await look(store, name, "able")
    assert (able.type, able.size, able.ttl_ms) == ("zset", 2, None)
    assert able.shown == (
        ("bob", "priority 0, idle since 7"),
        ("ann", "priority 5, idle since 1763824800000"),
    )

    name = key(tenant, "assignment", "1763824800123-0007-1")
    await client.set(name, "x" * 1000, px=60_000)
    assignment = await look(store, name, "assignment")
    assert (assignment.type, assignment.size) == ("string", 1000)
    assert assignment.ttl_ms is not None
    assert 0 < assignment.ttl_ms <= 60_000
    assert assignment.shown == (("", "x" * inspect.TEXT_MAX + "…"),)

    name = key(tenant, "log")
    for number in range(5):
        await client.xadd(name, {"entry": f"[{number}]"})
    stream = await look(store, name, "log")
    assert (stream.type, stream.size, [text for _, text in stream.shown]) == ("stream", 5, ["[4]", "[3]", "[2]"])

    nothing = await look(store, key(tenant, "waiting", "q"), "waiting")
    assert nothing == ("none", 0, None, ())


async def test_a_large_key_is_shown_in_part(store: Store, tenant: str) -> None:
    name = key(tenant, "waiting", "q")
    await store.client.zadd(name, {f"c{number:05}": number for number in range(1000)})
    waiting = await look(store, name, "waiting")
    assert waiting.size == 1000
    assert waiting.shown == tuple((f"c{number:05}", str(number)) for number in range(inspect.SHOWN_MAX))


@pytest.mark.parametrize("field", ["secret_hash", "legacy_secret", "password", "reply", "request", "token"])
async def test_secrets_are_not_shown(store: Store, tenant: str, field: str) -> None:
    name = key(tenant, "user", "ann")
    await store.client.hset(name, mapping={field: "s3cret", "session": "abc"})
    assert dict((await look(store, name, "user")).shown) == {field: "(not shown)", "session": "abc"}
    name = key(tenant, "request", "ann/key")
    await store.client.set(name, '{"token":"s3cret"}')
    assert (await look(store, name, "request")).shown == (("", "(not shown)"),)
