"""The link outlives its connections: reconnecting, repeating, giving up."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from dispatcher.client import Code, DispatcherError
from tests.client.node import Node, assignment, call, contact, snapshot


def begin(command: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    return asyncio.create_task(command, name="command of the test")


async def test_hello_is_the_first_frame_and_names_the_client(node: Node) -> None:
    connecting = begin(node.connect())
    peer = await node.peer()
    hello = await peer.frame("hello")
    assert hello["args"]["token"] == "a token"
    assert len(bytes.fromhex(hello["args"]["client"])) == 16
    await peer.answer(hello, snapshot(offset=17))
    async with await connecting as client:
        assert client.state.user.user_id == "ann"
        assert client.state.offset == 17


async def test_a_command_answers_with_its_model(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        asked = begin(client.start_queuing("1", ext="red"))
        frame = await peer.frame("start_queuing")
        assert frame["args"] == {"queue_id": "1", "ext": "red"}
        await peer.answer(frame, contact(position=4, of_a_newer_server=True))
        answer = await asked
        assert answer.position == 4


async def test_an_error_is_raised_with_its_code(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        asked = begin(client.start_queuing("9"))
        await peer.refuse(await peer.frame("start_queuing"), "QUE_ID_INVALID", 400)
        with pytest.raises(DispatcherError) as raised:
            await asked
        assert raised.value.code is Code.QUE_ID_INVALID


async def test_an_error_of_a_newer_server_is_a_server_exception(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        asked = begin(client.ping())
        await peer.refuse(await peer.frame("ping"), "NOT_YET_KNOWN", 9999)
        with pytest.raises(DispatcherError, match="NOT_YET_KNOWN") as raised:
            await asked
        assert raised.value.code is Code.SERVER_EXCEPTION


async def test_a_lost_answer_is_asked_for_again_under_the_same_id(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        asked = begin(client.accept("1763824800123-0007-1"))
        first = await peer.frame("accept")
        peer.drop()
        peer = await node.greet(snapshot())
        again = await peer.frame("accept")
        assert again == first
        await peer.answer(again, assignment("accepted"))
        await peer.answer(await peer.frame("me"), snapshot(assignments=[assignment("accepted")]))
        assert (await asked).state == "accepted"


async def test_a_first_answer_that_is_repeated_takes_nothing_back(node: Node) -> None:
    """It was missed meanwhile: nobody would ever tell of its end to who did not know of it."""
    client, peer = await node.meet(snapshot())
    async with client:
        asked = begin(client.request_assignment())
        first = await peer.frame("request_assignment")
        peer.drop()
        peer = await node.greet(snapshot())
        assert await peer.frame("request_assignment") == first
        await peer.answer(first, assignment("offered", requested=True))
        await peer.answer(await peer.frame("me"), snapshot(offset=2))
        assert (await asked).assignment_id == "1763824800123-0007-1"
        assert (client.state.assignments, client.state.offset) == ((), 2)


@pytest.mark.parametrize("ask", ["me", "renew"])
async def test_a_snapshot_that_was_asked_for_has_its_place_among_the_frames(node: Node, ask: str) -> None:
    """The node sends nothing that it covers, and everything that comes after it."""
    client, peer = await node.meet(snapshot(contact=contact()))
    async with client:
        asked = begin(client.me() if ask == "me" else client.renew("a newer one"))
        frame = await peer.frame("me" if ask == "me" else "hello")
        await peer.answer(frame, snapshot(offset=5, call=call("answered")))
        await peer.events(("call.ended", call("ended")), offset=6, epoch="e1")
        assert (await asked).call.call_id == call()["call_id"]
        await client.wait_for("call.ended")
        assert (client.state.contact, client.state.call, client.state.offset) == (None, None, 6)


async def test_what_was_asked_while_disconnected_is_sent_later_in_order(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        peer.drop()
        peer = await node.peer()
        commands = [begin(client.get_queue_status(str(n))) for n in range(3)]
        hello = await peer.frame("hello")
        await peer.answer(hello, snapshot())
        ids = [hello["id"]]
        for n in range(3):
            frame = await peer.frame("get_queue_status")
            assert frame["args"] == {"queue_id": str(n)}
            ids.append(frame["id"])
            status = {"queue_id": str(n), "agent_num": 1, "wait_num": 2, "prepare_num": 3, "srv_num": 4}
            await peer.answer(frame, status | {"longest_wait_s": 5})
        assert ids == sorted(ids)
        assert [status.queue_id for status in await asyncio.gather(*commands)] == ["0", "1", "2"]


async def test_changing_commands_go_one_at_a_time(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        first, second = begin(client.start_queuing("1")), begin(client.stop_queuing())
        frame = await peer.frame("start_queuing")
        reading = begin(client.ping())
        ping = await peer.frame("ping")
        await peer.answer(frame, contact())
        await peer.answer(ping)
        await peer.answer(await peer.frame("stop_queuing"), contact("ended", reason="abandoned"))
        await reading
        assert (await first).state == "waiting"
        assert (await second).reason == "abandoned"


async def test_outcome_unknown_is_repeated_under_the_same_id(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        asked = begin(client.start_queuing("1"))
        first = await peer.frame("start_queuing")
        await peer.refuse(first, "OUTCOME_UNKNOWN", 9013)
        again = await peer.frame("start_queuing")
        assert again == first
        await peer.answer(again, contact())
        await peer.answer(await peer.frame("me"), snapshot(contact=contact()))
        assert (await asked).state == "waiting"


async def test_unavailable_is_told_at_once(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        asked = begin(client.start_queuing("1"))
        await peer.refuse(await peer.frame("start_queuing"), "UNAVAILABLE", 9012)
        with pytest.raises(DispatcherError) as raised:
            await asked
        assert raised.value.code is Code.UNAVAILABLE


async def test_an_answer_no_longer_kept_is_an_unknown_outcome(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        asked = begin(client.start_queuing("1"))
        await peer.answer(await peer.frame("start_queuing"), repeated=True)
        with pytest.raises(DispatcherError) as raised:
            await asked
        assert raised.value.code is Code.OUTCOME_UNKNOWN


@pytest.mark.parametrize(
    ("close_code", "reason", "code"),
    [
        (4410, "", Code.KICKOUT_BY_RELOGIN),
        (4401, "", Code.NOT_LOGIN),
        (4401, "TOKEN_TIMEOUT", Code.TOKEN_TIMEOUT),
        (4403, "", Code.API_NO_PERMISSION),
        (4400, "", Code.PARAM_ERR),
    ],
)
async def test_a_final_close_code_ends_the_client(node: Node, close_code: int, reason: str, code: Code) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        asked = begin(client.accept("1763824800123-0007-1"))
        await peer.frame("accept")
        await peer.close(close_code, reason)
        for outcome in (asked, begin(client.ping()), begin(client.wait_for("assignment.offered"))):
            with pytest.raises(DispatcherError) as raised:
                await outcome
            assert raised.value.code is code
        assert node.peers.empty()


@pytest.mark.parametrize("close_code", [1001, 1012, 4408, 4409, 4412])
async def test_other_close_codes_lead_to_a_new_connection(node: Node, close_code: int) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        await peer.close(close_code)
        await node.greet(snapshot(offset=3))
        await client.wait_for("snapshot", lambda event: event.data["offset"] == 3)


async def test_a_hello_refused_for_good_is_raised_by_connect(node: Node) -> None:
    connecting = begin(node.connect())
    peer = await node.peer()
    await peer.refuse(await peer.frame("hello"), "TOKEN_TIMEOUT", 18)
    with pytest.raises(DispatcherError) as raised:
        await connecting
    assert raised.value.code is Code.TOKEN_TIMEOUT


async def test_a_hello_refused_for_now_is_said_again(node: Node) -> None:
    connecting = begin(node.connect(backoff_s=0.01))
    peer = await node.peer()
    await peer.refuse(await peer.frame("hello"), "UNAVAILABLE", 9012)
    await node.greet(snapshot())
    async with await connecting as client:
        assert client.state.user.user_id == "ann"


async def test_nobody_listening_is_unavailable(node: Node) -> None:
    node.stop()
    with pytest.raises(DispatcherError) as raised:
        await node.connect(timeout_s=0.1, backoff_s=0.01)
    assert raised.value.code is Code.UNAVAILABLE


async def test_a_command_that_may_have_been_carried_out_is_an_unknown_outcome(node: Node) -> None:
    client, peer = await node.meet(snapshot(), timeout_s=1)
    async with client:
        asked = begin(client.stop_queuing())
        await peer.frame("stop_queuing")
        with pytest.raises(DispatcherError) as raised:
            await asked
        assert raised.value.code is Code.OUTCOME_UNKNOWN


async def test_a_command_never_sent_is_unavailable(node: Node) -> None:
    client, peer = await node.meet(snapshot(), timeout_s=1)
    async with client:
        peer.drop()
        await node.peer()
        with pytest.raises(DispatcherError) as raised:
            await client.stop_queuing()
        assert raised.value.code is Code.UNAVAILABLE


async def test_it_pings_and_leaves_a_silent_connection(node: Node) -> None:
    client, peer = await node.meet(snapshot(), heartbeat_s=0.5)
    async with client:
        await peer.answer(await peer.frame("ping"))
        await peer.frame("ping")
        await node.greet(snapshot())


async def test_close_fails_what_is_unanswered_and_leaves_no_task(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    asked = begin(client.stop_queuing())
    await peer.frame("stop_queuing")
    await client.close()
    with pytest.raises(DispatcherError) as raised:
        await asked
    assert raised.value.code is Code.OUTCOME_UNKNOWN
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("dispatcher")]
    await client.close()


async def test_a_newer_token_is_used_from_then_on(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        renewing = begin(client.renew("a newer token"))
        await peer.answer(await peer.frame("hello"), snapshot())
        await renewing
        peer.drop()
        hello = await (await node.peer()).frame("hello")
        assert hello["args"]["token"] == "a newer token"


async def test_a_token_that_is_refused_leaves_the_one_that_was(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        renewing = begin(client.renew("nonsense"))
        await peer.refuse(await peer.frame("hello"), "TOKEN_AUTH_FAILED", 21)
        with pytest.raises(DispatcherError, match="TOKEN_AUTH_FAILED"):
            await renewing
        peer.drop()
        hello = await (await node.peer()).frame("hello")
        assert hello["args"]["token"] == "a token"


async def test_queues_are_watched_again_on_every_connection(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        watching = begin(client.watch_queues(["1"]))
        await peer.answer(await peer.frame("watch_queues"), {"queue_ids": ["1"]})
        await watching
        peer.drop()
        peer = await node.greet(snapshot())
        assert (await peer.frame("watch_queues"))["args"] == {"queue_ids": ["1"]}


async def test_agents_are_watched_again_on_every_connection(node: Node) -> None:
    client, peer = await node.meet(snapshot())
    async with client:
        watching = begin(client.watch_agents())
        await peer.answer(await peer.frame("watch_agents"), {})
        await watching
        peer.drop()
        peer = await node.greet(snapshot())
        assert (await peer.frame("watch_agents"))["args"] == {}


async def test_http_without_a_server_is_unavailable(node: Node) -> None:
    node.stop()
    async with node.http() as http:
        with pytest.raises(DispatcherError) as raised:
            await http.list_queues()
        assert raised.value.code is Code.UNAVAILABLE


async def test_http_that_is_not_ours_is_a_server_exception(node: Node) -> None:
    async with node.http() as http:
        with pytest.raises(DispatcherError, match="HTTP 426") as raised:
            await http.list_queues()
        assert raised.value.code is Code.SERVER_EXCEPTION
