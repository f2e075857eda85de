"""The log over HTTP as server-sent events: from a cursor, then live, without a hole or a double."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from httpx import Response

from api.auth import Tokens
from api.gateway import sse
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.events import follow, log
from dispatcher.events.choice import Choice
from dispatcher.model import Actor, Presence, QueueCreate, Role, Service
from dispatcher.store.connect import Store
from dispatcher.store.keys import key
from tests.api.nodes import Running, node
from tests.gateway.node import until

pytestmark = pytest.mark.lanes("embedded", "redis")

SECONDS = 10


class Told(NamedTuple):
    """One server-sent event; a comment has no data."""

    id: str
    event: str
    data: Any


class Reader:
    """What an EventSource does: events, and the id that it would come back with."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self.id = ""
        self._lines = response.aiter_lines()

    async def block(self) -> Told:
        """Return the next block, a comment too."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(SECONDS):
            async for line in self._lines:
                if not line:
                    break
                name, _, value = line.partition(":")
                fields[name] = value.removeprefix(" ")
            else:
                raise StopAsyncIteration
        self.id = fields.get("id", self.id)
        data = json.loads(fields["data"]) if "data" in fields else None
        return Told(fields.get("id", ""), fields.get("event", "message"), data)

    async def next(self) -> Told:
        """Return the next event."""
        while (told := await self.block()).data is None:
            pass
        return told

    async def forever(self) -> None:
        """Read until the stream ends."""
        while True:
            await self.block()

    async def until(self, event: str) -> list[Told]:
        """Return what comes up to the first entry with this event."""
        told = [await self.next()]
        while event not in names(told[-1]):
            told.append(await self.next())
        return told


def names(told: Told) -> list[str]:
    return [event["event"] for event in told.data.get("events", ())]


class Tenant:
    """A tenant with a queue, and who does something in it."""

    def __init__(self, a: Running, name: str, dispatcher: Dispatcher, store: Store) -> None:
        self.a = a
        self.name = name
        self.dispatcher = dispatcher
        self.store = store
        self.admin = Actor(tenant=name, user_id="root", roles=frozenset({Role.ADMIN}))
        self.count = 0

    def headers(self, role: Role = Role.SUPERVISOR, ttl_s: float = 3600) -> dict[str, str]:
        tokens: Tokens = self.a.app.node.tokens
        return {"Authorization": f"Bearer {tokens.mint(self.name, 'boss', '', [role], ttl_s=int(ttl_s)).token}"}

    async def join(self, count: int = 1) -> list[str]:
        """Let customers join; return their contacts."""
        contacts = []
        for _ in range(count):
            self.count += 1
            contact = await self.dispatcher.start_queuing(
                self.admin, "q", customer_id=f"c{self.count}", presence=Presence.NONE
            )
            contacts.append(contact.contact_id)
        return contacts

    async def cursors(self, since: str = log.START) -> list[str]:
        """Return all cursors of the log after `since`."""
        entries: Any = await self.store.client.xrange(key(self.name, "log"), min=f"({since}")
        return [str(cursor) for cursor, _ in entries]

    @asynccontextmanager
    async def reading(self, last_event_id: str = "", ttl_s: float = 3600, **query: str) -> AsyncIterator[Reader]:
        headers = self.headers(ttl_s=ttl_s) | ({"Last-Event-ID": last_event_id} if last_event_id else {})
        async with self.a.http.stream("GET", "/v1/events", params=query, headers=headers, timeout=SECONDS) as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"].startswith("text/event-stream")
            yield Reader(response)


@pytest.fixture
async def shop(store: Store, dispatcher: Dispatcher) -> AsyncIterator[Tenant]:
    name = f"t-{uuid.uuid4().hex[:12]}"
    await dispatcher.create_tenant(name)
    async with node(store, f"sse-{name}") as a:
        shop = Tenant(a, name, dispatcher, store)
        await dispatcher.create_queue(shop.admin, QueueCreate(queue_id="q"))
        yield shop


async def test_an_entry_comes_whole_with_its_cursor_as_id(shop: Tenant) -> None:
    async with shop.reading() as reader:
        first = await reader.block()
        assert (first.data, first.id) == (None, await log.end(shop.store, shop.name))
        (contact,) = await shop.join()
        told = await reader.next()
        assert (told.id, told.event) == (await log.end(shop.store, shop.name), "message")
        assert set(told.data) == {"cursor", "at", "events"}
        assert told.data["cursor"] == told.id
        assert "contact.entered" in names(told)
        (entered,) = [event["data"] for event in told.data["events"] if event["event"] == "contact.entered"]
        assert (entered["contact_id"], entered["position"]) == (contact, 1)


async def test_from_a_cursor_and_then_live_without_a_hole_or_a_double(shop: Tenant) -> None:
    await shop.join(150)
    since = (await shop.cursors())[20]
    async with shop.reading(since=since) as reader:
        writing = asyncio.create_task(shop.join(150), name="joining")
        seen = [(await reader.next()).id for _ in range(280)]
        await writing
    assert seen == await shop.cursors(since)


async def test_a_busy_tenant_costs_a_reader_few_looks(shop: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    read = log.read

    async def counted(store: Store, tenant: str, since: str, limit: int) -> log.Part:
        reads.append(since)
        return await read(store, tenant, since, limit)

    monkeypatch.setattr(log, "read", counted)
    monkeypatch.setattr(follow, "GATHER_S", 0.5)
    async with shop.reading() as reader:
        await reader.block()
        begun = time.monotonic()
        await shop.join(20)
        newest = await log.end(shop.store, shop.name)
        while (await reader.next()).id != newest:
            pass
    assert len(reads) <= 3 + (time.monotonic() - begun) / 0.5


async def test_a_store_that_does_not_answer_for_a_while_is_waited_out(
    shop: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The stream stays: an EventSource that is refused once does not come back."""
    read, failures = log.read, 2

    async def failing(store: Store, tenant: str, since: str, limit: int) -> log.Part:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise DispatcherError(Code.UNAVAILABLE)
        return await read(store, tenant, since, limit)

    monkeypatch.setattr(log, "read", failing)
    monkeypatch.setattr(follow, "RETRY_S", 0.01)
    async with shop.reading() as reader:
        (contact,) = await shop.join()
        assert contact in str((await reader.next()).data)
    assert failures < 0


