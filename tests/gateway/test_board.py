"""Boards: what changed about agents and queues, once a second at most, complete and in its last state."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import pytest

from dispatcher.engine import Dispatcher
from dispatcher.events import board as boards
from dispatcher.events.board import Boards
from dispatcher.events.log import Part
from dispatcher.events.member import Member
from dispatcher.model import Actor, Event, LogEntry, QueueCreate, QueuePatch, Role, Service
from tests.gateway.node import Claims, Node, Socket, until
from tests.gateway.test_pace import Clock, Sink, idle

BOSS = Actor(tenant="t", user_id="boss", roles=frozenset({Role.SUPERVISOR}))


class Source:
    """A log that the test writes."""

    def __init__(self) -> None:
        self.entries: list[LogEntry] = []
        self.bells: list[asyncio.Event] = []

    def add(self, *events: tuple[str, dict[str, Any]]) -> None:
        told = tuple(Event(event=event, data=data) for event, data in events)
        self.entries.append(LogEntry(cursor=f"1-{len(self.entries) + 1}", at=1, events=told))
        for bell in self.bells:
            bell.set()

    async def begin(self, tenant: str) -> str:
        return f"1-{len(self.entries)}"

    async def follow(
        self, tenant: str, since: str, *, limit: int, bell: asyncio.Event | None
    ) -> AsyncGenerator[Part, None]:
        assert bell is not None
        self.bells.append(bell)
        read = int(since[2:])
        while True:
            bell.clear()
            entries = tuple(self.entries[read : read + limit])
            read += len(entries)
            yield Part(entries)
            if len(entries) < limit:
                await bell.wait()


class World:
    """One board on a clock that the test moves."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.source = Source()
        self.tasks: list[asyncio.Task[None]] = []
        self.boards = Boards(self.source, self.spawn)

    def spawn(self, job: Any, name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(job, name=name))
        return self.tasks[-1]

    async def watcher(self, actor: Actor = BOSS) -> tuple[Member, Sink]:
        sink = Sink(self.clock)
        member = Member(actor, "s", sink)
        await self.boards.join(member, self.clock)
        await idle()
        return member, sink

    def changed(self, agent: str, old: str, new: str) -> None:
        self.source.add(("agent.changed", {"agent_id": agent, "old_state": old, "state": new}))


@asynccontextmanager
async def the_world() -> AsyncIterator[World]:
    world = World()
    yield world
    for task in world.tasks:
        task.cancel()
    await asyncio.gather(*world.tasks, return_exceptions=True)


def told(frames: Iterable[tuple[float, str, dict[str, Any]]]) -> list[tuple[str, str]]:
    return [(name, data.get("agent_id") or data["queue_id"]) for _, name, data in frames]


async def test_the_first_change_comes_at_once_and_the_rest_in_one_frame_a_second_later() -> None:
    async with the_world() as world:
        _, sink = await world.watcher()
        begun = world.clock.now
        world.changed("ann", "offline", "idle")
        await idle()
        assert [(at, data["state"]) for at, _, data in sink.frames] == [(begun, "idle")]
        for old, new in (("idle", "offered"), ("offered", "busy"), ("busy", "wrapping")):
            world.changed("ann", old, new)
            world.changed("bob", old, new)
            await world.clock.advance(0.1)
        assert len(sink.frames) == 1
        await world.clock.advance(1.0)
        rest = sink.frames[1:]
        assert {at for at, _, _ in rest} == {begun + 1.0}
        assert [(data["agent_id"], data["old_state"], data["state"]) for _, _, data in rest] == [
            ("ann", "idle", "wrapping"),
            ("bob", "idle", "wrapping"),
        ]
        await world.clock.advance(60.0)
        assert len(sink.frames) == 3


async def test_under_steady_change_there_is_one_frame_a_second() -> None:
    async with the_world() as world:
        _, sink = await world.watcher()
        for n in range(200):
            world.changed("ann", "idle", str(n))
            await world.clock.advance(0.05)
        await world.clock.advance(2.0)
        times = sink.times("agent.changed")
        assert len(times) == 11
        assert all(later - earlier >= 1.0 - 1e-9 for earlier, later in pairwise(times))
        assert sink.frames[-1][2]["state"] == "199"


