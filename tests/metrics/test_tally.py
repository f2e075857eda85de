"""What entries of the log add up to."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from dispatcher.errors import Code
from dispatcher.metrics import tally as tallying
from dispatcher.metrics.meters import Meters
from dispatcher.metrics.tally import Tally
from dispatcher.model import Event

T0 = 1_763_824_800_000


@pytest.fixture
def meters() -> Meters:
    return Meters(queues_max=2)


@pytest.fixture
def tally(meters: Meters) -> Tally:
    return Tally("acme", meters)


def value(meters: Meters, name: str, **labels: str) -> float | None:
    registry: CollectorRegistry = meters.registry
    return registry.get_sample_value(f"dispatcher_{name}", labels)


def contact(id: str = "c1", queue_id: str = "q", **more: Any) -> dict[str, Any]:
    return {"contact_id": id, "queue_id": queue_id, "queued_at": T0, **more}


def event(name: str, data: dict[str, Any]) -> Event:
    return Event(event=name, data=data)


def offer(verb: str, id: str = "c1", **more: Any) -> Event:
    return event(f"assignment.{verb}", {"contact": contact(id), **more})


def test_a_contact_that_is_served(tally: Tally, meters: Meters) -> None:
    tally.count(T0 + 1000, [offer("offered")])
    tally.count(T0 + 2000, [offer("accepted")])
    tally.count(T0 + 7000, [event("contact.serving", contact())])
    tally.count(T0 + 40_000, [offer("completed"), event("contact.ended", contact(reason="completed"))])
    labels = {"tenant": "acme", "queue": "q"}
    assert value(meters, "contact_wait_seconds_sum", outcome="served", **labels) == 7
    assert value(meters, "contact_wait_seconds_count", outcome="unserved", **labels) is None
    assert value(meters, "service_seconds_sum", **labels) == 33
    assert value(meters, "offers_total", what="offered", **labels) == 1
    assert value(meters, "offers_total", what="accepted", **labels) == 1
    assert value(meters, "contacts_ended_total", reason="completed", **labels) == 1


def test_offers_by_their_end_and_a_customer_who_leaves(tally: Tally, meters: Meters) -> None:
    for end in ("missed", "not_connected", "withdrawn", "customer_left"):
        tally.count(T0, [offer("cancelled", reason=end)])
    tally.count(T0, [offer("rejected"), offer("rejected")])
    tally.count(T0 + 3000, [event("contact.ended", contact(reason="abandoned"))])
    labels = {"tenant": "acme", "queue": "q"}
    for end, count in {"missed": 1, "not_connected": 1, "withdrawn": 1, "customer_left": 1, "rejected": 2}.items():
        assert value(meters, "offers_total", what=end, **labels) == count
    assert value(meters, "contact_wait_seconds_sum", outcome="unserved", **labels) == 3
    assert value(meters, "contacts_ended_total", reason="abandoned", **labels) == 1


def test_after_a_transfer_the_wait_begins_anew(tally: Tally, meters: Meters) -> None:
    tally.count(T0 + 5000, [event("contact.serving", contact())])
    tally.count(T0 + 15_000, [offer("completed"), event("contact.returned", contact(queue_id="r"))])
    tally.count(T0 + 17_000, [event("contact.serving", contact(queue_id="r"))])
    tally.count(T0 + 20_000, [event("assignment.completed", {"contact": contact(queue_id="r")})])
    for queue_id, waited, served in (("q", 5, 10), ("r", 2, 3)):
        labels = {"tenant": "acme", "queue": queue_id}
        assert value(meters, "contact_wait_seconds_sum", outcome="served", **labels) == waited
        assert value(meters, "service_seconds_sum", **labels) == served


def test_service_that_began_before_is_of_unknown_length(tally: Tally, meters: Meters) -> None:
    tally.count(T0 + 40_000, [offer("completed"), event("contact.ended", contact(reason="completed"))])
    assert value(meters, "service_seconds_count", tenant="acme", queue="q") is None
    assert value(meters, "contact_wait_seconds_count", tenant="acme", queue="q", outcome="unserved") is None
    assert value(meters, "contacts_ended_total", tenant="acme", queue="q", reason="completed") == 1


def test_what_is_remembered_is_bounded(tally: Tally, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallying, "REMEMBERED_MAX", 3)
    for number in range(10):
        tally.count(T0, [event("contact.serving", contact(f"c{number}"))])
    assert list(tally._since) == ["c7", "c8", "c9"]
    for number in range(10):
        tally.count(T0, [event("contact.ended", contact(f"c{number}", reason="lost"))])
    assert not tally._since


def test_queues_beyond_the_limit_are_added_up(tally: Tally, meters: Meters) -> None:
    for queue_id in ("a", "b", "c", "d"):
        tally.count(T0, [event("contact.ended", contact(queue_id=queue_id, reason="lost"))])
    assert value(meters, "contacts_ended_total", tenant="acme", queue="a", reason="lost") == 1
    assert value(meters, "contacts_ended_total", tenant="acme", queue="c", reason="lost") is None
    assert value(meters, "contacts_ended_total", tenant="other", queue="other", reason="lost") == 2
    tally.count(T0, [event("queue.deleted", {"queue_id": "a"})])
    assert value(meters, "contacts_ended_total", tenant="acme", queue="a", reason="lost") is None
    tally.count(T0, [event("contact.ended", contact(queue_id="d", reason="lost"))])
    assert value(meters, "contacts_ended_total", tenant="acme", queue="d", reason="lost") == 1


def test_labels_that_come_from_outside_are_bounded(meters: Meters) -> None:
    meters.request("BREW", "", 405, 0.1)
    meters.script("tick", 0.001, Code.UNAVAILABLE)
    assert value(meters, "http_requests_total", method="other", route="other", status="405") == 1
    assert value(meters, "script_errors_total", script="tick", code="UNAVAILABLE") == 1
