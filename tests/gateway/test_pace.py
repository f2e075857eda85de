"""How often a queue's status and positions are told, on a clock that the test moves."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from dispatcher.errors import Code, DispatcherError
from dispatcher.events.cadence import Budget, Cadence
from dispatcher.events.member import Member
from dispatcher.events.watch import READS_PER_S, Watch, position_pace_s
from dispatcher.model import Actor, Positions, QueueStatus, UserStatus

QUEUED_AT = 1_763_824_800_000


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
        self.texts: list[str] = []

    def send(self, text: str) -> None:
        self.texts.append(text)
        for event in json.loads(text)["events"]:
            self.frames.append((self.clock.now, event["event"], event["data"]))

    def replaced(self) -> None: ...

    def disowned(self) -> None: ...

    def times(self, event: str) -> list[float]:
        return [time for time, name, _ in self.frames if name == event]


class Engine:
    """A queue whose count and positions the test sets."""

    def __init__(self, clock: Clock) -> None:
        self.waiting = 0
        self.positions: dict[str, int] = {}
        self.reads: list[str] = []
        self.read_at: list[tuple[float, int]] = []
        self.counted = 0
        self.fail = False
        self.clock = clock

    async def watch_users(self, actor: Actor, user_ids: Sequence[str]) -> list[UserStatus]:
        raise AssertionError("nobody watches users here")

    async def get_queue_status(self, actor: Actor, queue_id: str) -> QueueStatus:
        self.counted += 1
        if self.fail:
            raise DispatcherError(Code.UNAVAILABLE)
        return QueueStatus(
            queue_id=queue_id, agent_num=0, wait_num=self.waiting, prepare_num=0, srv_num=0, longest_wait_s=0
        )

    async def get_positions(self, tenant: str, queue_id: str, contact_ids: Sequence[str]) -> Positions:
        if self.fail:
            raise DispatcherError(Code.UNAVAILABLE)
        users = [contact_id[-4:] for contact_id in contact_ids]
        self.reads += users
        self.read_at.append((self.clock.now, len(users)))
        return Positions(at=QUEUED_AT + 2500, positions=tuple(self.positions.get(user) for user in users))

    async def open_session(self, *args: Any, **more: Any) -> Any: ...

    async def get_snapshot(self, actor: Actor) -> Any: ...


class World:
    """One watch with a clock."""

    def __init__(self, reads_per_s: float = READS_PER_S) -> None:
        self.clock = Clock()
        self.engine = Engine(self.clock)
        self.tasks: list[asyncio.Task[None]] = []
        self.budget = Budget(reads_per_s)
        self.watches = {queue: self.new_watch(queue) for queue in ("1", "2")}
        self.watch = self.watches["1"]

    def new_watch(self, queue: str) -> Watch:
        watch = Watch("t", queue, self.engine, self.clock, self.spawn, self.budget)
        watch.live = True
        return watch

    def spawn(self, job: Any, name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(job, name=name))
        return self.tasks[-1]

    def member(self, user_id: str, *, serves: bool = False, position: int | None = None, queue: str = "1") -> Sink:
        """Let somebody serve, or wait; a customer's id has four characters."""
        sink = Sink(self.clock)
        watch = self.watches[queue]
        member = Member(Actor(tenant="t", user_id=user_id), user_id, sink)
        member.joined = True
        if serves:
            member.serves = frozenset({queue})
        else:
            data = {"contact_id": f"{QUEUED_AT}-{user_id}", "queue_id": queue, "position": position}
            member.learn([{"event": "contact.entered", "data": data}])
            self.engine.positions[user_id] = position or 1
        watch.place(member)
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
    agent, customer = world.member("ann", serves=True), world.member("bob_", position=1)
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


async def test_a_status_is_counted_and_encoded_once_for_all() -> None:
    world = World()
    sinks = [world.member(f"ann{n}", serves=True) for n in range(5)]
    sinks += [world.member(f"bob{n}", position=1) for n in range(5)]
    await world.clock.advance(10.0)
    before = world.engine.counted
    for sink in sinks:
        sink.texts.clear()
    world.watch.ring()
    await idle()
    assert world.engine.counted == before + 1
    assert [len(sink.texts) for sink in sinks] == [1] * 10
    assert len({id(sink.texts[0]) for sink in sinks}) == 1


async def test_the_first_to_wait_where_nobody_did_is_told_at_once() -> None:
    world = World()
    world.member("ann", serves=True)
    await world.clock.advance(10.0)
    world.watch.ring()
    await world.clock.advance(0.5)
    customer = world.member("bob_", position=1)
    begun = world.clock.now
    await idle()
    assert customer.times("queue.status") == [begun]


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
    near, far = world.member("near", position=5), world.member("far_", position=5000)
    await world.ring(60.0, 0.5)
    assert near.times("queuing.info") == far.times("queuing.info") == []
    assert 55 <= world.engine.reads.count("near") <= 61
    assert 2 <= world.engine.reads.count("far_") <= 3
    world.engine.positions = {"near": 4, "far_": 4999}
    world.watch.ring()
    await world.clock.advance(31.0)
    assert len(near.times("queuing.info")) == len(far.times("queuing.info")) == 1
    assert far.frames[-1][2] == {"queue_id": "1", "position": 4999, "queuing_time_s": 2}


async def test_without_a_bell_nothing_is_read() -> None:
    world = World()
    world.member("bob_", position=1)
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


async def test_a_node_with_more_customers_than_it_may_read_stretches_the_intervals() -> None:
    """5,000 reads a second and 20,000 customers at the heads of a queue: each is read every 4 s, not every second."""
    world = World(reads_per_s=5000)
    many = [f"{n:04x}" for n in range(20_000)]
    for user_id in many:
        world.member(user_id, position=1)
    small = [world.member(f"z{n:03}", position=1, queue="2") for n in range(50)]
    for _ in range(24):
        world.watch.ring()
        world.watches["2"].ring()
        await world.clock.advance(0.5)
    begun = world.engine.read_at[0][0]
    for second in range(12):
        read = sum(count for at, count in world.engine.read_at if begun + second <= at < begun + second + 1)
        assert read <= 5000 + 100
    counts = Counter(world.engine.reads)
    assert {counts[user_id] for user_id in many} <= {2, 3}
    # A short line is not held up by a long one.
    assert min(counts[f"z{n:03}"] for n in range(len(small))) >= 11
    await world.clock.advance(10.0)
    assert all(task.done() for task in world.tasks)


async def test_positions_that_cannot_be_read_are_read_a_second_later() -> None:
    world = World()
    customer = world.member("bob_", position=3)
    await world.clock.advance(5.0)
    world.engine.positions["bob_"] = 2
    world.engine.fail = True
    world.watch.ring()
    await world.clock.advance(2.5)
    assert customer.times("queuing.info") == []
    world.engine.fail = False
    await world.clock.advance(1.0)
    assert [data["position"] for _, name, data in customer.frames if name == "queuing.info"] == [2]


async def test_whoever_left_the_line_meanwhile_is_told_no_position() -> None:
    world = World()
    customer = world.member("bob_", position=3)
    await world.clock.advance(5.0)
    del world.engine.positions["bob_"]
    world.watch.ring()
    await world.clock.advance(5.0)
    assert customer.times("queuing.info") == []
    assert world.engine.reads.count("bob_") >= 2
