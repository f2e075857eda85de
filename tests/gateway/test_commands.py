"""The commands over the wire, and their request ids."""

from __future__ import annotations

from dispatcher.model import Role
from tests.gateway.node import Claims, Node


async def test_a_contact_from_queuing_to_its_end(one: Node, other: Node, tenant: str, queue: str) -> None:
    async with one.user(tenant, "ann") as ann, other.user(tenant, "bob", Role.CUSTOMER) as bob:
        agent = await ann.ok("start_service", queue_id=queue, priority=3)
        assert agent["queues"] == [{"queue_id": queue, "priority": 3}]
        contact = await bob.ok("start_queuing", queue_id=queue, ext="about my order")
        offered = await ann.event("assignment.offered")
        assert offered["contact"]["ext"] == "about my order"
        accepted = await ann.ok("accept", assignment_id=offered["assignment_id"])
        assert accepted["state"] == "accepted"
        await ann.ok("start", contact_id=contact["contact_id"])
        await bob.event("contact.serving")
        await ann.ok("complete", contact_id=contact["contact_id"])
        assert (await bob.event("contact.ended"))["reason"] == "completed"
        assert (await bob.error("get_queuing_info"))["code"] == "CONTACT_NOT_FOUND"


async def test_an_agent_in_manual_mode_asks(one: Node, tenant: str, queue: str) -> None:
    async with one.user(tenant, "ann") as ann, one.user(tenant, "bob", Role.CUSTOMER) as bob:
        await ann.ok("set_dnd", dnd=1, reason="paperwork")
        await ann.ok("start_service", queues=[{"queue_id": queue}])
        assert (await ann.error("request_assignment"))["code"] == "QUE_NOUSER"
        await bob.ok("start_queuing", queue_id=queue)
        assert (await bob.ok("get_queuing_info"))["position"] == 1
        assert [c["customer_id"] for c in (await ann.ok("list_contacts", queue_id=queue))["items"]] == ["bob"]
        assignment = await ann.ok("request_assignment", queue_id=queue, customer_id="bob")
        assert assignment["requested"] is True
        await ann.ok("reject", assignment_id=assignment["assignment_id"])
        assert (await bob.event("contact.returned"))["reason"] == "rejected"
        await ann.ok("stop_service", queue_id=queue)
        assert (await bob.ok("stop_queuing"))["reason"] == "abandoned"


async def test_reading_commands(one: Node, tenant: str, queue: str) -> None:
    async with one.user(tenant, "ann") as ann:
        assert [q["queue_id"] for q in (await ann.ok("list_queues"))["items"]] == [queue]
        assert (await ann.ok("get_queue_status", queue_id=queue))["wait_num"] == 0
        assert (await ann.error("get_queue_status", queue_id="none"))["code"] == "QUE_ID_INVALID"
        assert (await ann.ok("me"))["user"]["user_id"] == "ann"


async def test_a_repeated_id_gives_the_first_answer_and_an_older_one_says_so(
    one: Node, other: Node, tenant: str, queue: str
) -> None:
    async with one.user(tenant, "bob", Role.CUSTOMER, client="c1") as bob:
        first = await bob.ask("start_queuing", id=5, queue_id=queue)
        await bob.ask("stop_queuing", id=6)
        assert await bob.ask("start_queuing", id=5, queue_id=queue) == {"id": 5, "ok": True, "repeated": True}
        second = await bob.ask("start_queuing", id=7, queue_id=queue)
        assert await bob.ask("start_queuing", id=7, queue_id=queue) == second
        assert first["result"]["contact_id"] != second["result"]["contact_id"]
    async with other.user(tenant, "bob", Role.CUSTOMER, client="c1") as bob:
        assert await bob.ask("start_queuing", id=7, queue_id=queue) == second
    async with other.user(tenant, "bob", Role.CUSTOMER, client="c2") as bob:
        assert (await bob.ask("stop_queuing", id=7))["result"]["state"] == "ended"


async def test_a_token_limits_the_queues(one: Node, tenant: str, queue: str) -> None:
    async with one.socket() as ann:
        await ann.ok("hello", token=one.tokens.issue(Claims(tenant, "ann", queues=frozenset({"2"}))))
        assert (await ann.error("start_service", queue_id=queue))["code"] == "API_NO_PERMISSION"


async def test_watched_queues_send_their_status(one: Node, tenant: str, queue: str) -> None:
    async with one.user(tenant, "ann") as ann, one.user(tenant, "bob", Role.CUSTOMER) as bob:
        assert await ann.ok("watch_queues", queue_ids=[queue]) == {"queue_ids": [queue]}
        assert (await ann.event("queue.status"))["wait_num"] == 0
        await bob.ok("start_queuing", queue_id=queue)
        while (await ann.event("queue.status"))["wait_num"] != 1:
            pass
        assert await ann.ok("watch_queues", all=True) == {"queue_ids": [queue]}
        assert await ann.ok("watch_queues") == {"queue_ids": []}
        assert (await ann.error("watch_queues", queue_ids=["none"]))["code"] == "QUE_ID_INVALID"
        ann.frames.clear()
        await bob.ok("stop_queuing")
        await ann.settle()
        assert "queue.status" not in ann.names()
