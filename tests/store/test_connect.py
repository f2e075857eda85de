"""The store's address, and what it offers beside running scripts."""

from __future__ import annotations

import asyncio

import pytest

from dispatcher.store.connect import Store, connect
from dispatcher.store.keys import key
from dispatcher.store.runner import Runner
from tests.servers import Server
from tests.store.standin import COUNT, Standin


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:6379",
        "redis+other://127.0.0.1:6379",
        "redis+cluster://127.0.0.1",
        "redis+cluster://127.0.0.1:port",
        "redis+sentinel://127.0.0.1:26379",
        "127.0.0.1:6379",
    ],
)
async def test_an_address_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        await connect(url)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("redis://localhost/3", "TcpConnection"),
        ("rediss://user:secret@localhost:6380", "TlsConnection"),
        ("redis+sentinel://localhost:26379,localhost:26380/main/1", "SentinelConnection"),
        ("rediss+sentinel://localhost:26379/main", "SentinelTlsConnection"),
    ],
)
async def test_the_address_decides_the_kind_of_connection(url: str, kind: str) -> None:
    store = await connect(url)
    assert store.client.connection_pool.connection_class.__name__ == kind
    assert not store.is_embedded
    await store.close()


async def test_user_and_password_of_the_address_are_used(own_server: Server, name: str) -> None:
    with own_server.client() as admin:
        admin.acl_setuser(
            "eve", enabled=True, passwords=["+p@ss:word/"], categories=["+@all"], keys=["*"], channels=["*"]
        )
        admin.config_set("requirepass", "x")
    store = await connect(f"redis://eve:p%40ss%3Aword%2F@127.0.0.1:{own_server.port}")
    assert (await Runner(store, Standin()).run(COUNT, name)).body == "1"
    assert await store.client.acl_whoami() == "eve"
    await store.close()


async def test_embedded_stores_share_nothing() -> None:
    one, two = await connect(""), await connect("")
    await one.client.set("a", "1")
    assert await two.client.get("a") is None
    await one.close()
    await two.close()


async def test_a_script_is_loaded_on_every_master(store: Store) -> None:
    sha = await store.script_load("return 42")
    assert await store.client.script_exists(sha) == [True]


async def test_a_tenant_is_listed_once(store: Store, name: str) -> None:
    await store.add_tenant(name)
    await store.add_tenant(name)
    assert (await store.tenants()).count(name) == 1


async def test_what_is_published_reaches_the_shard_of_its_channel(store: Store, name: str) -> None:
    channel = key(name, "feed")
    assert store.shard_of(channel) in await store.shards()
    reader = store.shard_of(channel).pubsub()
    await reader.ssubscribe(channel)
    assert (await reader.get_message(timeout=5))["type"] == "ssubscribe"
    await store.shard_of(channel).client.spublish(channel, "hello")
    message = await reader.get_message(timeout=5)
    assert (message["type"], message["channel"], message["data"]) == ("smessage", channel, "hello")
    await reader.sunsubscribe(channel)
    await reader.aclose()


async def test_nothing_is_left_running_by_a_store_that_is_closed(own_server: Server, name: str) -> None:
    before = asyncio.all_tasks()
    store = await connect(own_server.url)
    await Runner(store, Standin()).run(COUNT, name)
    await store.client.ping()
    await store.close()
    assert asyncio.all_tasks() == before
    with own_server.client() as admin:
        assert len(admin.client_list()) == 1
