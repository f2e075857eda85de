"""The reference model itself against the rules it stands for, one rule a test: order and assignments."""

from __future__ import annotations

from dispatcher.model import QueuePatch, Service
from tests.model.scene import BOSS, Scene, me

# Order


def test_an_able_agent_gets_the_queue_of_the_smallest_number_then_the_oldest(scene: Scene) -> None:
    for queue_id, priority in (("low", 20), ("b", 5), ("a", 5)):
        scene.queue(queue_id, priority=priority)
    for user_id, queue_id in (("k1", "low"), ("k2", "a"), ("k3", "b"), ("k4", "a")):
        scene.customer(user_id, queue_id)
    scene.agent("ann", "low", "b", "a")
    got = []
    for _ in range(4):
        got.append(scene.offer_of("ann"))
        scene.start(BOSS, scene.offered("ann").rpartition("-")[0])
        scene.set_capacity(BOSS, "ann", 10)
    assert got == ["k2", "k3", "k4", "k1"]


def test_a_contact_gets_the_agent_priority_then_the_longest_idle_then_the_smaller_id(scene: Scene) -> None:
    scene.queue()
    scene.agent("late", priority=0)
    scene.now += 1
    for user_id in ("b", "B", "a"):
        scene.agent(user_id)
    scene.agent("better", priority=0)
    scene.agent("second", priority=1)
    got = [scene.contacts[scene.customer(f"k{n}")].agent_id for n in range(6)]
    assert got == ["late", "B", "a", "b", "better", "second"]


def test_the_same_millisecond_keeps_the_order_of_coming(scene: Scene) -> None:
    scene.queue("1")
    scene.queue("2")
    first, second = scene.customer("z", "2"), scene.customer("a", "1")
    assert (first[13:], second[13:]) == ("-0000", "-0001")
    scene.agent("ann", "1", "2")
    assert scene.offer_of("ann") == "z"


def test_serving_a_further_queue_does_not_change_how_long_he_is_idle(scene: Scene) -> None:
    scene.queue("1")
    scene.queue("2")
    scene.agent("old", "1")
    scene.now += 5
    scene.agent("new", "2")
    scene.now += 5
    scene.start_service(me("old"), "old", [Service(queue_id="2")])
    assert scene.contacts[scene.customer("k", "2")].agent_id == "old"


def test_several_queues_started_at_once_are_all_seen_by_the_first_match(scene: Scene) -> None:
    for queue_id, priority in (("1", 9), ("2", 3), ("3", 6)):
        scene.queue(queue_id, priority=priority)
        scene.customer(f"k{queue_id}", queue_id)
    scene.agent("ann", "1", "2", "3")
    assert scene.offer_of("ann") == "k2"


def test_a_changed_queue_priority_counts_at_the_next_choice(scene: Scene) -> None:
    scene.queue("1", priority=1)
    scene.queue("2", priority=2)
    scene.customer("k1", "1")
    scene.customer("k2", "2")
    scene.update_queue(BOSS, "1", QueuePatch(priority=3))
    scene.agent("ann", "1", "2")
    assert scene.offer_of("ann") == "k2"


# Assignments


def test_one_who_rejects_cools_down_and_may_get_it_again(scene: Scene) -> None:
    scene.queue(reject_cooldown=5)
    scene.agent("ann")
    contact = scene.customer("k1")
    scene.reject(me("ann"), scene.offered("ann"))
    assert scene.names() == ["assignment.rejected", "contact.returned", "contact.entered", "agent.changed"]
    scene.go(4.999)
    assert (scene.state(contact), scene.offer_of("ann")) == ("waiting", "")
    scene.go(0.001)
    assert scene.offered("ann") == f"{contact}-2"


def test_a_contact_that_comes_back_stands_at_the_head_and_goes_to_another(scene: Scene) -> None:
    scene.queue()
    scene.agent("ann")
    first, second = scene.customer("k1"), scene.customer("k2")
    scene.reject(me("ann"), scene.offered("ann"))
    assert (scene.position(scene.contacts[first]), scene.position(scene.contacts[second])) == (1, 2)
    scene.agent("Bob")
    assert scene.offer_of("Bob") == "k1"


def test_misses_in_a_row_set_dnd_and_accept_resets_them(scene: Scene) -> None:
    scene.queue(missed_limit=2, offer_timeout=1, reject_cooldown=1)
    scene.agent("ann")
    scene.customer("k1")
    scene.go(1)
    assert scene.users["ann"].missed == 1
    scene.go(1)
    scene.accept(me("ann"), scene.offered("ann"))
    assert scene.users["ann"].missed == 0
    scene.reject(me("ann"), scene.offered("ann"))
    for _ in range(4):
        scene.go(1)
    ann = scene.users["ann"]
    assert (ann.missed, ann.dnd, ann.dnd_reason) == (2, 1, "missed")
    scene.set_dnd(me("ann"), "ann", 0)
    assert (ann.missed, ann.dnd_reason, scene.offer_of("ann")) == (0, "", "k1")


def test_a_missed_requested_offer_does_not_count_but_cools(scene: Scene) -> None:
    scene.queue(missed_limit=1, offer_timeout=1)
    scene.agent("ann")
    scene.set_dnd(me("ann"), "ann", 1)
    scene.customer("k1")
    scene.request_assignment(me("ann"), "ann")
    scene.go(1)
    ann = scene.users["ann"]
    assert (ann.missed, ann.dnd, scene.agent_state(ann)) == (0, 1, "cooling")


