"""Events: none missed, each waited for once, and the state live from them."""

from __future__ import annotations

import asyncio

import pytest

from dispatcher.client.inbox import Inbox
from dispatcher.client.state import State, difference
from dispatcher.client.wire import read, socket_address
from dispatcher.model import Agent, Assignment, Call, Contact, Event, Snapshot
from tests.client.node import Node, agent, assignment, call, contact, snapshot

CONTACT = "1763824800123-0007"
MINE = {"caller_id": "ann", "callee_id": "bob"}


def stands(**members: object) -> Snapshot:
    return read(Snapshot, snapshot(**members))  # type: ignore[arg-type]


def names(events: list[Event]) -> list[str]:
    return [event.event for event in events]


async def test_an_event_before_the_wait_is_not_missed_and_returned_once(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        await peer.events(("contact.entered", contact()), offset=1)
        await peer.events(("message", {"n": 1}), ("message", {"n": 2}))
        assert (await client.wait_for("message", lambda event: event.data["n"] == 2)).data["n"] == 2
        assert (await client.wait_for("contact.entered")).data["position"] == 1
        assert (await client.wait_for("message")).data["n"] == 1
        with pytest.raises(TimeoutError, match="no message"):
            await client.wait_for("message", timeout=0.01)


async def test_two_who_wait_get_one_each(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        waits = [asyncio.create_task(client.wait_for("message"), name=f"wait {n}") for n in range(2)]
        await peer.events(("message", {"n": 1}), ("message", {"n": 2}))
        assert {event.data["n"] for event in await asyncio.gather(*waits)} == {1, 2}


async def test_following_begins_at_the_connection_and_ends_with_it(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    await peer.events(("message", {"n": 1}))
    await client.wait_for("message")
    seen = []
    async for event in client.events():
        seen.append(event.event)
        if event.event == "message":
            await client.close()
    assert seen == ["snapshot", "message"]
    with pytest.raises(ConnectionError):
        await client.wait_for("message")


async def test_who_falls_behind_gets_a_snapshot() -> None:
    inbox = Inbox(2, lambda: Event(event="snapshot", data={}))
    inbox.put(Event(event="a", data={}))
    following = inbox.follow()
    assert (await anext(following)).event == "a"
    for name in "bcd":
        inbox.put(Event(event=name, data={}))
    inbox.close(None)
    assert [event.event async for event in following] == ["snapshot"]


async def test_a_frame_that_the_snapshot_covers_is_dropped(node: Node) -> None:
    client, peer = await node.meet(snapshot(offset=5))
    async with client:
        await peer.events(("contact.entered", contact()), offset=5, epoch="e1")
        await peer.events(("contact.held", contact("held")), offset=6, epoch="e1")
        await client.wait_for("contact.held")
        assert client.state.contact is not None
        assert client.state.contact.state == "held"
        assert client.state.offset == 6
        with pytest.raises(TimeoutError):
            await client.wait_for("contact.entered", timeout=0.01)


async def test_what_was_missed_is_raised_after_the_snapshot(node: Node) -> None:
    client, peer = await node.meet(snapshot(assignments=[assignment()], agent=agent("offered")))
    async with client:
        await peer.events(("snapshot", snapshot(offset=9, agent=agent("idle", since_at=7))), offset=9)
        cancelled = await client.wait_for("assignment.cancelled")
        assert cancelled.data["assignment_id"] == "1763824800123-0007-1"
        assert (await client.wait_for("agent.changed")).data["old_state"] == "offered"
        assert client.state.assignments == ()
        assert client.state.offset == 9


@pytest.mark.parametrize(("cmd", "frame"), [("me", "me"), ("renew", "hello")])
async def test_what_an_asked_for_snapshot_covers_is_known_and_told(node: Node, cmd: str, frame: str) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        asking = asyncio.create_task(client.me() if cmd == "me" else client.renew("a newer one"), name="asking")
        # The node sends no frame any more that the snapshot covers.
        await peer.answer(await peer.frame(frame), snapshot(offset=3, assignments=[assignment()]))
        await peer.events(("assignment.cancelled", assignment("cancelled")), offset=4, epoch="e1")
        assert len((await asking).assignments) == 1
        await client.wait_for("assignment.cancelled")
        assert (client.state.offset, client.state.assignments) == (4, ())
        await client.wait_for("assignment.offered")
        await client.wait_for("snapshot", lambda event: event.data["offset"] == 3)


def test_a_call_that_rings_stops_the_clock_of_the_offer() -> None:
    state = State(stands(agent=agent("offered"), assignments=[assignment()]))
    state.learn(read(Call, call(contact_id=CONTACT, **MINE)), state.told)
    (held,) = state.snapshot.assignments
    assert (held.state, held.deadline_at, held.contact.state) == ("accepted", None, "preparing")


def test_the_state_follows_an_agents_day() -> None:
    state = State(stands(agent=agent()))
    state.apply(Event(event="assignment.offered", data=assignment()))
    change = {"agent_id": "ann", "name": "Ann", "old_state": "idle", "state": "offered", "cause": "match"}
    state.apply(Event(event="agent.changed", data=change | {"since_at": 5, "dnd": 0, "load": 1, "capacity": 1}))
    assert state.snapshot.agent is not None
    assert state.snapshot.agent.state == "offered"
    assert state.snapshot.agent.contacts == ("1763824800123-0007",)
    state.learn(read(Assignment, assignment("accepted")), state.told)
    state.learn(read(Contact, contact("serving", customer_id="bob", agent_id="ann")), state.told)
    assert [held.state for held in state.snapshot.assignments] == ["serving"]
    state.apply(Event(event="assignment.completed", data=assignment("completed")))
    assert state.snapshot.assignments == ()
    state.apply(Event(event="agent.service", data={"agent_id": "ann", "queue_id": "2", "serving": True, "priority": 3}))
    served = [(queue.queue_id, queue.priority) for queue in state.snapshot.agent.queues]
    assert served == [("1", 0), ("2", 3)]


def test_an_answer_does_not_bring_back_what_an_event_ended() -> None:
    state = State(stands(agent=agent(since_at=1)))
    state.apply(Event(event="assignment.cancelled", data=assignment("cancelled", reason="customer_left")))
    state.learn(read(Assignment, assignment("accepted")), state.told)
    assert state.snapshot.assignments == ()
    state.apply(Event(event="contact.ended", data=contact("ended", reason="lost")))
    state.learn(read(Contact, contact()), state.told)
    assert state.snapshot.contact is None
    state.learn(read(Agent, agent("busy", since_at=0)), state.told)
    assert state.snapshot.agent is not None
    assert state.snapshot.agent.state == "idle"


async def test_an_answer_older_than_what_was_told_of_the_agent_takes_nothing_back(node: Node) -> None:
    # A supervisor is quick, or a queue is deleted: the answer was made before what its agent hears first.
    busy = agent("busy", capacity=2)
    client, peer = await node.meet(snapshot(agent=busy))
    async with client:
        starting = asyncio.create_task(client.start_service("2"), name="starting")
        frame = await peer.frame("start_service")
        service = {"agent_id": "ann", "queue_id": "2", "priority": 0}
        await peer.events(
            ("agent.service", service | {"serving": True}),
            ("agent.service", service | {"serving": False}),
            ("agent.service", service | {"queue_id": "3", "serving": True}),
        )
        await peer.answer(frame, busy | {"queues": [{"queue_id": id, "priority": 0} for id in "12"]})
        await starting
        assert [queue.queue_id for queue in client.state.agent.queues] == ["1", "3"]

        setting = asyncio.create_task(client.set_dnd(0), name="setting")
        frame = await peer.frame("set_dnd")
        forced = {"old_state": "busy", "cause": "set_dnd", "dnd": 1, "dnd_reason": "forced"}
        told = {name: member for name, member in busy.items() if name not in {"queues", "contacts"}}
        await peer.events(("agent.changed", told | forced))
        await peer.answer(frame, busy)
        await setting
        assert (client.state.agent.dnd, client.state.agent.dnd_reason) == (1, "forced")

        stopping = asyncio.create_task(client.stop_service("3"), name="stopping")
        await peer.answer(await peer.frame("stop_service"), busy)
        await stopping
        assert [queue.queue_id for queue in client.state.agent.queues] == ["1"]


def test_an_event_does_not_bring_back_what_an_answer_ended() -> None:
    state = State(stands(agent=agent(), assignments=[assignment()]))
    state.learn(read(Assignment, assignment("rejected")), state.told)
    state.apply(Event(event="assignment.accepted", data=assignment("accepted")))
    assert state.snapshot.assignments == ()
    state = State(stands(contact=contact()))
    state.learn(read(Contact, contact("ended", reason="abandoned")), state.told)
    assert state.snapshot.contact is None
    state.apply(Event(event="contact.returned", data=contact(reason="rejected")))
    assert state.snapshot.contact is None


def test_completing_takes_the_assignment_away() -> None:
    state = State(stands(agent=agent("busy"), assignments=[assignment("serving")]))
    state.learn(read(Contact, contact("ended", customer_id="bob", reason="completed")), state.told)
    assert state.snapshot.assignments == ()


def test_the_state_follows_a_customer() -> None:
    state = State(stands())
    state.learn(read(Contact, contact(position=3)), state.told)
    state.apply(Event(event="queuing.info", data={"queue_id": "1", "position": 2, "queuing_time_s": 8}))
    assert state.snapshot.contact is not None
    assert (state.snapshot.contact.position, state.snapshot.contact.queuing_time_s) == (2, 8)
    state.apply(Event(event="contact.entered", data=contact(customer_id="bob", contact_id="1763824800123-0009")))
    assert state.snapshot.contact.customer_id == "ann"
    state.apply(Event(event="contact.ended", data=contact("ended", reason="completed")))
    assert state.snapshot.contact is None


def test_the_state_follows_a_call_that_comes_in() -> None:
    state = State(stands(contact=contact("preparing")))
    state.apply(Event(event="call.incoming", data=call(ext="hello", contact_id=CONTACT)))
    assert state.snapshot.call is not None
    state.learn(read(Call, call("answered", ext="hi", meeting=1, contact_id=CONTACT)), state.told)
    known = state.snapshot.call
    assert (known.state, known.ext, known.meeting) == ("answered", "hello", 1), "the caller's ext stays"
    state.apply(Event(event="call.incoming", data=call(ext="hello", contact_id=CONTACT)))
    assert state.snapshot.call.state == "answered", "an event that was late brings nothing back"
    state.apply(Event(event="call.ended", data=call("ended", reason="hangup")))
    assert state.snapshot.call is None
    state.learn(read(Call, call("answered")), state.told)
    assert state.snapshot.call is None


def test_a_call_in_the_place_of_another_one_has_its_own_words() -> None:
    state = State(stands(call=call(ext="the first")))
    state.apply(Event(event="call.incoming", data=call(call_id="1763824809000-0000", ext="the second")))
    assert state.snapshot.call is not None
    assert state.snapshot.call.ext == "the second"


def test_the_answer_to_an_agents_call_begins_his_service() -> None:
    state = State(stands(agent=agent("busy"), assignments=[assignment("accepted")]))
    state.learn(read(Call, call(contact_id=CONTACT, **MINE)), state.told)
    assert [held.state for held in state.snapshot.assignments] == ["accepted"]
    state.apply(Event(event="call.accepted", data=call("answered", contact_id=CONTACT, **MINE)))
    (held,) = state.snapshot.assignments
    assert (held.state, held.contact.state, held.deadline_at) == ("serving", "serving", None)
    state.learn(read(Call, call(contact_id=CONTACT, **MINE)), state.told)
    assert state.snapshot.call is not None
    assert state.snapshot.call.state == "answered", "the answer to the own command may come after the event"
    state.apply(Event(event="call.ended", data=call("ended", call_id="1763824809000-0000")))
    assert state.snapshot.call is not None, "another one's end"


@pytest.mark.parametrize(
    ("old", "new", "events"),
    [
        ({}, {"contact": contact()}, ["contact.entered"]),
        ({"contact": contact()}, {"contact": contact("preparing")}, ["contact.matched"]),
        ({"contact": contact("preparing")}, {"contact": contact()}, ["contact.returned"]),
        ({"contact": contact()}, {"contact": contact("held")}, ["contact.held"]),
        ({"contact": contact("held")}, {"contact": contact()}, ["contact.resumed"]),
        ({"contact": contact("preparing")}, {"contact": contact("serving")}, ["contact.serving"]),
        ({"contact": contact("serving")}, {}, ["contact.ended"]),
        ({}, {"assignments": [assignment()]}, ["assignment.offered"]),
        ({"assignments": [assignment()]}, {"assignments": [assignment("serving")]}, ["assignment.accepted"]),
        ({"assignments": [assignment("serving")]}, {}, ["assignment.completed"]),
        ({"assignments": [assignment()]}, {}, ["assignment.cancelled"]),
        ({"contact": contact()}, {"contact": contact()}, []),
        ({}, {"call": call()}, ["call.incoming"]),
        ({"call": call()}, {"call": call("answered")}, []),
        ({"call": call()}, {}, ["call.ended"]),
        ({}, {"call": call(**MINE)}, []),
        ({"call": call(**MINE)}, {"call": call("answered", **MINE)}, ["call.accepted"]),
        ({"call": call("answered", **MINE)}, {"call": call("answered", **MINE)}, []),
        ({"call": call()}, {"call": call(call_id="1763824802000-0000")}, ["call.ended", "call.incoming"]),
        (
            {"call": call("answered"), "contact": contact("serving")},
            {},
            ["call.ended", "contact.ended"],
        ),
    ],
)
def test_the_difference_of_two_snapshots(old: dict[str, object], new: dict[str, object], events: list[str]) -> None:
    assert names(difference(stands(**old), stands(**new))) == events


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://host:8000", "ws://host:8000/v1/ws"),
        ("https://host/base/", "wss://host/base/v1/ws"),
        ("ws://host", "ws://host/v1/ws"),
    ],
)
def test_the_address_of_the_socket(url: str, address: str) -> None:
    assert socket_address(url, "/v1/ws") == address


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="not an http"):
        socket_address("host:8000", "/v1/ws")


def test_a_supervisor_begins_to_serve_for_him() -> None:
    state = State(stands(agent=agent("offered"), assignments=[assignment()]))
    state.apply(Event(event="contact.serving", data=contact("serving", customer_id="bob", agent_id="ann")))
    (held,) = state.snapshot.assignments
    assert (held.state, held.contact.state, held.deadline_at) == ("serving", "serving", None)
    assert state.snapshot.contact is None, "it is another's contact"