async def test_a_reader_who_comes_back_goes_on_where_he_was(shop: Tenant) -> None:
    seen: list[str] = []
    await shop.join(5)
    async with shop.reading(since="0") as reader:
        seen += [(await reader.next()).id for _ in range(3)]
    await shop.join(2)
    async with shop.reading(since="0", last_event_id=reader.id) as reader:
        seen += [(await reader.next()).id for _ in range(5)]
    assert seen == await shop.cursors()


async def test_who_is_cut_off_before_his_first_event_misses_nothing(shop: Tenant) -> None:
    async with shop.reading() as reader:
        await reader.block()
    (contact,) = await shop.join()
    async with shop.reading(last_event_id=reader.id) as reader:
        assert contact in str((await reader.next()).data)


async def test_a_cursor_older_than_the_log_is_told_first(shop: Tenant) -> None:
    await shop.join(300)
    cursors = await shop.cursors()
    await shop.store.client.xtrim(key(shop.name, "log"), minid=cursors[200], approximate=False)
    async with shop.reading(since=cursors[0]) as reader:
        assert await reader.next() == Told("", "reset", {"cursor": cursors[200]})
        assert (await reader.next()).id == cursors[200]
    async with shop.reading(since=cursors[200]) as reader:
        assert (await reader.next()).event == "message"
    async with shop.reading(since="0") as reader:
        assert (await reader.next()).id == cursors[200]


async def test_only_some_types_with_only_those_events(shop: Tenant) -> None:
    async with shop.reading(types="contact.ended, agent", since="0") as reader:
        (contact,) = await shop.join()
        await shop.dispatcher.open_session(agent := Actor(tenant=shop.name, user_id="ann", roles=ROLES), "s", "n")
        await shop.dispatcher.start_service(agent, "ann", [Service(queue_id="q")])
        await shop.dispatcher.stop_queuing(shop.admin, contact)
        told = await reader.until("contact.ended")
    seen = {name for each in told for name in names(each)}
    assert seen == {"contact.ended", "agent.service", "agent.changed"}


ROLES = frozenset({Role.AGENT})


async def test_one_contact_s_story_from_its_beginning(shop: Tenant) -> None:
    await shop.dispatcher.open_session(agent := Actor(tenant=shop.name, user_id="ann", roles=ROLES), "s", "n")
    await shop.join(2)
    (contact,) = await shop.join()
    await shop.join(2)
    await shop.dispatcher.start_service(agent, "ann", [Service(queue_id="q")])
    async with shop.reading(contact=contact) as reader:
        await shop.dispatcher.stop_queuing(shop.admin, contact)
        told = await reader.until("contact.ended")
    story = [event for each in told for event in each.data["events"]]
    assert [event["event"] for event in story] == [
        "audit", "contact.entered", "audit", "contact.left", "contact.ended",
    ]  # fmt: skip
    assert {event["data"]["contact_id"] for event in story} == {contact}
    assert [event["data"]["command"] for event in story if event["event"] == "audit"] == [
        "start_queuing",
        "stop_queuing",
    ]


async def test_the_story_of_a_contact_that_was_served(shop: Tenant) -> None:
    agent = Actor(tenant=shop.name, user_id="ann", roles=ROLES)
    await shop.dispatcher.open_session(agent, "s", "n")
    await shop.dispatcher.start_service(agent, "ann", [Service(queue_id="q")])
    (contact,) = await shop.join()
    await shop.dispatcher.start(agent, contact)
    await shop.dispatcher.complete(agent, contact)
    await shop.join()
    async with shop.reading(contact=contact) as reader:
        told = await reader.until("contact.ended")
    story = [event["event"] for each in told for event in each.data["events"] if event["event"] != "audit"]
    assert story == [
        "contact.entered", "contact.left", "assignment.offered", "contact.matched", "assignment.accepted",
        "contact.serving", "assignment.completed", "contact.ended",
    ]  # fmt: skip


