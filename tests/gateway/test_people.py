"""Watching users: each change to whom it concerns, once a second at most, for as long as somebody watches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest

from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.events.member import Member
from dispatcher.events.people import RENEW_S, People
from dispatcher.model import Actor, Role, Snapshot, UserStatus, UserStatusName
from dispatcher.store.connect import Store
from tests.gateway.conftest import Wrapped
from tests.gateway.node import Claims, Node, node
from tests.gateway.test_board import Source
from tests.gateway.test_pace import Clock, Sink, idle

ANN = Actor(tenant="t", user_id="ann", roles=frozenset({Role.AGENT}))


class Engine:
    """A tenant that notes who asked it to tell."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.asked: list[tuple[float, str, list[str]]] = []
        self.fail = False

    async def watch_users(self, actor: Actor, user_ids: Sequence[str]) -> list[UserStatus]:
        if self.fail:
            raise DispatcherError(Code.UNAVAILABLE)
        self.asked.append((self.clock.now, actor.user_id, list(user_ids)))
        return [UserStatus(user_id=user_id, status=UserStatusName.IDLE, dnd=0) for user_id in user_ids]


class World:
    """Those who watch one tenant's users, on a clock that the test moves."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.source = Source()
        self.engine = Engine(self.clock)
        self.tasks: list[asyncio.Task[None]] = []
        self.people = People(self.engine, self.source, self.spawn)

    def spawn(self, job: Any, name: str) -> asyncio.Task[None]:
        self.tasks.append(asyncio.create_task(job, name=name))
        return self.tasks[-1]

    async def watcher(self, *user_ids: str) -> tuple[Member, Sink]:
        """Let somebody watch these users, or everybody."""
        sink = Sink(self.clock)
        member = Member(ANN, "s", sink)
        await self.people.watch(member, user_ids or None, self.clock)
        await idle()
        return member, sink

    def told(self, user_id: str, status: str) -> None:
        self.source.add(("user.status", {"user_id": user_id, "status": status, "dnd": 0}))


@asynccontextmanager
async def the_world() -> AsyncIterator[World]:
    world = World()
    yield world
    for task in world.tasks:
        task.cancel()
    await asyncio.gather(*world.tasks, return_exceptions=True)


def heard(sink: Sink) -> list[tuple[str, str]]:
    return [(data["user_id"], data["status"]) for _, _, data in sink.frames]


async def test_each_hears_of_those_he_watches_and_of_nobody_else() -> None:
    async with the_world() as world:
        _, few = await world.watcher("bob", "cat")
        _, everybody = await world.watcher()
        world.told("bob", "busy")
        world.told("dan", "offline")
        world.source.add(("agent.changed", {"agent_id": "bob"}))
        await idle()
        assert heard(few) == [("bob", "busy")]
        assert heard(everybody) == [("bob", "busy"), ("dan", "offline")]


async def test_what_happens_within_a_second_comes_down_to_its_end() -> None:
    async with the_world() as world:
        _, sink = await world.watcher("bob")
        begun = world.clock.now
        for status in ("busy", "in_call", "busy", "idle"):
            world.told("bob", status)
            await idle()
        await world.clock.advance(1.0)
        assert [(at, data["status"]) for at, _, data in sink.frames] == [(begun, "busy"), (begun + 1.0, "idle")]


async def test_the_last_call_counts_and_who_stops_watching_hears_nothing() -> None:
    async with the_world() as world:
        member, sink = await world.watcher("bob")
        await world.people.watch(member, ["cat"], world.clock)
        world.told("bob", "busy")
        world.told("cat", "busy")
        await world.clock.advance(1.0)
        assert heard(sink) == [("cat", "busy")]
        world.people.leave(member)
        world.told("cat", "idle")
        await world.clock.advance(5.0)
        assert len(sink.frames) == 1
        asked = len(world.engine.asked)
        await world.clock.advance(10 * RENEW_S)
        assert len(world.engine.asked) == asked, "nobody asks any more"


async def test_the_tenant_is_asked_again_for_as_long_as_somebody_watches() -> None:
    async with the_world() as world:
        await world.watcher("bob")
        assert [(who, ids) for _, who, ids in world.engine.asked] == [("ann", []), ("ann", ["bob"])]
        begun = world.clock.now
        await world.clock.advance(3 * RENEW_S)
        assert [at - begun for at, who, _ in world.engine.asked if not who] == [RENEW_S, 2 * RENEW_S, 3 * RENEW_S]


async def test_an_outage_is_waited_out() -> None:
    async with the_world() as world:
        await world.watcher("bob")
        world.engine.fail = True
        await world.clock.advance(RENEW_S + 2.5)
        world.engine.fail = False
        await world.clock.advance(1.0)
        assert len([who for _, who, _ in world.engine.asked if not who]) == 1


async def test_who_may_not_watch_does_not_begin_to() -> None:
    async with the_world() as world:
        world.engine.fail = True
        with pytest.raises(DispatcherError):
            await world.watcher("bob")
        assert world.tasks == []


async def test_changes_of_one_node_are_seen_on_the_other(
    one: Node, other: Node, dispatcher: Dispatcher, tenant: str
) -> None:
    async with one.user(tenant, "wanda") as wanda:
        answer = await wanda.ok("watch_users", user_ids=["bob", "bob", "cat"])
        assert [(user["user_id"], user["status"]) for user in answer["users"]] == [
            ("bob", "offline"),
            ("bob", "offline"),
            ("cat", "offline"),
        ]
        async with other.user(tenant, "bob"):
            assert await wanda.event("user.status") == {"user_id": "bob", "status": "idle", "dnd": 0}
        assert (await wanda.event("user.status"))["status"] == "offline"
        assert await wanda.ok("unwatch_users") == {}
        assert (await wanda.error("watch_users", user_ids=["me"]))["code"] == "PARAM_ERR"
        assert (await wanda.error("watch_users", user_ids=[f"u{n}" for n in range(1001)]))["code"] == "PARAM_ERR"


async def test_who_becomes_a_customer_watches_nobody_any_more(one: Node, other: Node, tenant: str) -> None:
    async with one.user(tenant, "wanda") as wanda, one.user(tenant, "carl") as carl:
        for watcher in (wanda, carl):
            await watcher.ok("watch_users")
        customer = one.tokens.issue(Claims(tenant, "wanda", roles=frozenset({Role.CUSTOMER})))
        await wanda.ok("hello", token=customer, client="c")
        async with other.user(tenant, "bob"):
            assert (await carl.event("user.status"))["user_id"] == "bob"
            # All on one node are told at once, so hers would have come before this.
            await wanda.settle()
            assert "user.status" not in wanda.names()


async def test_a_thousand_users_are_watched(one: Node, tenant: str) -> None:
    async with one.user(tenant, "wanda") as wanda:
        answer = await wanda.ok("watch_users", user_ids=[f"u{n}" for n in range(1000)])
        assert [user["user_id"] for user in answer["users"]] == [f"u{n}" for n in range(1000)]


async def test_a_message_that_comes_before_its_addressee_is_told_to_be_there_is_kept(
    store: Store, dispatcher: Dispatcher, tenant: str
) -> None:
    heard = asyncio.Event()

    async def open_session(*args: Any, **more: Any) -> Snapshot:
        snapshot = await dispatcher.open_session(*args, **more)
        one.hub.on_frame = lambda _: heard.set()
        await dispatcher.send_cmd(ANN.model_copy(update={"tenant": tenant}), "bob", "early")
        await asyncio.wait_for(heard.wait(), 5)
        return snapshot

    wrapped = cast(Dispatcher, Wrapped(dispatcher, open_session=open_session))
    async with node(store, wrapped) as one, one.user(tenant, "bob") as bob:
        assert await bob.event("message") == {"from": "ann", "data": "early"}


async def test_a_message_comes_once_and_counts_for_nothing(one: Node, other: Node, tenant: str) -> None:
    async with one.user(tenant, "ann") as ann, other.user(tenant, "bob") as bob:
        for text in ("first", "second"):
            assert await ann.ok("send_cmd", to="bob", data=text) == {}
        frames = [await bob.frame("message") for _ in range(2)]
        assert [frame["events"][0]["data"] for frame in frames] == [
            {"from": "ann", "data": "first"},
            {"from": "ann", "data": "second"},
        ]
        assert all("offset" not in frame for frame in frames)
        # The same request again is not sent again: the next one in is another.
        repeated = ann.id
        await ann.connection.send(f'{{"id": {repeated}, "cmd": "send_cmd", "args": {{"to": "bob", "data": "second"}}}}')
        await ann.ok("send_cmd", to="bob", data="third")
        assert (await bob.event("message"))["data"] == "third"
        assert (await ann.error("send_cmd", to="bob", data="é" * 32_769))["code"] == "PARAM_ERR"
    async with one.user(tenant, "ann") as ann:
        await ann.ok("watch_users", user_ids=["bob"])
        while (await ann.ok("get_user_status", user_id="bob"))["status"] != "offline":
            await ann.event("user.status")
        assert (await ann.error("send_cmd", to="bob", data="x"))["code"] == "OFFLINE"
