"""Corners that the state machine reaches seldom or never: each played on both sides, on every kind of store."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dispatcher.model import Actor, Presence, QueueCreate, Role, Service
from dispatcher.store.connect import connect
from dispatcher.store.keys import key
from tests.model.sides import Sides


class Play(Sides):
    """Both sides, with short hands."""

    @property
    def boss(self) -> Actor:
        return Actor(tenant=self.tenant, user_id="boss", roles=frozenset({Role.ADMIN}))

    def actor(self, user_id: str) -> Actor:
        return Actor(tenant=self.tenant, user_id=user_id, name="A name", roles=frozenset({Role.AGENT, Role.CUSTOMER}))

    async def queue(self, queue_id: str = "1", **policy: Any) -> None:
        await self.both("create_queue", self.boss, QueueCreate(queue_id=queue_id, **policy))

    async def agent(self, user_id: str, *queue_ids: str, capacity: int = 1) -> None:
        await self.both("open_session", self.actor(user_id), f"session of {user_id}", "node")
        if queue_ids:
            services = [Service(queue_id=queue_id) for queue_id in queue_ids]
            await self.both("start_service", self.actor(user_id), user_id, services)
        await self.both("set_capacity", self.boss, user_id, capacity)

    async def phone(self, customer_id: str, queue_id: str = "1", **more: Any) -> str:
        """A contact whose customer needs no connection; answer its id."""
        more |= {"customer_id": customer_id, "presence": Presence.NONE}
        contact = await self.both("start_queuing", self.boss, queue_id, **more)
        return str(contact["contact_id"])

    async def served(self, agent_id: str, customer_id: str, queue_id: str = "1") -> str:
        """A contact in service; answer its id."""
        contact_id = await self.phone(customer_id, queue_id)
        await self.both("start", self.actor(agent_id), contact_id)
        return contact_id

    def prepared(self, queue_id: str) -> tuple[str, str, str]:
        """One that is offered: contact, agent, assignment."""
        contact = self.model.contacts_in(queue_id, "preparing")[0]
        assert contact.assignment is not None
        return contact.contact_id, contact.agent_id, contact.assignment.assignment_id

    async def tick(self) -> None:
        await self.both("tick", self.tenant)


@pytest.fixture
async def play(url: str) -> AsyncIterator[Play]:
    play = Play(await connect(url), f"t-{secrets.token_hex(6)}")
    await play.begin()
    yield play
    await play.end()


async def test_a_transfer_does_not_find_the_agent_who_now_wraps_up(play: Play) -> None:
    await play.queue(wrap_up=5)
    await play.agent("ann", "1", capacity=2)
    contact = await play.served("ann", "k1")
    await play.both("transfer", play.actor("ann"), contact, queue_id="1")
    assert play.model.contacts[contact].state == "waiting"


async def test_nobody_transfers_to_himself_into_his_wrap_up(play: Play) -> None:
    await play.queue(wrap_up=5)
    await play.agent("ann", "1", capacity=2)
    contact = await play.served("ann", "k1")
    assert await play.both("transfer", play.actor("ann"), contact, agent_id="ann") == "AGENT_BUSY"


async def test_a_customer_comes_back_to_a_queue_that_is_being_deleted(play: Play) -> None:
    await play.queue("1")
    await play.queue("2")
    await play.agent("ann", "2", "1")
    for n in range(60):
        await play.both("start_queuing", play.actor(f"k{n:02d}"), "1")
    await play.both("delete_queue", play.boss, "1", force=True)
    await play.both("open_session", play.actor("k59"), "session", "node")
    for wanted in ({}, {"queue_id": "1"}, {"queue_id": "1", "customer_id": "k59"}):
        assert await play.both("request_assignment", play.actor("ann"), "ann", **wanted) == "QUE_NOUSER"
    await play.both("close_session", play.tenant, "k59", "session")
    contact = play.model.open_contact("k58")
    assert contact is not None
    await play.both("transfer", play.boss, contact.contact_id, queue_id="2")
    while "1" in play.model.queues:
        await play.tick()


async def test_offers_of_a_queue_that_is_being_deleted_are_answered(play: Play) -> None:
    await play.queue("1")
    await play.queue("2")
    for n in range(56):
        await play.agent(f"a{n:02d}", "1", "2")
    for n in range(60):
        await play.phone(f"k{n:02d}")
    await play.phone("elsewhere", "2")
    await play.both("delete_queue", play.boss, "1", force=True)
    _, agent, given = play.prepared("1")
    await play.both("reject", play.actor(agent), given)
    served, agent, _ = play.prepared("1")
    await play.both("start", play.actor(agent), served)
    _, agent, _ = play.prepared("1")
    await play.both("stop_service", play.actor(agent), agent, "1")
    await play.tick()
    await play.tick()
    assert await play.both("transfer", play.boss, served, agent_id="a40") == "QUEUE_CLOSED"
    assert await play.both("delete_queue", play.boss, "1") == "QUEUE_NOT_EMPTY"
    await play.both("complete", play.boss, served)
    await play.tick()
    assert "1" not in play.model.queues


async def test_several_queues_are_deleted_at_the_same_time(play: Play) -> None:
    served = {}
    for queue_id in "abc":
        await play.queue(queue_id)
        await play.agent(f"agent of {queue_id}", queue_id)
        served[queue_id] = await play.served(f"agent of {queue_id}", f"customer of {queue_id}", queue_id)
    for queue_id in "ab":
        await play.both("delete_queue", play.boss, queue_id, force=True)
    await play.both("complete", play.boss, served["a"])
    await play.tick()
    await play.both("delete_queue", play.boss, "c", force=True)
    for queue_id in "bc":
        assert await play.both("start_queuing", play.boss, queue_id, customer_id="late") == "QUEUE_CLOSED"
        await play.both("complete", play.boss, served[queue_id])
    assert await play.both("delete_queue", play.boss, "b") is True
    await play.tick()
    assert not play.model.queues
    await play.queue("b")


async def test_a_wrap_up_that_begins_anew_within_the_tick_of_its_end(play: Play) -> None:
    await play.queue(wrap_up=60)
    await play.agent("ann", "1", capacity=2)
    first = await play.served("ann", "k1")
    await play.both("open_session", play.actor("k2"), "session", "node")
    await play.both("start_queuing", play.actor("k2"), "1")
    await play.both("start", play.actor("ann"), play.prepared("1")[0])
    await play.both("close_session", play.tenant, "k2", "session")
    await play.both("complete", play.actor("ann"), first)
    await play.set_clock(play.model.now + 60_000)
    await play.tick()
    assert play.model.users["ann"].wrap_until == play.model.now + 60_000


async def test_one_tick_takes_sixteen_timers(play: Play) -> None:
    await play.queue(max_wait=1)
    for n in range(20):
        await play.phone(f"k{n}")
    await play.set_clock(play.model.now + 1_000)
    await play.tick()
    assert len(play.model.contacts_in("1", "waiting")) == 4
    await play.tick()


async def test_what_falls_due_together_shares_what_one_tick_does(play: Play) -> None:
    """Two nodes die, agents are lost who serve many, and a queue is emptied: each tick does a part of it."""
    for queue_id in ("1", "2"):
        await play.queue(queue_id)
    for name in ("ann", "Bob"):
        await play.agent(name, "1", capacity=40)
        for number in range(30):
            await play.served(name, f"{name}-{number}")
        await play.both("set_dnd", play.boss, name, 1)
        await play.both("close_session", play.tenant, name, f"session of {name}")
    for number in range(60):
        await play.phone(f"k{number}", "2")
    # Their leases end in the same moment as the graces.
    await play.set_clock(play.model.now + 20_000)
    for number in range(24):
        user_id = f"u{number:02}"
        await play.both("open_session", play.actor(user_id), f"session of {user_id}", f"n{number % 2}")
    await play.set_clock(play.model.now + 10_000)
    await play.both("delete_queue", play.boss, "2", True)
    ticks = 0
    while any(at <= play.model.now for at in play.model.timers.values()):
        await play.tick()
        ticks += 1
    assert ticks > 2
    assert [user.user_id for user in play.model.users.values() if user.session or user.serves] == []
    assert [contact for contact in play.model.contacts.values() if contact.state != "ended"] == []


async def test_settings_made_before_he_serves(play: Play) -> None:
    await play.queue()
    await play.agent("ann", capacity=3)
    await play.both("set_dnd", play.actor("ann"), "ann", 1, "lunch")
    await play.set_clock(play.model.now + 5)
    await play.both("start_service", play.actor("ann"), "ann", [Service(queue_id="1")])
    await play.set_clock(play.model.now + 5)
    await play.both("set_capacity", play.boss, "ann", 2)


async def test_texts_come_back_as_they_were(play: Play) -> None:
    await play.queue(name='"1"\\', description="é\u2028%s")
    await play.agent('ann "\\ é', "1", capacity=9)
    for n, text in enumerate(('"', "\\", "\t\x01\x7f é 😀", "</script>\u2028", "{}", "%s %d %%", "[]")):
        contact = await play.phone(f"k{n}' \"", ext=text, name=text.strip())
        await play.both("start", play.actor('ann "\\ é'), contact)


async def test_a_millisecond_has_ten_thousand_ids_and_then_time_goes_on(play: Play) -> None:
    await play.queue()
    play.model.last_id = (play.model.now, 9_998)
    await play.store.client.hset(key(play.tenant, "meta"), mapping={"now": play.model.now, "seq": 9_998})
    ids = [await play.phone(f"k{n}") for n in range(3)]
    assert [id[-6:] for id in ids] == ["0-9999", "1-0000", "1-0001"]


async def test_time_does_not_run_backwards(play: Play) -> None:
    await play.queue()
    await play.phone("k1")
    await play.store.client.set(key(play.tenant, "clock"), play.model.now - 5_000)
    await play.phone("k2")
    await play.agent("ann", "1")


@pytest.mark.parametrize("id", ["12", "1.5", "inf", "nan", "-3", "007", "99999999999999", "1e3", "0x10", ".5"])
async def test_the_next_free_integer_after_a_chosen_id(play: Play, id: str) -> None:
    await play.queue(id)
    first = await play.both("create_queue", play.boss, QueueCreate())
    assert first["queue_id"] == ("13" if id == "12" else "1")