async def test_a_quiet_log_sends_a_comment_that_carries_the_reader_on(
    shop: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a filter passes over is not read again after a reconnect."""
    monkeypatch.setattr(sse, "HEARTBEAT_S", 0.0)
    async with shop.reading(types="queue") as reader:
        await shop.join(3)
        newest = await log.end(shop.store, shop.name)
        while (block := await reader.block()).id != newest:
            assert block.data is None


async def test_a_lost_ring_costs_time_and_no_event(
    store: Store, dispatcher: Dispatcher, shop: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = shop.a.app.node.hub
    monkeypatch.setattr(hub._logs, "ring", lambda channel: None)
    monkeypatch.setattr(hub._logs, "_idle_s", 0.05)
    async with shop.reading() as reader:
        await reader.block()
        (contact,) = await shop.join()
        assert contact in str((await reader.next()).data)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"since": "yesterday"}, "since: not a cursor"),
        ({"since": "1-2-3"}, "since: not a cursor"),
        ({"since": "9" * 21}, "since: not a cursor"),
        ({"since": "1" * 42}, "since: is longer than 41 characters"),
        ({"types": "contact.ended,agnet"}, "types: there is no event agnet in the log"),
        ({"types": "message"}, "types: there is no event message in the log"),
        ({"contact": "../1"}, "contact: must be an id like 1763824800123-0007"),
        ({"contact": ""}, "contact: must be an id like 1763824800123-0007"),
        ({"form": "json"}, "there is no such query parameter: form"),
    ],
)
async def test_what_is_malformed_is_refused_before_anything_is_sent(
    shop: Tenant, query: dict[str, str], said: str
) -> None:
    answer = await shop.a.http.get("/v1/events", params=query, headers=shop.headers())
    assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERR")
    assert said in answer.json()["detail"]


async def test_a_malformed_last_event_id_is_refused_too(shop: Tenant) -> None:
    answer = await shop.a.http.get("/v1/events", headers=shop.headers() | {"Last-Event-ID": "x"})
    assert (answer.status_code, answer.json()["code"]) == (400, "PARAM_ERR")


async def test_it_is_for_supervisors_and_backends(shop: Tenant) -> None:
    for role in (Role.CUSTOMER, Role.AGENT):
        answer = await shop.a.http.get("/v1/events", headers=shop.headers(role))
        assert (answer.status_code, answer.json()["code"]) == (403, "API_NO_PERMISSION")
    answer = await shop.a.http.get("/v1/events")
    assert (answer.status_code, answer.json()["code"]) == (401, "NOT_LOGIN")


async def test_another_tenant_s_events_are_not_seen(shop: Tenant) -> None:
    stranger = Tenant(shop.a, f"{shop.name}-2", shop.dispatcher, shop.store)
    stranger.count = 100
    await shop.dispatcher.create_tenant(stranger.name)
    await shop.dispatcher.create_queue(stranger.admin, QueueCreate(queue_id="q"))
    await shop.join()
    async with stranger.reading(since="0") as reader:
        await shop.join()
        await stranger.join()
        told = await reader.until("contact.entered")
    customers = [event["data"].get("customer_id") for each in told for event in each.data["events"]]
    assert [customer for customer in customers if customer] == ["c101"]


async def test_a_stream_ends_with_its_token(shop: Tenant) -> None:
    async with shop.reading(ttl_s=2) as reader:
        with pytest.raises(StopAsyncIteration):
            await reader.forever()


async def test_streams_end_when_the_node_is_stopped(shop: Tenant) -> None:
    async with shop.reading() as reader:
        await reader.block()
        shop.a.app.node.hub.end_streams()
        with pytest.raises(StopAsyncIteration):
            await reader.forever()


async def test_nothing_is_left_of_a_reader_who_went(shop: Tenant) -> None:
    hub = shop.a.app.node.hub
    async with shop.reading() as reader, shop.reading() as other:
        await reader.block()
        await other.block()
        assert [len(bells) for bells in hub._logs._bells.values()] == [2]
    await until(lambda: not hub._logs._bells)


async def test_a_reader_who_takes_nothing_is_closed_and_nothing_piles_up(shop: Tenant) -> None:
    taken: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        taken.append(message)
        if len(taken) > 3:
            await asyncio.Event().wait()

    async def receive() -> Any:
        await asyncio.Event().wait()

    following = await shop.a.app.node.hub.follow_log(shop.admin, "0")
    await shop.join(300)
    stream = sse.EventStream(following, Choice(), 3600, take_s=0.05)
    async with asyncio.timeout(SECONDS):
        await stream({"type": "http"}, receive, send)
    assert [message["type"] for message in taken] == ["http.response.start"] + ["http.response.body"] * 3
    # One part of the log at a time.
    assert all(message.get("body", b"").count(b"data:") <= 100 for message in taken)
    assert not shop.a.app.node.hub._logs._bells
