"""What a node delivers, and how it notices what it did not: offsets, snapshots, sessions on two nodes."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import pytest
from redis.exceptions import RedisClusterException

from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.events.pace import Pace
from dispatcher.model import Actor, Contact, Presence, QueueStatus, Role, Service, Snapshot
from dispatcher.store.connect import Store
from dispatcher.store.keys import key
from tests.gateway.conftest import NodeMaker, Wrapped
from tests.gateway.node import QUICK, Claims, Node, Socket, node, until


async def publish(one: Node, store: Store, tenant: str, user: str, offset: int, *events: Any) -> None:
    told = [{"event": name, "data": data, "to": [user]} for name, data in events]
    entry = {"at": 1, "events": told, "offsets": {user: offset}, "queues": {}}
    channel = key(tenant, "to", user)
    await store.shard_of(channel).client.spublish(channel, json.dumps(entry))


async def offset_of(socket: Socket) -> int:
    return int((await socket.ok("me"))["offset"])


async def test_frames_count_on_from_the_snapshot_with_its_epoch(one: Node, tenant: str, queue: str) -> None:
    async with one.user(tenant, "bob", Role.CUSTOMER) as bob:
        snapshot = await bob.ok("me")
        for _ in range(3):
            await bob.ok("start_queuing", queue_id=queue)
            await bob.ok("stop_queuing")
        while len([frame for frame in bob.frames if "offset" in frame]) < 6:
            bob.frames.append(await bob.recv())
        frames = [frame for frame in bob.frames if "offset" in frame]
        assert [frame["offset"] for frame in frames] == [snapshot["offset"] + n for n in range(1, 7)]
        assert {frame["epoch"] for frame in frames} == {snapshot["epoch"]}


async def test_a_gap_is_repaired_by_a_snapshot(one: Node, store: Store, tenant: str) -> None:
    async with one.user(tenant, "ann") as ann:
        offset = await offset_of(ann)
        # Two frames, of which the first is lost.
        await store.client.hset(key(tenant, "user", "ann"), "offset", offset + 2)
        await publish(one, store, tenant, "ann", offset + 2, ("agent.changed", {"n": 2}))
        frame = await ann.frame("snapshot", "agent.changed")
        assert frame["events"][0]["event"] == "snapshot"
        assert frame["events"][0]["data"]["offset"] == frame["offset"] == offset + 2
        assert frame["epoch"] == frame["events"][0]["data"]["epoch"]
        await publish(one, store, tenant, "ann", offset + 3, ("agent.changed", {"n": 3}))
        assert (await ann.frame())["offset"] == offset + 3


async def test_a_repair_that_fails_for_an_unknown_reason_goes_on(
    store: Store, dispatcher: Dispatcher, tenant: str
) -> None:
    tries = []

    async def get_snapshot(actor: Actor) -> Snapshot:
        tries.append(actor)
        if len(tries) == 1:
            raise ValueError("does not fit")
        return await dispatcher.get_snapshot(actor)

    wrapped = cast(Dispatcher, Wrapped(dispatcher, get_snapshot=get_snapshot))
    async with node(store, wrapped) as one, one.user(tenant, "ann") as ann:
        await store.client.hset(key(tenant, "user", "ann"), "offset", 50)
        await publish(one, store, tenant, "ann", 50, ("agent.changed", {}))
        assert (await ann.event("snapshot"))["offset"] == 50
    assert len(tries) == 2


async def test_a_frame_that_came_before_is_dropped(one: Node, store: Store, tenant: str) -> None:
    async with one.user(tenant, "ann") as ann:
        offset = await offset_of(ann)
        for n in (offset, offset + 1, offset + 1, offset + 2):
            await publish(one, store, tenant, "ann", n, ("agent.changed", {}))
        assert [(await ann.frame())["offset"] for _ in range(2)] == [offset + 1, offset + 2]


async def test_a_lost_last_frame_is_found_by_comparing(one: Node, store: Store, tenant: str) -> None:
    async with one.user(tenant, "ann") as ann, one.user(tenant, "bob") as bob:
        offset = await offset_of(ann)
        await store.client.hset(key(tenant, "user", "ann"), "offset", offset + 1)
        await one.hub.compare()
        assert (await ann.frame())["events"][0]["event"] == "snapshot"
        await bob.settle()
        assert bob.frames == []


async def test_the_node_compares_by_itself(make_node: NodeMaker, store: Store, tenant: str) -> None:
    async with make_node(pace=Pace(compare_s=0.05, settle_s=0.05)) as one, one.user(tenant, "ann") as ann:
        lost = await offset_of(ann) + 1
        await store.client.hset(key(tenant, "user", "ann"), "offset", lost)
        assert (await ann.event("snapshot"))["offset"] == lost


async def test_a_frame_under_way_is_no_difference(one: Node, store: Store, tenant: str) -> None:
    async with one.user(tenant, "ann") as ann:
        offset = await offset_of(ann)
        await store.client.hset(key(tenant, "user", "ann"), "offset", offset + 1)
        comparing = asyncio.create_task(one.hub.compare(), name="comparing")
        await publish(one, store, tenant, "ann", offset + 1, ("agent.changed", {}))
        await comparing
        await ann.settle()
        assert ann.names() == ["agent.changed"]


async def test_another_epoch_or_a_smaller_offset_is_repaired(one: Node, store: Store, tenant: str) -> None:
    async with one.user(tenant, "ann") as ann:
        await store.client.hset(key(tenant, "user", "ann"), "epoch", "another")
        await one.hub.compare()
        assert (await ann.frame())["epoch"] == "another"
        await publish(one, store, tenant, "ann", 1000, ("agent.changed", {}))
        await ann.frame("snapshot")
        await store.client.hset(key(tenant, "user", "ann"), "offset", 7)
        await one.hub.compare()
        assert (await ann.frame("snapshot"))["offset"] == 7


async def test_comparing_goes_on_after_whatever_failure(store: Store, dispatcher: Dispatcher, tenant: str) -> None:
    """A cluster's client fails in ways of its own while some slots have no server, and others do."""
    failures: list[Exception] = [RedisClusterException("not all slots are covered"), ValueError("no number")]

    class Failing:
        def pipeline(self, **options: Any) -> Any:
            if failures:
                raise failures.pop()
            return store.client.pipeline(**options)

    async with node(store, dispatcher, pace=Pace(compare_s=0.01, settle_s=0.0)) as one, one.user(tenant, "ann") as ann:
        vars(one.hub._marks)["_client"] = Failing()
        await until(lambda: not failures)
        await store.client.hset(key(tenant, "user", "ann"), "epoch", "another")
        assert (await ann.frame("snapshot"))["epoch"] == "another"