def test_accepted_but_never_started_is_not_connected(scene: Scene) -> None:
    scene.queue(connect_timeout=2)
    scene.agent("ann")
    contact = scene.customer("k1")
    scene.accept(me("ann"), scene.offered("ann"))
    scene.go(2)
    assert scene.events[0][4:6] == ("cancelled", "not_connected")
    assert scene.state(contact) == "waiting"


def test_customer_leaves_and_the_agent_is_able_at_once(scene: Scene) -> None:
    scene.queue()
    scene.agent("ann")
    contact, other = scene.customer("k1"), scene.customer("k2")
    old = scene.offered("ann")
    scene.stop_queuing(me("k1"))
    assert scene.names()[:3] == ["assignment.cancelled", "contact.ended", "contact.left"]
    assert (scene.state(contact), scene.state(other)) == ("ended abandoned", "preparing")
    scene.refuses("QUE_USER_CANCELLED", "accept", me("ann"), old)
    scene.refuses("ASSIGNMENT_GONE", "accept", me("Bob"), old)


def test_answers_may_be_repeated(scene: Scene) -> None:
    scene.queue()
    scene.agent("ann")
    contact = scene.customer("k1")
    given = scene.offered("ann")
    for _ in range(2):
        scene.accept(me("ann"), given)
    for _ in range(2):
        scene.start(me("ann"), contact)
    scene.accept(me("ann"), given)
    scene.refuses("WRONG_STATE", "reject", me("ann"), given)
    for _ in range(2):
        scene.complete(me("ann"), contact)
    assert scene.events == []
    scene.refuses("ASSIGNMENT_GONE", "accept", me("ann"), given)


def test_stop_service_withdraws_an_offer_and_spares_what_is_served(scene: Scene) -> None:
    scene.queue()
    scene.agent("ann")
    scene.set_capacity(BOSS, "ann", 2)
    served, offered = scene.customer("k1"), None
    scene.start(me("ann"), served)
    offered = scene.customer("k2")
    scene.stop_service(me("ann"), "ann", "1")
    assert scene.names()[:3] == ["agent.service", "assignment.cancelled", "contact.returned"]
    assert (scene.state(served), scene.state(offered)) == ("serving", "waiting")


def test_wrap_up_follows_service_and_ends_early_by_asking(scene: Scene) -> None:
    scene.queue(wrap_up=10)
    scene.agent("ann")
    contact = scene.customer("k1")
    scene.start(me("ann"), contact)
    scene.complete(me("ann"), contact)
    scene.customer("k2")
    assert scene.agent_state(scene.users["ann"]) == "wrapping"
    scene.refuses("QUE_NOUSER", "request_assignment", me("ann"), "ann", queue_id="1", customer_id="nobody")
    assert scene.users["ann"].wrap_until is not None
    assert scene.request_assignment(me("ann"), "ann")["requested"] is True
    assert scene.users["ann"].wrap_until is None
    assert "wrap:ann" not in scene.timers


def test_a_longer_wrap_up_moves_the_end_also_within_one_tick(scene: Scene) -> None:
    scene.queue(wrap_up=60)
    scene.agent("ann")
    scene.set_capacity(BOSS, "ann", 2)
    first, second = scene.customer("k1"), scene.customer("k2")
    scene.start(me("ann"), first)
    scene.start(me("ann"), second)
    scene.drop("k2")
    scene.complete(me("ann"), first)
    scene.go(60)
    assert scene.state(second) == "ended lost"
    assert scene.users["ann"].wrap_until == scene.now + 60_000


def test_capacity_two_prepares_one_at_a_time(scene: Scene) -> None:
    scene.queue()
    scene.agent("ann")
    scene.set_capacity(BOSS, "ann", 2)
    first, second = scene.customer("k1"), scene.customer("k2")
    assert (scene.state(first), scene.state(second)) == ("preparing", "waiting")
    scene.start(me("ann"), first)
    assert scene.state(second) == "preparing"
    scene.refuses("AGENT_BUSY", "transfer", me("ann"), first, agent_id="ann")


def test_request_says_why_nothing_can_be_given(scene: Scene) -> None:
    scene.queue()
    scene.queue("2")
    scene.refuses("NOT_LOGIN", "request_assignment", me("ann"), "ann")
    scene.log_in("ann")
    scene.refuses("QUE_SERVICE_NOT_START", "request_assignment", me("ann"), "ann")
    scene.agent("ann")
    scene.set_dnd(me("ann"), "ann", 1)
    scene.refuses("QUE_ID_INVALID", "request_assignment", me("ann"), "ann", queue_id="none")
    scene.refuses("QUE_SERVICE_NOT_START", "request_assignment", me("ann"), "ann", queue_id="2")
    scene.refuses("QUE_NOUSER", "request_assignment", me("ann"), "ann")
    scene.customer("k1")
    first = scene.request_assignment(me("ann"), "ann")
    assert scene.request_assignment(me("ann"), "ann", queue_id="1") == first
    scene.accept(me("ann"), first["assignment_id"])
    scene.refuses("AGENT_BUSY", "request_assignment", me("ann"), "ann")
