from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from dispatcher import ticker
from dispatcher.errors import Code, DispatcherError
from dispatcher.ticker import Ticker, owner
from tests.ticker.fakes import Node, World

LATE_MS = 250


@asynccontextmanager
async def running(node: Node, name: str = "n1") -> AsyncIterator[Ticker]:
    one = Ticker(node, node, name, node.trim)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


async def until(world: World, one: Ticker, nodes: list[str]) -> None:
    await world.until(lambda: one.nodes == nodes)


def test_tenants_are_spread_and_a_death_moves_only_the_dead_ones() -> None:
    names = [f"tenant{n}" for n in range(3000)]
    before = {name: owner(name, ["a", "b", "c"]) for name in names}
    after = {name: owner(name, ["c", "a"]) for name in names}
    assert all(700 < count < 1300 for count in Counter(before.values()).values())
    assert all(after[name] == before[name] for name in names if before[name] != "b")
    assert owner("t", []) is None


async def test_a_timer_that_a_command_armed_is_carried_out_in_time() -> None:
    world = World(names={"t"})
    async with asyncio.timeout(5), running(Node(world)) as one:
        await until(world, one, ["n1"])
        one.due("t", world.arm("t", 300))
        await world.until_fired(1)
    (_, due_at, at) = world.fired[0]
    assert 0 <= at - due_at <= LATE_MS


@pytest.mark.parametrize("ahead_ms", [-3_600_000, 3_600_000])
async def test_the_server_s_clock_counts(ahead_ms: int) -> None:
    world = World(names={"t"}, ahead_ms=ahead_ms)
    async with asyncio.timeout(5), running(Node(world)) as one:
        await until(world, one, ["n1"])
        one.due("t", world.arm("t", 300))
        ticks = world.ticks["t"]
        await world.until_fired(1)
    (_, due_at, at) = world.fired[0]
    assert 0 <= at - due_at <= LATE_MS
    assert world.ticks["t"] - ticks < 20


async def test_what_was_armed_before_the_start_is_found() -> None:
    world = World(names={"t", "u"})
    world.arm("t", -1000)
    world.arm("u", 200)
    async with asyncio.timeout(5), running(Node(world)):
        await world.until_fired(2)


async def test_more_than_one_tick_carries_out_is_carried_out_at_once() -> None:
    world = World(names={"t"}, batch=2)
    async with asyncio.timeout(5), running(Node(world)) as one:
        await until(world, one, ["n1"])
        one.due("t", min([world.arm("t", 100) for _ in range(9)]))
        await world.until_fired(9)
    assert all(at - due_at <= LATE_MS for _, due_at, at in world.fired)


async def test_an_earlier_timer_wakes_a_node_that_sleeps_to_a_later_one() -> None:
    world = World(names={"t"})
    async with asyncio.timeout(5), running(Node(world)) as one:
        await until(world, one, ["n1"])
        one.due("t", world.arm("t", 60_000))
        await asyncio.sleep(0)
        one.due("t", world.arm("t", 50))
        await world.until_fired(1)
    assert world.fired[0][2] - world.fired[0][1] <= LATE_MS


@pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.OUTCOME_UNKNOWN])
async def test_a_store_that_fails_for_a_while_loses_nothing(code: Code) -> None:
    world = World(names={"t"})
    node = Node(world)
    async with asyncio.timeout(10), running(node) as one:
        await until(world, one, ["n1"])
        one.due("t", world.arm("t", 50))
        node.failure = DispatcherError(code)
        await world.until(lambda: node.failures >= 4)
        assert world.fired == []
        node.failure = None
        await world.until_fired(1)


async def test_a_store_that_is_down_at_the_start() -> None:
    world = World(names={"t"})
    node = Node(world)
    node.failure = DispatcherError(Code.UNAVAILABLE)
    async with asyncio.timeout(10), running(node) as one:
        one.due("t", world.arm("t", 0))
        await world.until(lambda: node.failures >= 3)
        node.failure = None
        await world.until_fired(1)


async def test_a_broken_tenant_does_not_silence_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(names={"bad", "good"})
    node = Node(world)
    tick = node.tick

    async def broken(tenant: str) -> int | None:
        if tenant == "bad":
            raise ValueError("no such kind of timer")
        return await tick(tenant)

    monkeypatch.setattr(node, "tick", broken)
    async with asyncio.timeout(5), running(node) as one:
        await until(world, one, ["n1"])
        one.due("bad", world.arm("bad", 0))
        one.due("good", world.arm("good", 50))
        await world.until_fired(1)
    assert [name for name, *_ in world.fired] == ["good"]