async def test_what_is_published_while_a_session_joins_is_delivered_once(
    store: Store, dispatcher: Dispatcher, tenant: str
) -> None:
    async def open_session(actor: Actor, session_id: str, node_id: str, *, watch: bool) -> Snapshot:
        for n in range(1, 4):
            await publish(one, store, tenant, "ann", n, ("agent.changed", {"n": n}))
        await dispatcher.open_session(actor, session_id, node_id)
        await store.client.hset(key(tenant, "user", "ann"), "offset", 2)
        return await dispatcher.get_snapshot(actor)

    wrapped = cast(Dispatcher, Wrapped(dispatcher, open_session=open_session))
    async with node(store, wrapped) as one, one.socket() as ann:
        answer = await ann.ask("hello", token=one.tokens.issue(Claims(tenant, "ann")))
        assert ann.frames == []
        assert answer["result"]["offset"] == 2
        assert (await ann.frame())["offset"] == 3


async def test_a_newer_session_replaces_the_older_and_loses_nothing(
    one: Node, other: Node, tenant: str, queue: str
) -> None:
    async with one.user(tenant, "bob", Role.CUSTOMER) as old:
        contact = await old.ok("start_queuing", queue_id=queue)
        async with other.user(tenant, "bob", Role.CUSTOMER) as new:
            assert (await old.event("session.replaced"))["session_id"]
            assert await old.closed() == 4410
            await asyncio.gather(*one.gateway._reports)
            # The late report of the old one changed nothing.
            me = await new.ok("me")
            assert me["contact"]["contact_id"] == contact["contact_id"]
            assert me["contact"]["state"] == "waiting"
            assert "session.replaced" not in new.names()


async def test_on_one_node_too(one: Node, tenant: str) -> None:
    async with one.user(tenant, "ann") as old, one.user(tenant, "ann") as new:
        assert await old.closed() == 4410
        await new.ok("ping")


async def test_a_lost_replacement_is_found_by_comparing(one: Node, store: Store, tenant: str) -> None:
    async with one.user(tenant, "ann") as ann:
        await store.client.hset(key(tenant, "user", "ann"), "session", "newer")
        await one.hub.compare()
        await ann.event("session.replaced")
        assert await ann.closed() == 4410