async def test_only_what_belongs_on_a_board_and_each_service_and_queue_by_itself() -> None:
    async with the_world() as world:
        _, sink = await world.watcher()
        world.source.add(
            ("contact.entered", {"contact_id": "1"}),
            ("queue.changed", {"queue_id": "q", "name": "old"}),
            ("agent.service", {"agent_id": "ann", "queue_id": "q", "serving": True}),
            ("agent.service", {"agent_id": "ann", "queue_id": "p", "serving": True}),
            ("agent.changed", {"agent_id": "ann", "old_state": "offline", "state": "idle"}),
            ("agent.service", {"agent_id": "ann", "queue_id": "q", "serving": False}),
            ("queue.deleted", {"queue_id": "q"}),
        )
        await idle()
        assert told(sink.frames) == [
            ("queue.deleted", "q"), ("agent.service", "ann"), ("agent.service", "ann"), ("agent.changed", "ann"),
        ]  # fmt: skip
        assert [data["serving"] for _, name, data in sink.frames if name == "agent.service"] == [False, True]


async def test_a_mass_of_changes_comes_in_bounded_frames_and_in_the_last_state(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boards, "CHANGES_MAX", 10)
    async with the_world() as world:
        _, sink = await world.watcher()
        for n in range(25):
            world.source.add(("agent.changed", {"agent_id": f"a{n}", "old_state": "idle", "state": "offline"}))
        await world.clock.advance(0.5)
        world.changed("a24", "offline", "idle")
        await world.clock.advance(5.0)
        begun = sink.frames[0][0]
        assert [at - begun for at in sink.times("agent.changed")] == [0.0] * 10 + [1.0] * 10 + [2.0] * 5
        assert [data["agent_id"] for _, _, data in sink.frames] == [f"a{n}" for n in range(25)]
        assert sink.frames[-1][2] == {"agent_id": "a24", "old_state": "idle", "state": "idle"}


async def test_of_himself_a_supervisor_who_serves_hears_only_live() -> None:
    async with the_world() as world:
        _, sink = await world.watcher()
        _, ann = await world.watcher(BOSS.model_copy(update={"user_id": "ann"}))
        world.changed("ann", "offline", "idle")
        await world.clock.advance(2.0)
        assert (told(sink.frames), ann.frames) == ([("agent.changed", "ann")], [])
        world.changed("ann", "idle", "busy")
        world.changed("bob", "idle", "busy")
        await world.clock.advance(2.0)
        assert told(sink.frames)[1:] == [("agent.changed", "ann"), ("agent.changed", "bob")]
        assert told(ann.frames) == [("agent.changed", "bob")]


async def test_the_last_to_leave_ends_the_board_and_who_lost_the_role_hears_nothing() -> None:
    async with the_world() as world:
        first, sink = await world.watcher()
        second, other = await world.watcher()
        second.actor = second.actor.model_copy(update={"roles": frozenset({Role.AGENT})})
        world.changed("ann", "offline", "idle")
        await idle()
        assert (len(sink.frames), other.frames) == (1, [])
        world.boards.leave(first)
        await idle()
        assert not world.tasks[0].done()
        world.boards.leave(second)
        world.boards.leave(second)
        await idle()
        assert world.tasks[0].done()
        assert len(world.tasks) == 1


async def test_a_board_that_was_left_ends_though_the_store_swallows_its_cancellation() -> None:
    async with the_world() as world:
        read = world.source.follow

        async def deaf(*about: str, limit: int, bell: asyncio.Event | None) -> AsyncGenerator[Part, None]:
            """Lose a cancellation that comes together with the answer, as redis-py does up to Python 3.11."""
            parts = read(*about, limit=limit, bell=bell)
            while True:
                part = asyncio.ensure_future(anext(parts))
                try:
                    yield await asyncio.shield(part)
                except asyncio.CancelledError:
                    yield await part

        world.source.follow = deaf  # type: ignore[method-assign,assignment]
        member, sink = await world.watcher()
        world.boards.leave(member)
        await idle()
        world.changed("ann", "offline", "idle")
        await idle()
        assert world.tasks[0].done()
        assert sink.frames == []


