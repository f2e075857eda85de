"""How often a queue's status and positions are told, on a clock that the test moves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from dispatcher.errors import Code, DispatcherError
from dispatcher.events.cadence import Cadence
from dispatcher.events.member import Member
from dispatcher.events.watch import Watch, position_pace_s
from dispatcher.model import Actor, Contact, ContactState, QueueStatus


def test_a_cadence_tells_at_once_then_at_its_pace_and_the_last_always() -> None:
    cadence = Cadence((0.2, 2.0))
    assert cadence.next_at() is None
    cadence.ring()
    assert cadence.due(10.0) == [0, 1]
    for audience in (0, 1):
        cadence.told(audience, 10.0)
    assert cadence.next_at() is None
    cadence.ring()
    cadence.ring()
    assert cadence.due(10.1) == []
    assert cadence.next_at() == pytest.approx(10.2)
    assert cadence.due(10.3) == [0]
    cadence.told(0, 10.3)
    assert cadence.next_at() == 12.0
    assert cadence.next_at(skip=[1]) is None
    cadence.hold(0, 11.0)
    assert cadence.next_at() == 11.0


@pytest.mark.parametrize(("position", "pace"), [(1, 1), (100, 1), (101, 5), (1000, 5), (1001, 30)])
def test_the_further_behind_the_rarer(position: int, pace: float) -> None:
    assert position_pace_s(position) == pace


class Timer:
    def __init__(self, when: float, callback: Callable[[], None]) -> None:
        self.when = when
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(when, callback))
        return self.timers[-1]

    async def advance(self, seconds: float) -> None:
        """Let time pass, from timer to timer."""
        end = self.now + seconds
        while True:
            await idle()
            self.timers = [timer for timer in self.timers if not timer.cancelled]
            due = min((timer for timer in self.timers if timer.when <= end), key=lambda t: t.when, default=None)
            if due is None:
                break
            self.timers.remove(due)
            self.now = max(self.now, due.when)
            due.callback()
        self.now = end


async def idle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


class Sink:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.frames: list[tuple[float, str, dict[str, Any]]] = []

    def send(self, text: str) -> None:
        for event in json.loads(text)["events"]:
            self.frames.append((self.clock.now, event["event"], event["data"]))

    def replaced(self) -> None: ...

    def disowned(self) -> None: ...

    def times(self, event: str) -> list[float]:
        return [time for time, name, _ in self.frames if name == event]


class Engine:
    """A queue whose count and positions the test sets."""

    def __init__(self) -> None:
        self.waiting = 0
        self.positions: dict[str, int] = {}
        self.reads: list[str] = []
        self.fail = False

    async def get_queue_status(self, actor: Actor, queue_id: str) -> QueueStatus:
        if self.fail:
            raise DispatcherError(Code.UNAVAILABLE)
        return QueueStatus(
            queue_id=queue_id, agent_num=0, wait_num=self.waiting, prepare_num=0, srv_num=0, longest_wait_s=0
        )

    async def get_contact(self, actor: Actor, contact_id: str = "") -> Contact:
        self.reads.append(actor.user_id)
        return Contact(
            contact_id=contact_id, customer_id=actor.user_id, name="", queue_id="1", state=ContactState.WAITING,
            position=self.positions[actor.user_id], queued_at=1, queuing_time_s=2, ext="",
        )  # fmt: skip

    async def open_session(self, *args: Any) -> Any: ...

    async def get_snapshot(self, actor: Actor) -> Any: ...


class World:
    """One watch with a clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.engine = Engine()
        self.tasks: list[asyncio.Task[None]] = []
        self.watch = Watch("t", "1", self.engine, self.clock, self.spawn)
        self.watch.live = True

    def spawn(self, job: Any, name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(job, name=name))
        return self.tasks[-1]

    def member(self, user_id: str, *, serves: bool = False, position: int | None = None) -> Sink:
        sink = Sink(self.clock)
        member = Member(Actor(tenant="t", user_id=user_id), user_id, sink)
        member.joined = True
        if serves:
            member.serves = frozenset({"1"})
        else:
            data = {"contact_id": user_id, "queue_id": "1", "position": position}
            member.learn([{"event": "contact.entered", "data": data}])
            self.engine.positions[user_id] = position or 1
        self.watch.place(member)
        return sink

    async def ring(self, seconds: float, every: float) -> None:
        """Let somebody join every so often."""
        end = self.clock.now + seconds
        while self.clock.now < end - 1e-9:
            self.engine.waiting += 1
            self.watch.ring()
            await self.clock.advance(every)


async def test_agents_hear_five_a_second_customers_one_in_two_seconds_and_both_the_last() -> None:
    world = World()
    agent, customer = world.member("ann", serves=True), world.member("bob", position=1)
    await world.ring(10.0, 0.01)
    assert 45 <= len(agent.times("queue.status")) <= 51
    assert 5 <= len(customer.times("queue.status")) <= 6
    await world.clock.advance(5.0)
    for sink in (agent, customer):
        status = [data for _, name, data in sink.frames if name == "queue.status"]
        assert status[-1]["wait_num"] == world.engine.waiting
        count = len(sink.frames)
        await world.clock.advance(60.0)
        assert len(sink.frames) == count


async def test_a_queue_that_rings_once_is_told_at_once() -> None:
    world = World()
    agent = world.member("ann", serves=True)
    await idle()
    await world.clock.advance(10.0)
    before = len(agent.frames)
    world.watch.ring()
    await idle()
    assert agent.times("queue.status")[before:] == [world.clock.now]


async def test_a_status_that_fails_is_tried_again_a_second_later() -> None:
    world = World()
    world.engine.fail = True
    agent = world.member("ann", serves=True)
    await world.clock.advance(3.5)
    assert agent.frames == []
    world.engine.fail = False
    await world.clock.advance(1.0)
    assert len(agent.times("queue.status")) == 1


async def test_positions_are_read_at_a_stretching_pace_and_told_when_changed() -> None:
    world = World()
    near, far = world.member("near", position=5), world.member("far", position=5000)
    await world.ring(60.0, 0.5)
    assert near.times("queuing.info") == far.times("queuing.info") == []
    assert 55 <= world.engine.reads.count("near") <= 61
    assert 2 <= world.engine.reads.count("far") <= 3
    world.engine.positions = {"near": 4, "far": 4999}
    world.watch.ring()
    await world.clock.advance(31.0)
    assert len(near.times("queuing.info")) == len(far.times("queuing.info")) == 1
    assert far.frames[-1][2] == {"queue_id": "1", "position": 4999, "queuing_time_s": 2}


async def test_without_a_bell_nothing_is_read() -> None:
    world = World()
    world.member("bob", position=1)
    await world.clock.advance(10.0)
    reads = len(world.engine.reads)
    await world.clock.advance(100.0)
    assert len(world.engine.reads) == reads


async def test_a_closed_watch_keeps_no_timer() -> None:
    world = World()
    world.member("ann", serves=True)
    await idle()
    world.watch.ring()
    world.watch.close()
    assert all(timer.cancelled for timer in world.clock.timers)
