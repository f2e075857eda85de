"""The entry of a command, as programs read it from the log and from channels: its shape is public."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.scripts.world import START_AT, World

pytestmark = pytest.mark.lanes("embedded", "redis")


async def newest(world: World) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(await newest_text(world))
    return entry


async def newest_text(world: World) -> str:
    entries: Any = await world.store.client.xrevrange(world.key("log"), count=1)
    ((_, fields),) = entries
    assert set(fields) == {"entry"}
    return str(fields["entry"])


async def counted(world: World, facet: str, id: str, field: str) -> int:
    value: Any = await world.store.client.hget(world.key(facet, id), field)
    return int(value)


async def test_an_entry_says_who_is_told_what_and_counts_it(world: World) -> None:
    await world.queue("q")
    await world.queue("quiet")
    await world.agent("anna", "q")
    await world.customer("kim", "q")
    entry = await newest(world)
    assert set(entry) == {"at", "events", "offsets", "queues"}
    assert entry["at"] == START_AT
    assert [(event["event"], event.get("to")) for event in entry["events"]] == [
        ("contact.entered", ["kim"]),
        ("contact.left", None),
        ("assignment.offered", ["anna"]),
        ("contact.matched", ["kim"]),
        ("agent.changed", ["anna"]),
    ]
    assert entry["offsets"] == {user: await counted(world, "user", user, "offset") for user in ("anna", "kim")}
    assert entry["queues"] == {"q": await counted(world, "queue", "q", "queue_seq")}


async def test_an_event_may_be_told_to_two(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    contact = await world.customer("kim", "q")
    await world.run("contact_start", actor="anna", contact_id=contact)
    told = {event["event"]: event["to"] for event in (await newest(world))["events"]}
    assert sorted(told["contact.serving"]) == ["anna", "kim"]


async def test_every_channel_that_it_concerns_carries_the_same_text(world: World) -> None:
    await world.queue("q")
    await world.agent("anna", "q")
    pubsub: Any = world.store.shard_of(world.key("feed")).client.pubsub()
    channels = [world.key("feed"), world.key("to", "anna"), world.key("to", "kim"), world.key("about", "q")]
    await pubsub.ssubscribe(*channels)
    await world.customer("kim", "q")
    heard: dict[str, str] = {}
    async with asyncio.timeout(10):
        while set(heard) != set(channels):
            message = await pubsub.get_message(timeout=1)
            if message and message["type"] == "smessage" and "assignment.offered" in message["data"]:
                heard[message["channel"]] = message["data"]
    await pubsub.aclose()
    assert set(heard.values()) == {await newest_text(world)}
