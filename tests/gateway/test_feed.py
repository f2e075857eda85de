"""The feed against servers that die, freeze and fall silent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dispatcher.engine import Dispatcher
from dispatcher.events.feed import Feed
from dispatcher.events.lines import Masters
from dispatcher.events.pace import Pace
from dispatcher.model import Actor, QueueCreate, Role
from dispatcher.store.connect import Store, connect
from dispatcher.store.keys import key
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.gateway.node import Claims, node, until
from tests.proxy import before
from tests.servers import Server, command

SECONDS = 10


class Listener:
    """Keeps what a feed says."""

    def __init__(self, masters: Masters, **options: Any) -> None:
        self.messages: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        self.lost: asyncio.Queue[str] = asyncio.Queue()
        self.feed = Feed(
            masters,
            "n1",
            lambda channel, text: self.messages.put_nowait((channel, text)),
            self.lost.put_nowait,
            **{"backoff_s": (0.01, 0.05), **options},
        )

    async def message(self) -> tuple[str, str]:
        async with asyncio.timeout(SECONDS):
            return await self.messages.get()

    async def losses(self, count: int) -> set[str]:
        async with asyncio.timeout(SECONDS):
            return {await self.lost.get() for _ in range(count)}


@asynccontextmanager
async def listening(store: Store, masters: Masters | None = None, **options: Any) -> AsyncIterator[Listener]:
    listener = Listener(masters or Masters(store), **options)
    await listener.feed.start()
    try:
        yield listener
    finally:
        await listener.feed.stop()


async def publish(store: Store, channel: str, text: str) -> None:
    await store.shard_of(channel).client.spublish(channel, text)


@pytest.fixture
async def own_store(own_server: Server) -> AsyncIterator[Store]:
    store = await connect(own_server.url)
    yield store
    await store.close()


def kill_readers(server: Server) -> None:
    with server.client() as client:
        command(client, "CLIENT", "KILL", "TYPE", "pubsub")


async def test_what_is_published_after_subscribe_returned_arrives(store: Store, tenant: str) -> None:
    async with listening(store) as listener:
        for n in range(20):
            channel = key(tenant, "to", f"u{n}")
            await listener.feed.subscribe(channel)
            await publish(store, channel, str(n))
            assert await listener.message() == (channel, str(n))


async def test_many_channels_at_once_over_many_tenants(store: Store, tenant: str) -> None:
    channels = [key(f"{tenant}-{n % 7}", "to", f"u{n}") for n in range(3000)]
    async with listening(store) as listener:
        await asyncio.gather(*(listener.feed.subscribe(channel) for channel in channels))
        for channel in channels[::100]:
            await publish(store, channel, "x")
        assert {(await listener.message())[0] for _ in channels[::100]} == set(channels[::100])
        assert listener.feed.ready


async def test_subscribing_and_leaving_in_any_haste_ends_where_it_is_wanted(store: Store, tenant: str) -> None:
    channel, other = key(tenant, "to", "ann"), key(tenant, "to", "bob")
    async with listening(store) as listener:
        feed = listener.feed
        await feed.subscribe(channel)
        feed.unsubscribe(channel)
        await feed.subscribe(channel)
        await publish(store, channel, "1")
        assert await listener.message() == (channel, "1")
        waiting = asyncio.create_task(feed.subscribe(other), name="subscribing")
        await asyncio.sleep(0)
        feed.unsubscribe(other)
        feed.unsubscribe(channel)
        await feed.subscribe(key(tenant, "to", "cid"))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await until(lambda: feed.channels.keys() == {key(tenant, "to", "cid")})
        await publish(store, channel, "2")
        await publish(store, key(tenant, "to", "cid"), "3")
        assert await listener.message() == (key(tenant, "to", "cid"), "3")


async def test_a_listener_that_fails_does_not_end_the_reading(store: Store, tenant: str) -> None:
    channel = key(tenant, "to", "ann")
    async with listening(store) as listener:
        heard = listener.feed.on_message

        def fails_once(channel: str, text: str) -> None:
            listener.feed.on_message = heard
            raise ValueError(text)

        listener.feed.on_message = fails_once
        await listener.feed.subscribe(channel)
        await publish(store, channel, "1")
        await publish(store, channel, "2")
        assert await listener.message() == (channel, "2")


async def test_a_lost_connection_subscribes_everything_again_and_says_so(own_server: Server, own_store: Store) -> None:
    channels = {key("t", "to", f"u{n}") for n in range(1200)}
    async with listening(own_store) as listener:
        await asyncio.gather(*(listener.feed.subscribe(channel) for channel in channels))
        for _ in range(2):
            kill_readers(own_server)
            assert await listener.losses(len(channels)) == channels
            assert listener.feed.ready
            await publish(own_store, key("t", "to", "u7"), "x")
            assert await listener.message() == (key("t", "to", "u7"), "x")


async def test_a_server_that_dies_and_comes_back_is_found_again(own_server: Server, own_store: Store) -> None:
    async with listening(own_store) as listener:
        await listener.feed.subscribe(key("t", "to", "ann"))
        own_server.kill()
        await until(lambda: not listener.feed.ready)
        late = asyncio.create_task(listener.feed.subscribe(key("t", "to", "bob")), name="subscribing")
        own_server.start()
        assert await listener.losses(1) == {key("t", "to", "ann")}
        await late
        assert listener.lost.empty()
        await publish(own_store, key("t", "to", "bob"), "x")
        assert (await listener.message())[1] == "x"


class Unsure(Masters):
    """The topology cannot be read again just when the connection is lost."""

    failures = 0

    async def refresh(self) -> None:
        self.failures -= 1
        if self.failures >= 0:
            raise OSError("nobody answers")
        await super().refresh()


async def test_a_line_is_mended_although_the_topology_cannot_be_read(own_server: Server, own_store: Store) -> None:
    masters = Unsure(own_store)
    async with listening(own_store, masters) as listener:
        await listener.feed.subscribe(key("t", "to", "ann"))
        masters.failures = 1
        kill_readers(own_server)
        assert await listener.losses(1) == {key("t", "to", "ann")}


class Deaf(Masters):
    """A line that once stops hearing, though its connection is healthy: a master that nobody publishes on."""

    deaf = False

    async def publish(self, channel: str, message: str) -> None:
        if not self.deaf:
            await super().publish(channel, message)
        self.deaf = False


async def test_a_line_that_falls_silent_is_replaced(store: Store, tenant: str) -> None:
    masters = Deaf(store)
    channel = key(tenant, "to", "ann")
    async with listening(store, masters, probe_s=0.05, echo_s=1.0) as listener:
        await listener.feed.subscribe(channel)
        await until(lambda: len(listener.feed.channels) == 2)
        assert listener.lost.empty()
        masters.deaf = True
        assert await listener.losses(1) == {channel}
        await publish(store, channel, "x")
        assert await listener.message() == (channel, "x")


async def test_a_line_that_goes_nowhere_before_its_first_probe_is_replaced(own_server: Server) -> None:
    """No end, no reset: only the first subscription of the probe can notice it."""
    async with before(own_server.port) as proxy:
        store = await connect(proxy.url)
        async with listening(store, probe_s=0.05, echo_s=1.0) as listener:
            await listener.feed.subscribe(key("t", "to", "ann"))
            proxy.freeze_readers()
            late = asyncio.create_task(listener.feed.subscribe(key("t", "to", "bob")), name="subscribing")
            assert await listener.losses(1) == {key("t", "to", "ann")}
            async with asyncio.timeout(SECONDS):
                await late
            assert listener.feed.ready
        await store.close()


async def test_a_line_is_not_ready_while_it_owes_an_answer(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dispatcher.events.feed.CONFIRM_S", 0.1)
    async with before(own_server.port) as proxy:
        store = await connect(proxy.url)
        async with listening(store, probe_s=60) as listener:
            await listener.feed.subscribe(key("t", "to", "ann"))
            assert listener.feed.ready
            proxy.freeze_readers()
            late = asyncio.create_task(listener.feed.subscribe(key("t", "to", "bob")), name="subscribing")
            await until(lambda: not listener.feed.ready)
            proxy.cut()
            async with asyncio.timeout(SECONDS):
                await late
            assert listener.feed.ready
        await store.close()


async def test_a_new_line_is_not_ready_before_its_first_answer(own_server: Server) -> None:
    async with before(own_server.port) as proxy:
        store = await connect(proxy.url)
        proxy.black_hole = True
        async with listening(store, probe_s=60) as listener:
            subscribing = asyncio.create_task(listener.feed.subscribe(key("t", "to", "ann")), name="subscribing")
            await until(lambda: "SUBSCRIBING" in {entry.state.name for entry in listener.feed.channels.values()})
            assert all(reader.live for reader in listener.feed.readers.values())
            assert not listener.feed.ready
            proxy.black_hole = False
            proxy.cut()
            await subscribing
            assert listener.feed.ready
        await store.close()


async def test_every_client_gets_a_snapshot_after_a_lost_connection(own_server: Server, own_store: Store) -> None:
    dispatcher = Dispatcher(Runner(own_store, Scripts()))
    await dispatcher.create_tenant("t")
    await dispatcher.create_queue(
        Actor(tenant="t", user_id="root", roles=frozenset({Role.ADMIN})), QueueCreate(queue_id="1")
    )
    async with (
        node(own_store, dispatcher) as one,
        one.user("t", "ann") as ann,
        one.user("t", "bob", Role.CUSTOMER) as bob,
    ):
        await ann.ok("start_service", queue_id="1")
        kill_readers(own_server)
        await ann.event("queue.resync")
        snapshot = await bob.event("snapshot")
        assert snapshot["user"]["user_id"] == "bob"
        ann.frames.clear()
        await bob.ok("start_queuing", queue_id="1")
        await ann.frame("assignment.offered")


async def test_hello_without_a_subscription_is_refused_in_time(own_server: Server, own_store: Store) -> None:
    dispatcher = Dispatcher(Runner(own_store, Scripts()))
    own_server.kill()
    async with node(own_store, dispatcher, pace=Pace(join_s=0.2)) as one, one.socket() as socket:
        assert (await socket.error("hello", token=one.tokens.issue(Claims("t", "ann"))))["code"] == "UNAVAILABLE"
        assert await socket.closed() == 1013
