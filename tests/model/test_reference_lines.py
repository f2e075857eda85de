"""The reference model itself against the rules it stands for, one rule a test: connections, lines, queues, requests."""

from __future__ import annotations

import pytest

from dispatcher.errors import Repeated
from dispatcher.model import Presence, QueuePatch, Service
from tests.model.scene import BOSS, Scene, me

# Connections


def test_a_dropped_customer_keeps_his_place_until_the_grace_ends(scene: Scene) -> None:
    scene.queue()
    contact, other = scene.customer("k1"), scene.customer("k2")
    scene.drop("k1")
    scene.agent("ann")
    assert (scene.offer_of("ann"), scene.position(scene.contacts[contact])) == ("k2", 1)
    scene.agent("Bob")
    scene.log_in("k1")
    assert scene.offer_of("Bob") == "k1"
    scene.drop("k1")
    assert scene.names()[:3] == ["assignment.cancelled", "contact.held", "contact.entered"]
    scene.go(59.999)
    assert scene.state(contact) == "held"
    scene.go(0.001)
    assert (scene.state(contact), scene.state(other)) == ("ended lost", "preparing")


def test_joining_without_a_session_starts_held_and_asking_again_does_not_renew_the_grace(scene: Scene) -> None:
    scene.queue()
    contact = str(scene.start_queuing(me("k1"), "1")["contact_id"])
    scene.now += 30_000
    assert scene.start_queuing(me("k1"), "1")["contact_id"] == contact
    assert scene.events == []
    scene.go(30)
    assert scene.state(contact) == "ended lost"


def test_contacts_of_a_backend_are_never_held(scene: Scene) -> None:
    scene.queue()
    scene.start_queuing(BOSS, "1", customer_id="phone", presence=Presence.NONE)
    assert not scene.timers
    scene.agent("ann")
    assert scene.offer_of("ann") == "phone"


def test_a_late_report_of_another_session_changes_nothing(scene: Scene) -> None:
    scene.queue()
    contact = scene.customer("k1")
    scene.open_session(me("k1"), "the new one", "node")
    assert scene.events == [("session.replaced", "session of k1")]
    scene.drop("k1")
    assert scene.state(contact) == "waiting"


def test_an_agent_without_connection_gets_nothing_new(scene: Scene) -> None:
    scene.queue(offer_timeout=1)
    scene.agent("ann")
    contact = scene.customer("k1")
    scene.drop("ann")
    assert scene.state(contact) == "preparing"
    scene.go(1)
    assert scene.state(contact) == "waiting"
    scene.go(5)
    assert scene.state(contact) == "waiting"
    scene.log_in("ann")
    assert scene.state(contact) == "preparing"


# The line


def test_max_wait_runs_while_waiting_and_held_and_stops_at_the_match(scene: Scene) -> None:
    scene.queue(max_wait=10, offer_timeout=20)
    held, waiting = scene.customer("k1"), scene.customer("k2")
    scene.drop("k1")
    scene.now += 9_999
    scene.agent("ann")
    scene.go(0.001)
    assert (scene.state(held), scene.state(waiting)) == ("ended timed_out", "preparing")
    scene.reject(me("ann"), scene.offered("ann"))
    assert scene.names() == ["assignment.rejected", "contact.ended", "agent.changed"]


def test_past_max_wait_a_returning_contact_still_goes_to_an_able_agent(scene: Scene) -> None:
    scene.queue(max_wait=10, offer_timeout=20)
    scene.agent("ann")
    contact = scene.customer("k1")
    scene.agent("Bob")
    scene.now += 15_000
    scene.reject(me("ann"), scene.offered("ann"))
    assert (scene.state(contact), scene.offer_of("Bob")) == ("preparing", "k1")


def test_a_transferred_contact_keeps_its_place_in_time_and_waits_anew(scene: Scene) -> None:
    scene.queue("1", max_wait=10)
    scene.queue("2", max_wait=10)
    scene.agent("ann", "1")
    contact = scene.customer("k1", "1")
    scene.start(me("ann"), contact)
    scene.now += 20_000
    younger = scene.customer("k2", "2")
    scene.transfer(me("ann"), contact, queue_id="2")
    assert scene.names()[:3] == ["assignment.completed", "contact.returned", "contact.entered"]
    assert scene.position(scene.contacts[younger]) == 2
    assert scene.timers[f"wait:{contact}"] == scene.now + 10_000


def test_transfer_to_an_agent_needs_him_able_and_the_customer_connected(scene: Scene) -> None:
    scene.queue("1")
    scene.queue("2")
    scene.agent("ann", "1")
    contact = scene.customer("k1", "1")
    scene.refuses("WRONG_STATE", "transfer", me("ann"), contact, agent_id="Bob")
    scene.start(me("ann"), contact)
    scene.refuses("USER_NOT_FOUND", "transfer", me("ann"), contact, agent_id="Bob")
    scene.log_in("Bob")
    scene.refuses("AGENT_BUSY", "transfer", me("ann"), contact, agent_id="Bob")
    scene.agent("Bob", "2")
    scene.drop("k1")
    scene.refuses("WRONG_STATE", "transfer", me("ann"), contact, agent_id="Bob")
    scene.log_in("k1")
    scene.refuses("API_NO_PERMISSION", "transfer", me("Bob"), contact, agent_id="Bob")
    scene.transfer(me("ann"), contact, agent_id="Bob")
    assert scene.names()[:3] == ["assignment.completed", "assignment.offered", "contact.matched"]
    assert scene.contacts[contact].queue_id == "1"