async def changes(boss: Socket, *names: str) -> list[tuple[str, dict[str, Any]]]:
    """Read frames until each of these events was told."""
    seen: list[tuple[str, dict[str, Any]]] = []
    while not set(names) <= {name for name, _ in seen}:
        frame = await boss.frame(*names)
        assert "offset" not in frame
        seen += [(event["event"], event["data"]) for event in frame["events"]]
    return seen


async def test_a_supervisor_sees_what_happens_on_every_node(
    one: Node, other: Node, dispatcher: Dispatcher, admin: Actor, tenant: str, queue: str
) -> None:
    async with one.user(tenant, "boss", Role.SUPERVISOR) as boss, other.user(tenant, "ann") as ann:
        assert await boss.ok("watch_agents") == {}
        await ann.ok("start_service", queue_id=queue, priority=3)
        seen = await changes(boss, "agent.service")
        assert ("agent.service", {"agent_id": "ann", "queue_id": queue, "serving": True, "priority": 3}) in seen
        await ann.ok("set_dnd", dnd=2, reason="lunch")
        (_, data), *_ = await changes(boss, "agent.changed")
        assert (data["agent_id"], data["old_state"], data["state"], data["dnd"]) == ("ann", "idle", "manual", 2)
        await dispatcher.update_queue(admin, queue, QueuePatch(description="x"))
        await dispatcher.create_queue(admin, QueueCreate(queue_id="2"))
        seen = await changes(boss, "queue.changed")
        while len(seen) < 2:
            seen += await changes(boss, "queue.changed")
        assert [data["queue_id"] for _, data in seen] == [queue, "2"]
        assert "contact.entered" not in boss.heard
    await until(lambda: not one.hub._boards._boards and not one.hub._logs._bells)


async def test_nothing_is_missed_between_watching_and_listing(
    one: Node, dispatcher: Dispatcher, tenant: str, queue: str
) -> None:
    """At once after the answer, before any subscription is confirmed."""
    async with one.user(tenant, "boss", Role.SUPERVISOR) as boss, one.user(tenant, "ann"):
        await boss.ok("watch_agents")
        agent = Actor(tenant=tenant, user_id="ann", roles=frozenset({Role.AGENT}))
        await dispatcher.start_service(agent, "ann", [Service(queue_id=queue)])
        await changes(boss, "agent.service")


async def test_a_watching_session_has_a_board_beside_the_one_of_the_desk(
    one: Node, dispatcher: Dispatcher, tenant: str, queue: str
) -> None:
    async with (
        one.user(tenant, "boss", Role.SUPERVISOR) as desk,
        one.socket() as wall,
        one.user(tenant, "ann"),
    ):
        token = one.tokens.issue(Claims(tenant, "boss", roles=frozenset({Role.SUPERVISOR})))
        await wall.ok("hello", token=token, client="wall", watch=True)
        for boss in (desk, wall):
            await boss.ok("watch_agents")
        agent = Actor(tenant=tenant, user_id="ann", roles=frozenset({Role.AGENT}))
        await dispatcher.start_service(agent, "ann", [Service(queue_id=queue)])
        for boss in (desk, wall):
            await changes(boss, "agent.service")
        assert "session.replaced" not in desk.heard


async def test_boards_are_for_supervisors(one: Node, tenant: str) -> None:
    async with one.user(tenant, "ann") as ann, one.user(tenant, "bob", Role.CUSTOMER) as bob:
        for socket in (ann, bob):
            assert (await socket.error("watch_agents"))["code"] == "API_NO_PERMISSION"
        assert (await ann.error("watch_agents", all=True))["code"] == "PARAM_ERR"