async def test_a_tenant_that_is_gone_is_let_go() -> None:
    world = World(names={"t"})
    async with asyncio.timeout(5), running(Node(world)) as one:
        await until(world, one, ["n1"])
        one.due("gone", world.arm("gone", 0))
        one.due("t", world.arm("t", 100))
        await world.until_fired(1)
        assert "gone" not in one._running
        assert "gone" not in one._due


async def test_two_nodes_know_each_other_and_one_that_ends_leaves_the_list() -> None:
    world = World(names={"t"})
    async with asyncio.timeout(10), AsyncExitStack() as stack:
        first = await stack.enter_async_context(running(Node(world), "a"))
        async with running(Node(world), "b") as second:
            await until(world, first, ["a", "b"])
            await until(world, second, ["a", "b"])
        await until(world, first, ["a"])


async def test_the_timers_of_a_dead_node_are_carried_out_within_5_s() -> None:
    """The dead one alone knew of them, and owned the tenants; the other one had looked before they were armed."""
    mine = [name for name in map(str, range(100)) if owner(name, ["a", "b"]) == "a"][:20]
    world = World(names=set(mine))
    victim = Node(world)
    async with asyncio.timeout(20), running(Node(world), "b") as survivor, AsyncExitStack() as stack:
        dead = await stack.enter_async_context(running(victim, "a"))
        await until(world, survivor, ["a", "b"])
        await until(world, dead, ["a", "b"])
        for name in mine:
            dead.due(name, world.arm(name, 500))
        # As good as a kill: from here on it neither beats nor ticks, nor takes itself off the list.
        victim.failure = DispatcherError(Code.UNAVAILABLE)
        await world.until_fired(len(mine))
    assert all(at - due_at <= 5000 for _, due_at, at in world.fired)


async def test_an_idle_tenant_is_looked_at_seldom_and_an_active_one_each_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ticker, "BEAT_S", 0.05)
    monkeypatch.setattr(ticker, "ACTIVE_S", 1.0)
    world = World(names={"idle", "active"})
    async with asyncio.timeout(10), running(Node(world)) as one:
        await until(world, one, ["n1"])
        one.due("active", world.now() + 3_600_000)
        await world.until_ticked("active", 10)
        assert world.ticks["idle"] <= 3
        one._active_until_s.clear()
        active = world.ticks["active"]
        await world.until_ticked("idle", world.ticks["idle"] + 2)
        assert world.ticks["active"] - active <= 4


async def test_the_owner_trims_the_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticker, "BEAT_S", 0.05)
    world = World(names={"t", "u", "v"})
    world.arm("t", 30_000)
    async with asyncio.timeout(10), running(Node(world), "a"), running(Node(world), "b"):
        await world.until(lambda: set(world.trimmed) == world.names)
        await world.until_ticked("t", world.ticks["t"] + 3)
    # At most once by each: the first moments belong to a list of one.
    assert len(world.trimmed) <= 6


async def test_a_log_that_cannot_be_trimmed_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticker, "BEAT_S", 0.05)
    world = World(names={"broken", "whole"})
    world.arm("whole", 30_000)
    node = Node(world)
    trim = node.trim

    async def failing(tenant: str, now_ms: int) -> None:
        await trim(tenant, now_ms)
        if tenant == "broken":
            raise DispatcherError(Code.SERVER_EXCEPTION)

    monkeypatch.setattr(node, "trim", failing)
    async with asyncio.timeout(10), running(node):
        await world.until(lambda: "whole" in world.trimmed)
        await world.until_ticked("whole", world.ticks["whole"] + 3)
    assert world.trimmed == ["broken", "whole"], "it has its next turn in a minute"


async def test_a_log_whose_server_is_silent_holds_up_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticker, "BEAT_S", 0.05)
    world = World(names={"silent"})
    world.arm("silent", 30_000)
    node = Node(world)
    asked = asyncio.Event()

    async def silent(tenant: str, now_ms: int) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(node, "trim", silent)
    async with asyncio.timeout(10), running(node):
        await asked.wait()
        # Armed by a node that died: whoever looks finds it.
        world.arm("silent", 0)
        await world.until_fired(1)


async def test_tasks_have_names_and_end() -> None:
    world = World(names={"t"})
    node = Node(world)
    before = asyncio.all_tasks()
    async with running(node) as one:
        names = {task.get_name() for task in asyncio.all_tasks() - before}
        assert {"ticker.timers", "ticker.beat", "ticker.look", "ticker.trim"} <= names
        await until(world, one, ["n1"])
        node.failure = DispatcherError(Code.UNAVAILABLE)
        one.due("t", 0)
        await world.until(lambda: node.failures > 0)
        assert "ticker.tick:t" in {task.get_name() for task in asyncio.all_tasks()}
    assert asyncio.all_tasks() <= before
