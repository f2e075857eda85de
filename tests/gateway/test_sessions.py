"""Sessions of one user: replaced, watching, drained; and clients that hold their socket although they are gone."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, cast

import pytest

from api.gateway import Limits
from dispatcher import serving
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.events.pace import Pace
from dispatcher.model import Actor, Role
from dispatcher.store.connect import Store
from tests.gateway.conftest import NodeMaker, Wrapped
from tests.gateway.node import Claims, Node, node, until


async def session_of(dispatcher: Dispatcher, tenant: str, user_id: str) -> str:
    session: Any = await dispatcher.runner.store.client.hget(f"acd:{{{tenant}}}:user:{user_id}", "session")
    return str(session or "")


# Two tabs


async def test_of_two_tabs_the_newer_one_stays(one: Node, other: Node, tenant: str) -> None:
    async with one.user(tenant, "ann") as older:
        before = await session_of(one.dispatcher, tenant, "ann")
        async with other.user(tenant, "ann") as newer:
            assert await older.event("session.replaced") == {"session_id": before}
            assert await older.closed() == 4410
            await newer.ok("ping")
            await newer.settle()
            # The older one's end was reported meanwhile, or is: it changes nothing.
            await one.gateway.stop(timeout_s=5)
            assert await session_of(one.dispatcher, tenant, "ann") not in ("", before)
            await newer.ok("set_dnd", dnd=1)


# Watching


async def test_a_watching_session_is_beside_the_own_one(
    one: Node, other: Node, dispatcher: Dispatcher, tenant: str, queue: str
) -> None:
    boss = Claims(tenant, "boss", roles=frozenset({Role.SUPERVISOR}))
    async with one.user(tenant, "boss", Role.SUPERVISOR) as own, other.socket() as board, one.socket() as second:
        for socket in (board, second):
            await socket.ok("hello", token=one.tokens.issue(boss), client=f"board-{id(socket)}", watch=True)
        assert (await own.ok("start_service", queue_id=queue))["state"] == "idle"
        for socket in (board, second):
            assert (await socket.event("agent.service"))["queue_id"] == queue, "what is addressed to him comes to all"
        await own.connection.close()
        assert (await board.event("agent.changed"))["state"] == "offline", "watching is not being there"
        await other.hub.compare()
        await one.hub.compare()
        for socket in (board, second):
            await socket.ok("ping")


async def test_what_watches_is_closed_when_redis_does_not_know_it(
    one: Node, dispatcher: Dispatcher, tenant: str
) -> None:
    boss = Claims(tenant, "boss", roles=frozenset({Role.SUPERVISOR}))
    async with one.socket() as board:
        await board.ok("hello", token=one.tokens.issue(boss), client="board", watch=True)
        session = next(iter(one.hub._members[f"acd:{{{tenant}}}:to:boss"])).session_id
        await dispatcher.close_session(tenant, "boss", session)
        await one.hub.compare()
        assert await board.closed() == 4412


async def test_only_a_supervisor_watches(one: Node, tenant: str) -> None:
    async with one.socket() as socket:
        error = await socket.error("hello", token=one.tokens.issue(Claims(tenant, "ann")), client="c", watch=True)
        assert error["code"] == "API_NO_PERMISSION"
        assert await socket.closed() == 4403


async def test_more_than_eight_that_watch_are_too_many(one: Node, dispatcher: Dispatcher, tenant: str) -> None:
    actor = Actor(tenant=tenant, user_id="boss", roles=frozenset({Role.SUPERVISOR}))
    for n in range(8):
        await dispatcher.open_session(
            actor.model_copy(update={"client": f"c{n}"}), f"s{n}", one.hub.node_id, watch=True
        )
    boss = Claims(tenant, "boss", roles=frozenset({Role.SUPERVISOR}))
    async with one.socket() as socket:
        error = await socket.error("hello", token=one.tokens.issue(boss), client="c8", watch=True)
        assert error["code"] == "RATE_LIMITED"
        assert await socket.closed() == 1013


# Draining


async def test_a_drain_closes_everybody_and_reports_nobody(make_node: NodeMaker, tenant: str) -> None:
    async with make_node() as one, one.user(tenant, "ann") as ann, one.user(tenant, "bob") as bob, one.socket() as new:
        before = await session_of(one.dispatcher, tenant, "ann")
        await one.gateway.drain(0.1)
        assert (await ann.closed(), await bob.closed(), await new.closed()) == (4412, 4412, 4412)
        assert one.gateway.open == 0
        async with one.socket() as late:
            assert await late.closed() == 4412
        await one.gateway.stop()
        assert await session_of(one.dispatcher, tenant, "ann") == before


async def test_a_drain_does_not_wait_for_who_takes_nothing(make_node: NodeMaker, tenant: str) -> None:
    async with make_node(limits=Limits(close_s=0.2)) as one, one.user(tenant, "slow", max_queue=1) as slow:
        slow.connection.transport.pause_reading()
        await fill(one, tenant, "slow", until_closed=False)
        begun = time.monotonic()
        async with asyncio.timeout(5):
            await one.gateway.drain(0.1)
        assert time.monotonic() - begun < 3
        slow.connection.transport.abort()


# Who takes nothing


async def fill(one: Node, tenant: str, user_id: str, *, until_closed: bool) -> None:
    """Send to a user who does not read: his transport's buffers fill, then his outbox."""
    (member,) = one.hub._members[f"acd:{{{tenant}}}:to:{user_id}"]
    sink = cast(Any, member.sink)
    text = json.dumps({"events": [{"event": "message", "data": {"data": "x" * 60_000}}]})
    for _ in range(2000):
        if sink._outbox.close is not None or (not until_closed and len(sink._outbox._frames) > 10):
            return
        member.sink.send(text)
        await asyncio.sleep(0)
    pytest.fail("it took everything")