async def test_a_session_that_redis_forgot_is_sent_away(one: Node, store: Store, tenant: str) -> None:
    async with one.user(tenant, "ann") as ann:
        await store.client.delete(key(tenant, "user", "ann"))
        await one.hub.compare()
        assert await ann.closed() == 4412


async def test_a_closed_socket_makes_its_customer_held_and_hello_resumes(
    one: Node, other: Node, dispatcher: Dispatcher, admin: Actor, tenant: str, queue: str
) -> None:
    async with one.user(tenant, "bob", Role.CUSTOMER) as bob:
        contact = await bob.ok("start_queuing", queue_id=queue)
    await reached(dispatcher, admin, contact["contact_id"], "held")
    async with other.user(tenant, "bob", Role.CUSTOMER) as bob:
        me = await bob.ok("me")
        assert (me["contact"]["contact_id"], me["contact"]["state"]) == (contact["contact_id"], "waiting")
        bob.connection.transport.abort()
    await reached(dispatcher, admin, contact["contact_id"], "held")


async def reached(dispatcher: Dispatcher, admin: Actor, contact_id: str, state: str) -> Contact:
    async with asyncio.timeout(5):
        contact = await dispatcher.get_contact(admin, contact_id)
        while contact.state != state:
            await asyncio.sleep(0.01)
            contact = await dispatcher.get_contact(admin, contact_id)
    return contact


async def test_a_disconnect_is_reported_until_it_is_answered(store: Store, dispatcher: Dispatcher, tenant: str) -> None:
    tries: list[str] = []
    answered = asyncio.Event()

    async def close_session(tenant: str, user_id: str, session_id: str) -> None:
        tries.append(session_id)
        if len(tries) < 3:
            raise DispatcherError(Code.UNAVAILABLE if len(tries) == 1 else Code.OUTCOME_UNKNOWN)
        await dispatcher.close_session(tenant, user_id, session_id)
        answered.set()

    wrapped = cast(Dispatcher, Wrapped(dispatcher, close_session=close_session))
    async with node(store, wrapped) as one:
        async with one.user(tenant, "ann"):
            pass
        async with asyncio.timeout(5):
            await answered.wait()
    assert len(tries) == 3
    assert len(set(tries)) == 1


async def test_what_another_program_did_arrives_all_the_same(
    one: Node, other: Node, dispatcher: Dispatcher, admin: Actor, tenant: str, queue: str
) -> None:
    """No command came over these sockets: interest is learnt from events."""
    agent = Actor(tenant=tenant, user_id="ann", roles=frozenset({Role.AGENT}))
    async with one.user(tenant, "ann") as ann, other.user(tenant, "bob", Role.CUSTOMER) as bob:
        await dispatcher.set_dnd(agent, "ann", 1)
        await dispatcher.start_service(agent, "ann", [Service(queue_id=queue)])
        await ann.event("agent.service")
        await ann.event("queue.resync")
        contact = await dispatcher.start_queuing(admin, queue, customer_id="bob", presence=Presence.SESSION)
        entered = await ann.frame("contact.entered")
        assert entered["events"][0]["data"]["contact_id"] == contact.contact_id
        assert entered["queue_seq"]
        assert "offset" not in entered
        await bob.event("contact.entered")
        assert (await bob.event("queue.status"))["wait_num"] == 1
        await dispatcher.stop_queuing(admin, contact.contact_id)
        assert (await ann.event("contact.left"))["reason"] == "removed"
        await dispatcher.stop_service(agent, "ann", queue)
        assert (await ann.event("agent.service"))["serving"] is False
        ann.frames.clear()
        await dispatcher.start_queuing(admin, queue, customer_id="bob")
        await bob.event("contact.entered")
        await ann.settle()
        assert "contact.entered" not in ann.names()


async def test_an_agent_hears_that_a_supervisor_began_to_serve_for_him(
    one: Node, other: Node, dispatcher: Dispatcher, admin: Actor, tenant: str, queue: str
) -> None:
    """Also with a capacity at which he is busy before and after: no change of his state tells him."""
    async with one.user(tenant, "ann") as ann, other.user(tenant, "bob", Role.CUSTOMER) as bob:
        await dispatcher.set_capacity(admin, "ann", 2)
        await ann.ok("start_service", queue_id=queue)

        async def serve(customer: str, presence: Presence) -> str:
            contact = await dispatcher.start_queuing(admin, queue, customer_id=customer, presence=presence)
            await ann.event("assignment.offered")
            await dispatcher.start(admin, contact.contact_id)
            serving = await ann.event("contact.serving")
            assert (serving["contact_id"], serving["state"]) == (contact.contact_id, "serving")
            return contact.contact_id

        await serve("phoned", Presence.NONE)
        contact_id = await serve("bob", Presence.SESSION)
        assert (await bob.event("contact.serving"))["contact_id"] == contact_id