def test_a_transferred_contact_does_not_go_back_to_one_who_wraps_up(scene: Scene) -> None:
    scene.queue(wrap_up=5)
    scene.agent("ann")
    scene.set_capacity(BOSS, "ann", 2)
    contact = scene.customer("k1")
    scene.start(me("ann"), contact)
    scene.transfer(me("ann"), contact, queue_id="1")
    assert (scene.state(contact), scene.agent_state(scene.users["ann"])) == ("waiting", "wrapping")


def test_a_supervisor_moves_a_waiting_contact(scene: Scene) -> None:
    scene.queue("1")
    scene.queue("2", max_waiting=1)
    scene.customer("k0", "2")
    contact = scene.customer("k1", "1")
    scene.refuses("PARAM_ERR", "transfer", BOSS, contact, queue_id="1")
    scene.refuses("WRONG_STATE", "transfer", BOSS, contact, agent_id="ann")
    scene.transfer(BOSS, contact, queue_id="2")
    assert scene.names() == ["audit", "contact.left", "contact.returned", "contact.entered"]


def test_joining_is_refused_in_the_order_of_the_checks(scene: Scene) -> None:
    scene.queue("1", join_when_no_agents=False)
    scene.queue("2", max_waiting=1)
    scene.refuses("QUE_ID_INVALID", "start_queuing", me("k1"), "none")
    scene.refuses("NO_AGENTS", "start_queuing", me("k1"), "1")
    scene.agent("ann", "2")
    scene.set_dnd(me("ann"), "ann", 1)
    scene.refuses("ROLE_CONFLICT", "start_queuing", me("ann"), "2")
    scene.customer("k1", "2")
    scene.refuses("ALREADY_OTHERQUE", "start_queuing", me("k1"), "1")
    scene.refuses("QUEUE_FULL", "start_queuing", me("k2"), "2")
    scene.refuses("ROLE_CONFLICT", "start_service", me("k1"), "k1", [Service(queue_id="1")])
    scene.update_queue(BOSS, "2", QueuePatch(open=False))
    scene.refuses("QUEUE_CLOSED", "start_queuing", me("k2"), "2")


def test_a_supervisor_removes_in_any_state(scene: Scene) -> None:
    scene.queue()
    scene.agent("ann")
    served, waiting = scene.customer("k1"), scene.customer("k2")
    scene.start(me("ann"), served)
    for contact in (served, waiting):
        scene.stop_queuing(BOSS, contact)
        assert scene.state(contact) == "ended removed"
    scene.refuses("CONTACT_NOT_FOUND", "stop_queuing", me("k2"), served)


# Queues


def test_deleting_a_queue_ends_its_contacts_lets_service_finish_and_then_it_goes(scene: Scene) -> None:
    scene.queue("1")
    scene.queue("2")
    scene.agent("ann", "1", "2")
    scene.agent("Bob", "1", "2")
    served, offered = scene.customer("k1"), scene.customer("k2")
    waiting, elsewhere = scene.customer("k3"), scene.customer("k4", "2")
    scene.start(me(scene.contacts[served].agent_id), served)
    scene.refuses("QUEUE_NOT_EMPTY", "delete_queue", BOSS, "1")
    assert scene.delete_queue(BOSS, "1", force=True) is False
    assert [scene.state(id) for id in (served, offered, waiting)] == ["serving", "ended removed", "ended removed"]
    assert scene.state(elsewhere) == "preparing"
    scene.refuses("QUEUE_CLOSED", "start_queuing", me("k3"), "1")
    scene.complete(BOSS, served)
    scene.go(0)
    assert scene.events == [("queue.deleted", "1")]


def test_a_big_queue_goes_in_batches(scene: Scene) -> None:
    scene.queue()
    for n in range(120):
        scene.start_queuing(BOSS, "1", customer_id=f"k{n}", presence=Presence.NONE)
    gone = scene.delete_queue(BOSS, "1", force=True)
    assert (gone, len(scene.contacts_in("1", "waiting"))) == (False, 70)
    scene.go(0)
    scene.go(0)
    assert "1" not in scene.queues


# Requests


def test_a_request_repeated_is_answered_as_before_and_done_once(scene: Scene) -> None:
    scene.queue()
    on_session = me("k1").model_copy(update={"client": "c", "request_id": 7})
    scene.refuses("NOT_LOGIN", "start_queuing", on_session, "1")
    scene.open_session(on_session, "s", "node")
    first = scene.start_queuing(on_session, "1")
    scene.now += 5_000
    assert scene.start_queuing(on_session, "1") == first
    with pytest.raises(Repeated):
        scene.stop_queuing(on_session.model_copy(update={"request_id": 6}))


def test_one_tick_takes_sixteen_timers(scene: Scene) -> None:
    scene.queue(max_wait=1)
    for n in range(20):
        scene.start_queuing(BOSS, "1", customer_id=f"k{n}", presence=Presence.NONE)
    scene.go(1)
    assert len(scene.contacts_in("1", "waiting")) == 4