async def test_a_connection_that_takes_nothing_is_dropped(
    make_node: NodeMaker, tenant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "DROP_S", 0.2)
    limits = Limits(outbox_frames=50, close_s=0.2)
    async with make_node(limits=limits) as one, one.user(tenant, "quick") as quick:
        async with one.user(tenant, "slow", max_queue=1) as slow:
            slow.connection.transport.pause_reading()
            assert len(one.connections) == 2
            await fill(one, tenant, "slow", until_closed=True)
            await until(lambda: len(one.connections) == 1)
            assert f"acd:{{{tenant}}}:to:slow" not in one.hub._members
            slow.connection.transport.abort()
        await quick.ok("ping")


# A store that is away


async def test_a_hello_is_answered_although_its_channel_is_not_confirmed(
    store: Store, dispatcher: Dispatcher, tenant: str
) -> None:
    never = asyncio.Event()

    async def open_session(*args: Any, **more: Any) -> None:
        await never.wait()

    wrapped = cast(Dispatcher, Wrapped(dispatcher, open_session=open_session))
    async with node(store, wrapped, pace=Pace(join_s=0.3)) as one, one.socket() as socket:
        begun = time.monotonic()
        error = await socket.error("hello", token=one.tokens.issue(Claims(tenant, "ann")), client="c")
        assert error["code"] == Code.OUTCOME_UNKNOWN.name
        assert time.monotonic() - begun < 2
        assert await socket.closed() == 1013


async def test_a_session_that_is_opened_after_it_was_given_up_is_closed_all_the_same(
    store: Store, dispatcher: Dispatcher, tenant: str, admin: Actor
) -> None:
    """What was under way on a lost connection may arrive behind the report that came by the next one."""
    under_way: list[tuple[Actor, str, str]] = []
    came_through = asyncio.Event()

    async def open_session(actor: Actor, session_id: str, node_id: str, *, watch: bool) -> None:
        under_way.append((actor, session_id, node_id))
        raise DispatcherError(Code.OUTCOME_UNKNOWN)

    async def close_session(*args: str) -> None:
        await dispatcher.close_session(*args)
        if under_way:
            await dispatcher.open_session(*under_way.pop())
            came_through.set()

    wrapped = cast(Dispatcher, Wrapped(dispatcher, open_session=open_session, close_session=close_session))
    async with node(store, wrapped, limits=Limits(late_s=(0.01, 0.01))) as one, one.socket() as socket:
        error = await socket.error("hello", token=one.tokens.issue(Claims(tenant, "ann")), client="c")
        assert error["code"] == "OUTCOME_UNKNOWN"
        assert await socket.closed() == 1013
        async with asyncio.timeout(10):
            await came_through.wait()
            while (await dispatcher.get_user_status(admin, "ann")).status != "offline":
                pass


async def test_a_paused_tenant_is_unavailable_at_the_door(one: Node, dispatcher: Dispatcher, tenant: str) -> None:
    async with one.user(tenant, "ann") as ann:
        await dispatcher.pause_tenant(tenant)
        assert (await ann.error("set_dnd", dnd=1))["code"] == "UNAVAILABLE"
        async with one.socket() as socket:
            error = await socket.error("hello", token=one.tokens.issue(Claims(tenant, "bob")), client="c")
            assert error["code"] == "UNAVAILABLE"
            assert await socket.closed() == 1013
        assert await dispatcher.renew_lease(tenant, one.hub.node_id) == 1
        await dispatcher.resume_tenant(tenant)
        assert (await ann.ok("set_dnd", dnd=1))["dnd"] == 1
    with pytest.raises(DispatcherError, match="TOKEN_APPIDNOTEXIST"):
        await dispatcher.pause_tenant("t-not-there")
