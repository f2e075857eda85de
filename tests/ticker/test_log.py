"""The log read from a cursor, on every store."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dispatcher import doctor, keyspace
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.events import log
from dispatcher.model import Actor, LogEntry, Presence, QueueCreate, Role
from dispatcher.store.connect import Store, connect
from dispatcher.store.fleet import Fleet
from dispatcher.store.keys import key
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.servers import Server

WEEK_MS = 7 * 86_400_000


@pytest.fixture
def boss(tenant: str) -> Actor:
    return Actor(tenant=tenant, user_id="boss", roles=frozenset({Role.ADMIN}))


async def _old_entries(store: Store, tenant: str, count: int, at: int) -> None:
    for n in range(count):
        fields: dict[Any, Any] = {
            "entry": f'{{"at":{at},"events":[{{"event":"queue.deleted","data":{{"queue_id":"x"}}}}]}}'
        }
        await store.client.xadd(key(tenant, "log"), fields, id=f"{at}-{n + 1}")


async def test_reading_in_parts(store: Store, dispatcher: Dispatcher, boss: Actor) -> None:
    for _ in range(5):
        await dispatcher.create_queue(boss, QueueCreate())
    whole = await log.read(store, boss.tenant)
    assert not whole.reset
    names = [event.event for entry in whole.entries for event in entry.events]
    assert names.count("queue.changed") == 5
    assert [entry.cursor for entry in whole.entries] == sorted(entry.cursor for entry in whole.entries)
    parts: list[LogEntry] = []
    since = log.START
    while (part := await log.read(store, boss.tenant, since, 2)).entries:
        assert len(part.entries) <= 2
        parts += part.entries
        since = part.entries[-1].cursor
    assert parts == list(whole.entries)
    assert since == await log.end(store, boss.tenant)


async def test_an_empty_log(store: Store, tenant: str) -> None:
    assert await log.read(store, tenant) == log.Part(())
    assert await log.end(store, tenant) == log.START
    assert not (await log.read(store, tenant, "1763824800123-0")).reset


async def test_following(store: Store, dispatcher: Dispatcher, boss: Actor) -> None:
    await dispatcher.create_queue(boss, QueueCreate(name="first"))
    parts = log.tail(store, boss.tenant, log.START)
    async with asyncio.timeout(10):
        first = await anext(parts)
        assert first.entries[0].events[-1].data["name"] == "first"
        waiting = asyncio.ensure_future(anext(parts))
        await asyncio.sleep(0)
        await dispatcher.create_queue(boss, QueueCreate(name="second"))
        second = await waiting
    assert second.entries[0].events[-1].data["name"] == "second"
    await parts.aclose()


async def test_a_trimmed_log_tells_a_reset(store: Store, dispatcher: Dispatcher, boss: Actor) -> None:
    now = await Fleet(store).now_ms()
    await _old_entries(store, boss.tenant, 300, now - WEEK_MS - 1000)
    await dispatcher.create_queue(boss, QueueCreate())
    before = await log.read(store, boss.tenant, limit=1)
    await log.trim(store, boss.tenant, now)
    part = await log.read(store, boss.tenant, before.entries[0].cursor)
    assert part.reset
    # Whole blocks are dropped, so that some old entries may stay; none that is young may go.
    assert len(part.entries) <= 101
    assert part.entries[-1].events[-1].event == "queue.changed"
    assert not (await log.read(store, boss.tenant, part.entries[0].cursor)).reset
    assert not (await log.read(store, boss.tenant)).reset


async def test_a_log_that_grows_faster_than_it_ages_is_bounded_all_the_same(own_server: Server) -> None:
    """A week of a tenant whose nodes never come to trimming: the commands themselves hold the last limit."""
    store = await connect(own_server.url)
    dispatcher = Dispatcher(Runner(store, Scripts()))
    await dispatcher.create_tenant("t")
    fill = "for n = 1, 50000 do redis.call('XADD', KEYS[1], '*', 'entry', '{\"at\":1,\"events\":[]}') end"
    for _ in range(21):
        await store.client.eval(fill, 1, key("t", "log"))
    assert await store.client.xlen(key("t", "log")) == 1_050_000
    boss = Actor(tenant="t", user_id="boss", roles=frozenset({Role.ADMIN}))
    for n in range(20):
        await dispatcher.create_queue(boss, QueueCreate(queue_id=f"q{n}"))
    # Whole blocks of 100 are dropped, many at a time.
    assert 1_000_000 <= await store.client.xlen(key("t", "log")) <= 1_000_100
    assert not await log.is_whole(store, "t")
    await store.close()


async def test_a_log_that_nobody_trimmed_tells_no_reset(store: Store, dispatcher: Dispatcher, boss: Actor) -> None:
    """A cursor from before the tenant: nothing came after it but what is there."""
    assert await log.is_whole(store, boss.tenant)
    await dispatcher.create_queue(boss, QueueCreate())
    assert await log.is_whole(store, boss.tenant)
    part = await log.read(store, boss.tenant, "1-0")
    assert (len(part.entries), part.reset) == (1, False)


async def test_where_to_begin(store: Store, dispatcher: Dispatcher, boss: Actor) -> None:
    assert await log.begin(store, boss.tenant) == log.START
    await dispatcher.create_queue(boss, QueueCreate(queue_id="q"))
    newest = await log.end(store, boss.tenant)
    assert await log.begin(store, boss.tenant) == newest
    assert await log.begin(store, boss.tenant, "17") == "17"
    contact = await dispatcher.start_queuing(boss, "q", customer_id="kim", presence=Presence.NONE)
    begin = await log.begin(store, boss.tenant, contact_id=contact.contact_id)
    assert contact.contact_id in str((await log.read(store, boss.tenant, begin)).entries)
    assert await log.begin(store, boss.tenant, "17", contact.contact_id) == "17"
    with pytest.raises(DispatcherError):
        await log.begin(store, boss.tenant, "yesterday")


async def test_the_doctor_replays_only_a_log_that_begins_with_the_tenant(
    store: Store, dispatcher: Dispatcher, boss: Actor
) -> None:
    await dispatcher.create_queue(boss, QueueCreate(queue_id="q"))
    assert await doctor.check(store, boss.tenant, with_log=True) == []
    # Written by hand: no script would say so.
    told: dict[Any, Any] = {"entry": '{"at":1,"events":[{"event":"queue.deleted","data":{"queue_id":"q"}}]}'}
    await store.client.xadd(key(boss.tenant, "log"), told)
    assert {found.invariant for found in await doctor.check(store, boss.tenant, with_log=True)} == {7}
    await store.client.xtrim(key(boss.tenant, "log"), maxlen=1, approximate=False)
    assert not await log.is_whole(store, boss.tenant)
    assert (await keyspace.read_state(store, boss.tenant, with_log=True)).log is None
    assert await doctor.check(store, boss.tenant, with_log=True) == []


@pytest.mark.parametrize(
    "since", ["", "x", "1-", "-1", "1-2-3", "1-x", "$", "+", "(1-0", "9" * 21, f"{2**64}-0", "١-٠"]
)
async def test_what_is_no_cursor(store: Store, tenant: str, since: str) -> None:
    with pytest.raises(DispatcherError) as caught:
        await log.read(store, tenant, since)
    assert caught.value.code is Code.PARAM_ERR


@pytest.mark.parametrize("since", [f"{2**64 - 1}-{2**64 - 2}", f"{2**64 - 1}-{2**64 - 1}"])
async def test_the_largest_cursors(store: Store, dispatcher: Dispatcher, boss: Actor, since: str) -> None:
    await dispatcher.create_queue(boss, QueueCreate())
    assert (await log.read(store, boss.tenant, since)).entries == ()


async def test_the_story_of_the_earliest_contact_that_an_id_can_name(store: Store, tenant: str) -> None:
    since = await log.begin(store, tenant, contact_id="0000000000000-0000")
    assert log.position(since) == (0, 0)


async def test_nodes_and_tenants(store: Store, tenant: str) -> None:
    fleet = Fleet(store)
    now = await fleet.now_ms()
    one, other = f"{tenant}-a", f"{tenant}-b"
    assert one in await fleet.beat(one, now - 3000, 3000)
    assert {one, other} <= set(await fleet.beat(other, now, 3000))
    assert one not in await fleet.beat(other, now + 1, 3000)
    await fleet.leave(other)
    assert other not in await fleet.beat(one, now, 3000)
    await fleet.leave(one)
    assert tenant in await fleet.tenants()


UNREADABLE: list[dict[Any, Any]] = [{"at": "1", "events": "[]"}, {"entry": "{"}, {"entry": "[]"}, {"entry": '{"at":1}'}]


@pytest.mark.parametrize("fields", UNREADABLE)
async def test_an_entry_that_no_script_wrote_holds_up_nobody(
    store: Store, dispatcher: Dispatcher, boss: Actor, fields: dict[Any, Any]
) -> None:
    await dispatcher.create_queue(boss, QueueCreate(queue_id="before"))
    cursor = await store.client.xadd(key(boss.tenant, "log"), fields)
    await dispatcher.create_queue(boss, QueueCreate(queue_id="behind"))
    entries = (await log.read(store, boss.tenant)).entries
    changed = [event.data["queue_id"] for entry in entries for event in entry.events if event.event == "queue.changed"]
    assert changed == ["before", "behind"]
    assert [entry.cursor for entry in entries if not entry.events] == [cursor]
