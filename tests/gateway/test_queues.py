"""What a node tells of queues: who enters and leaves without a gap, and when to list again."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, Presence, QueueCreate
from dispatcher.store.connect import Store
from dispatcher.store.keys import key
from tests.gateway.node import QUICK, Node, node, until


async def about(store: Store, tenant: str, queue: str, seq: int) -> None:
    channel = key(tenant, "about", queue)
    left = {"event": "contact.left", "data": {"queue_id": queue}}
    entry = {"at": 1, "events": [left], "offsets": {}, "queues": {queue: seq}}
    await store.shard_of(channel).client.spublish(channel, json.dumps(entry))


async def test_a_gap_in_a_queue_asks_to_list_again(one: Node, store: Store, tenant: str, queue: str) -> None:
    async with one.user(tenant, "ann") as ann:
        await ann.ok("start_service", queue_id=queue)
        await about(store, tenant, queue, 100)
        await ann.frame("queue.resync", "contact.left")
        await about(store, tenant, queue, 101)
        assert (await ann.frame("contact.left", "queue.resync"))["queue_seq"] == 101
        await about(store, tenant, queue, 103)
        assert await ann.event("queue.resync") == {"queue_id": queue}


async def test_serving_and_watching_need_no_second_listing(
    one: Node, dispatcher: Dispatcher, admin: Actor, tenant: str, queue: str
) -> None:
    await dispatcher.create_queue(admin, QueueCreate(queue_id="2"))
    async with one.user(tenant, "ann") as ann:
        await ann.ok("set_dnd", dnd=1)
        await ann.ok("start_service", queue_id=queue)
        # At once, and from elsewhere: it is heard.
        contact = await dispatcher.start_queuing(admin, queue, customer_id="bob", presence=Presence.NONE)
        assert (await ann.event("contact.entered"))["contact_id"] == contact.contact_id
        await ann.ok("watch_queues", all=True)
        while (await ann.event("queue.status"))["queue_id"] != "2":
            pass
        assert "queue.resync" not in ann.heard
        assert (await ann.error("start_service", queue_id="none"))["code"] == "QUE_ID_INVALID"
        await ann.ok("stop_service", queue_id=queue)
        await ann.ok("watch_queues")
        await ann.settle()
        assert "queue.resync" not in ann.heard
        await until(lambda: not [name for name in one.hub._watches if f"{{{tenant}}}" in name])


async def test_who_watches_a_queue_and_then_serves_it_hears_who_enters(
    one: Node, dispatcher: Dispatcher, admin: Actor, tenant: str, queue: str
) -> None:
    async with one.user(tenant, "ann") as ann:
        await ann.ok("set_dnd", dnd=1)
        await ann.ok("watch_queues", queue_ids=[queue])
        await ann.ok("start_service", queue_id=queue)
        await ann.event("agent.service")
        await dispatcher.start_queuing(admin, queue, customer_id="bob", presence=Presence.NONE)
        await ann.event("contact.entered")
        ann.heard.clear()
        await ann.ok("stop_service", queue_id=queue)
        await dispatcher.start_queuing(admin, queue, customer_id="cid", presence=Presence.NONE)
        while (await ann.event("queue.status"))["wait_num"] != 2:
            pass
        assert "contact.entered" not in ann.heard


async def test_a_subscription_that_is_late_asks_to_list_again(
    store: Store, dispatcher: Dispatcher, tenant: str, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = asyncio.Event()
    async with node(store, dispatcher, pace=replace(QUICK, expect_s=0.05)) as one, one.user(tenant, "ann") as ann:
        subscribe = one.hub.feed.subscribe

        async def late(channel: str) -> None:
            await go_on.wait()
            await subscribe(channel)

        monkeypatch.setattr(one.hub.feed, "subscribe", late)
        await ann.ok("start_service", queue_id=queue)
        await ann.event("agent.service")
        go_on.set()
        assert await ann.event("queue.resync") == {"queue_id": queue}


async def test_a_lost_last_message_of_a_queue_is_found_by_comparing(
    one: Node, store: Store, tenant: str, queue: str
) -> None:
    async with one.user(tenant, "ann") as ann:
        await ann.ok("start_service", queue_id=queue)
        await one.hub.compare()
        await ann.settle()
        assert "queue.resync" not in ann.heard
        await store.client.hset(key(tenant, "queue", queue), "queue_seq", 50)
        await one.hub.compare()
        await ann.event("queue.resync")


async def test_an_agent_who_joins_needs_no_second_listing(one: Node, other: Node, tenant: str, queue: str) -> None:
    async with one.user(tenant, "ann") as ann:
        await ann.ok("start_service", queue_id=queue)
    async with other.user(tenant, "ann") as ann:
        await ann.event("queue.status")
        await ann.settle()
        assert "queue.resync" not in ann.heard