async def test_a_customer_hears_his_position_when_it_changes(one: Node, other: Node, tenant: str, queue: str) -> None:
    async with (
        one.user(tenant, "c1", Role.CUSTOMER) as first,
        one.user(tenant, "c2", Role.CUSTOMER) as second,
        other.user(tenant, "c3", Role.CUSTOMER) as third,
    ):
        for socket in (first, second, third):
            await socket.ok("start_queuing", queue_id=queue)
        await first.ok("stop_queuing")
        for socket, position in ((second, 1), (third, 2)):
            while (info := await socket.event("queuing.info"))["position"] != position:
                pass
            assert info["queue_id"] == queue
            assert info["queuing_time_s"] >= 0


async def test_a_burst_is_told_in_a_few_statuses_and_the_last_is_true(
    one: Node, dispatcher: Dispatcher, admin: Actor, tenant: str, queue: str
) -> None:
    async with one.user(tenant, "ann") as ann:
        await ann.ok("watch_queues", queue_ids=[queue])
        for n in range(40):
            await dispatcher.start_queuing(admin, queue, customer_id=f"c{n}", presence=Presence.NONE)
        told = 0
        while (await ann.event("queue.status"))["wait_num"] != 40:
            told += 1
        assert told <= 10


async def test_a_status_that_cannot_be_read_is_read_again(
    store: Store, dispatcher: Dispatcher, tenant: str, queue: str
) -> None:
    tries = 0

    async def get_queue_status(actor: Actor, queue_id: str) -> QueueStatus:
        nonlocal tries
        tries += 1
        if tries == 2:
            raise DispatcherError(Code.UNAVAILABLE)
        return await dispatcher.get_queue_status(actor, queue_id)

    wrapped = cast(Dispatcher, Wrapped(dispatcher, get_queue_status=get_queue_status))
    async with node(store, wrapped, pace=QUICK) as one, one.user(tenant, "ann") as ann:
        await ann.ok("watch_queues", queue_ids=[queue])
        await ann.event("queue.status")
        await one.dispatcher.start_queuing(_root(tenant), queue, customer_id="c", presence=Presence.NONE)
        assert (await ann.event("queue.status"))["wait_num"] == 1
        assert tries >= 3


def _root(tenant: str) -> Actor:
    return Actor(tenant=tenant, user_id="root", roles=frozenset({Role.ADMIN}))


async def test_a_repair_goes_on_until_the_snapshot_comes(store: Store, dispatcher: Dispatcher, tenant: str) -> None:
    tries = 0

    async def get_snapshot(actor: Actor) -> Snapshot:
        nonlocal tries
        tries += 1
        if tries <= 2:
            raise DispatcherError(Code.UNAVAILABLE)
        return await dispatcher.get_snapshot(actor)

    wrapped = cast(Dispatcher, Wrapped(dispatcher, get_snapshot=get_snapshot))
    async with node(store, wrapped) as one, one.user(tenant, "ann") as ann:
        await publish(one, store, tenant, "ann", 100, ("agent.changed", {}))
        await ann.event("snapshot")
        assert tries == 3


async def test_a_snapshot_that_fails_for_a_client_costs_no_frame(
    store: Store, dispatcher: Dispatcher, tenant: str
) -> None:
    async def get_snapshot(actor: Actor) -> Snapshot:
        await publish(one, store, tenant, "ann", 1, ("agent.changed", {}))
        await asyncio.sleep(0.05)
        raise DispatcherError(Code.UNAVAILABLE)

    wrapped = cast(Dispatcher, Wrapped(dispatcher, get_snapshot=get_snapshot))
    async with node(store, wrapped) as one, one.user(tenant, "ann") as ann:
        assert (await ann.error("me"))["code"] == "UNAVAILABLE"
        assert (await ann.frame())["offset"] == 1


@pytest.mark.parametrize("count", [50])
async def test_many_sessions_join_and_leave_at_once(one: Node, tenant: str, queue: str, count: int) -> None:
    async def visit(n: int) -> None:
        async with one.user(tenant, f"c{n}", Role.CUSTOMER) as socket:
            await socket.ok("start_queuing", queue_id=queue)
            await socket.ok("stop_queuing")

    await asyncio.gather(*(visit(n) for n in range(count)))
    await until(lambda: not one.hub._members and not one.hub._watches)
