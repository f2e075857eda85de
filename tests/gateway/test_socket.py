"""Hello, frames, and every way a socket is closed."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from api.gateway import Limits
from dispatcher.engine import Dispatcher
from dispatcher.errors import Code, DispatcherError
from dispatcher.model import Actor, Contact, Role
from dispatcher.store.connect import Store
from tests.gateway.conftest import NodeMaker, Wrapped
from tests.gateway.node import Claims, Node, Socket, node

BAD_FRAMES: list[str | bytes] = [
    "", "hello", "[]", "1", "null", "{}", '{"id":1}', '{"cmd":"ping"}', '{"id":0,"cmd":"ping"}',
    '{"id":-1,"cmd":"ping"}', '{"id":1.5,"cmd":"ping"}', '{"id":true,"cmd":"ping"}', '{"id":"1","cmd":"ping"}',
    '{"id":9007199254740992,"cmd":"ping"}', '{"id":1,"cmd":7}', '{"id":1,"cmd":""}', '{"id":1,"cmd":"\\ud800"}',
    b'{"id":1,"cmd":"ping"}', '{"id":1,"cmd":"ping","args":{"x":"' + "a" * 262_144 + '"}}', "[" * 5000,
]  # fmt: skip


async def hello(socket: Socket, one: Node, claims: Claims, **args: Any) -> dict[str, Any]:
    return await socket.ask("hello", token=one.tokens.issue(claims), client="c1", **args)


async def test_hello_answers_with_the_snapshot(one: Node, tenant: str) -> None:
    async with one.socket() as socket:
        answer = await hello(socket, one, Claims(tenant, "ann", "Ann"))
        assert answer["id"] == 1
        assert answer["ok"] is True
        assert answer["result"]["user"] == {"user_id": "ann", "name": "Ann", "roles": ["agent"]}
        assert answer["result"]["assignments"] == []
        assert answer["result"]["offset"] >= 0
        assert answer["result"]["epoch"]


async def test_silence_before_hello_closes(make_node: NodeMaker) -> None:
    async with make_node(limits=Limits(hello_s=0.05)) as one, one.socket() as socket:
        assert await socket.closed() == 4408


@pytest.mark.lanes("embedded")
async def test_silence_after_hello_closes_and_any_frame_counts(make_node: NodeMaker, tenant: str) -> None:
    async with make_node(limits=Limits(silence_s=1.5)) as one, one.user(tenant, "ann") as socket:
        begun = time.monotonic()
        while time.monotonic() - begun < 2:
            await socket.ok("ping")
            await asyncio.sleep(0.05)
        assert await socket.closed() == 4408


async def test_the_first_frame_must_be_hello(one: Node) -> None:
    async with one.socket() as socket:
        assert (await socket.error("ping"))["code"] == "NOT_LOGIN"
        assert await socket.closed() == 4401


@pytest.mark.lanes("embedded")
async def test_an_ordinary_close_is_no_error(make_node: NodeMaker, tenant: str) -> None:
    with capture_logs() as logs:
        async with make_node(limits=Limits(silence_s=1.5)) as one:
            async with one.user(tenant, "ann") as older, one.user(tenant, "ann") as newer:
                assert await older.closed() == 4410
                assert await newer.closed() == 4408
            async with one.socket() as socket:
                await hello(socket, one, Claims(tenant, "ann", expires_at=soon(0.2)))
                assert await socket.closed() == 4401
    assert [line["event"] for line in logs if line["log_level"] == "error"] == []


async def test_a_bad_token_closes(one: Node, tenant: str) -> None:
    async with one.socket() as socket:
        assert (await socket.error("hello", token="nonsense", client="c"))["code"] == "TOKEN_AUTH_FAILED"
        assert await socket.closed() == 4401
    async with one.socket() as socket:
        assert (await hello(socket, one, Claims(tenant, "ann", expires_at=1)))["error"]["code"] == "TOKEN_TIMEOUT"
        assert await socket.closed() == 4401


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({}, "token: is missing"),
        ({"token": ""}, "token: must not be empty"),
        ({"token": "x", "client": "a b"}, "client: must be 1 to 64 of A-Z a-z 0-9 _ -"),
        ({"token": "x", "more": 1}, "more: there is no such member"),
        ([], "args: must be an object"),
        (1, "args: must be an object"),
    ],
)
async def test_hello_with_bad_arguments_closes(one: Node, args: Any, said: str) -> None:
    async with one.socket() as socket:
        await socket.raw(json.dumps({"id": 1, "cmd": "hello", "args": args}))
        error = (await socket.recv())["error"]
        assert (error["code"], error["detail"]) == ("PARAM_ERR", said)
        assert await socket.closed() == 4400


async def test_an_unknown_command_is_named(one: Node, tenant: str) -> None:
    async with one.user(tenant, "ann") as socket:
        error = await socket.error("dance")
        assert (error["code"], error["detail"]) == ("PARAM_ERR", "there is no such command: dance")


@pytest.mark.parametrize("text", BAD_FRAMES, ids=range(len(BAD_FRAMES)))
async def test_a_malformed_frame_closes(one: Node, tenant: str, text: str | bytes) -> None:
    async with one.socket() as socket:
        await socket.raw(text)
        assert await socket.closed() == 4400
    async with one.user(tenant, "ann") as socket:
        await socket.raw(text)
        assert await socket.closed() == 4400


async def test_a_page_of_a_foreign_site_is_refused(one: Node, make_node: NodeMaker, tenant: str) -> None:
    claims = Claims(tenant, "ann")
    async with one.socket(origin="https://evil.example") as socket:
        assert (await hello(socket, one, claims))["error"]["code"] == "API_NO_PERMISSION"
        assert await socket.closed() == 4403
    async with one.socket(origin=f"http://127.0.0.1:{one.port}") as socket:
        assert (await hello(socket, one, claims))["ok"]
    async with make_node(origins=["https://shop.example"]) as allowing:
        async with allowing.socket(origin="https://shop.example") as socket:
            assert (await hello(socket, allowing, claims))["ok"]
        async with allowing.socket(origin="https://evil.example") as socket:
            await hello(socket, allowing, claims)
            assert await socket.closed() == 4403


async def test_a_store_that_does_not_answer_says_try_later(store: Store, dispatcher: Dispatcher, tenant: str) -> None:
    async def open_session(*args: Any, **more: Any) -> None:
        raise DispatcherError(Code.UNAVAILABLE)

    wrapped = cast(Dispatcher, Wrapped(dispatcher, open_session=open_session))
    async with node(store, wrapped) as one, one.socket() as socket:
        assert (await hello(socket, one, Claims(tenant, "ann")))["error"]["code"] == "UNAVAILABLE"
        assert await socket.closed() == 1013


def soon(seconds: float) -> int:
    return int((time.time() + seconds) * 1000)


@pytest.mark.lanes("embedded")
async def test_a_token_that_ends_is_announced_and_then_closes(make_node: NodeMaker, tenant: str) -> None:
    async with make_node(limits=Limits(warn_s=2)) as one, one.socket() as socket:
        claims = Claims(tenant, "ann", expires_at=soon(2.1))
        await hello(socket, one, claims)
        assert await socket.event("token.expiring") == {"expires_at": claims.expires_at}
        assert time.time() * 1000 < claims.expires_at
        assert await socket.closed() == 4401
        assert socket.connection.close_reason == "TOKEN_TIMEOUT", "by which clients tell it from other ends"


@pytest.mark.lanes("embedded")
async def test_hello_on_a_live_socket_renews_its_token(make_node: NodeMaker, tenant: str) -> None:
    async with make_node(limits=Limits(warn_s=2)) as one, one.socket() as socket:
        claims = Claims(tenant, "ann", expires_at=soon(2.1))
        await hello(socket, one, claims)
        await socket.event("token.expiring")
        renewed = await hello(socket, one, Claims(tenant, "ann", roles=frozenset({Role.SUPERVISOR})))
        assert renewed["result"]["user"]["roles"] == ["supervisor"]
        await asyncio.sleep(claims.expires_at / 1000 - time.time() + 0.1)
        await socket.ok("ping")


async def test_a_renewal_that_fails_leaves_the_old_token(one: Node, tenant: str) -> None:
    async with one.user(tenant, "ann") as socket:
        assert (await hello(socket, one, Claims(tenant, "bob")))["error"]["code"] == "API_NO_PERMISSION"
        assert (await socket.error("hello", token="nonsense"))["code"] == "TOKEN_AUTH_FAILED"
        await socket.ok("ping")


@pytest.mark.parametrize(
    ("cmd", "args"),
    [
        ("fly", {}), ("ping", {"x": 1}), ("ping", []), ("start_service", {}), ("start_service", {"queue_id": ""}),
        ("start_service", {"queue_id": "1", "queues": [{"queue_id": "2"}]}), ("start_service", {"queues": []}),
        ("start_service", {"queue_id": "1", "priority": "7"}), ("set_dnd", {"dnd": True}), ("accept", {}),
        ("accept", {"assignment_id": "x"}), ("start", {"contact_id": "../1"}), ("start_queuing", {"queue_id": 1}),
        ("start_queuing", {"queue_id": "1", "ext": "ä" * 2049}), ("transfer", {"contact_id": "1795363412315-0000"}),
        ("list_contacts", {"queue_id": "1", "limit": 0}), ("watch_queues", {"queue_ids": "1"}),
        ("me", {"x" * 5000: 1}), ("hello", {}),
    ],
)  # fmt: skip
async def test_bad_arguments_are_answered_and_the_socket_stays(one: Node, tenant: str, cmd: str, args: Any) -> None:
    async with one.user(tenant, "ann") as socket:
        await socket.raw(json.dumps({"id": 7, "cmd": cmd, "args": args}))
        answer = await socket.recv()
        assert answer["id"] == 7
        assert answer["ok"] is False
        assert (answer["error"]["code"], answer["error"]["errno"]) == ("PARAM_ERR", 5)
        assert 0 < len(answer["error"]["detail"]) <= 500
        await socket.ok("ping")


async def test_frames_of_one_connection_are_carried_out_in_order(one: Node, tenant: str, queue: str) -> None:
    async with one.user(tenant, "bob", Role.CUSTOMER) as bob:
        sent = []
        for _ in range(10):
            sent.append(await bob.send("start_queuing", queue_id=queue))
            sent.append(await bob.send("ping"))
            sent.append(await bob.send("stop_queuing"))
        answers: list[dict[str, Any]] = []
        while len(answers) < len(sent):
            frame = await bob.recv()
            if "id" in frame:
                answers.append(frame)
        assert [answer["id"] for answer in answers] == sent
        states = [answer["result"].get("state") for answer in answers]
        assert states == ["waiting", None, "ended"] * 10


async def test_a_mistake_of_ours_is_answered_and_the_socket_stays(
    store: Store, dispatcher: Dispatcher, tenant: str
) -> None:
    async def get_queue_status(*args: Any) -> None:
        raise ZeroDivisionError

    wrapped = cast(Dispatcher, Wrapped(dispatcher, get_queue_status=get_queue_status))
    async with node(store, wrapped) as one, one.user(tenant, "ann") as socket:
        assert (await socket.error("get_queue_status", queue_id="1"))["code"] == "SERVER_EXCEPTION"
        await socket.ok("ping")


async def test_an_answer_that_does_not_fit_is_logged_without_it(
    store: Store, dispatcher: Dispatcher, tenant: str
) -> None:
    async def unfit(actor: Actor, *args: Any, **more: Any) -> Any:
        return Contact.model_validate_json('{"payload":"his own words"}')

    wrapped = cast(Dispatcher, Wrapped(dispatcher, start_queuing=unfit))
    with capture_logs() as logs:
        async with node(store, wrapped) as one, one.user(tenant, "bob", Role.CUSTOMER) as bob:
            assert (await bob.error("start_queuing", queue_id="1"))["code"] == "SERVER_EXCEPTION"
            await bob.ok("ping")
        async with (
            node(store, cast(Dispatcher, Wrapped(dispatcher, open_session=unfit))) as one,
            one.socket() as socket,
        ):
            assert (await hello(socket, one, Claims(tenant, "ann")))["error"]["code"] == "SERVER_EXCEPTION"
            assert await socket.closed() == 1011
    failures = [line for line in logs if line["log_level"] == "error"]
    assert [line["event"] for line in failures] == ["gateway.command_failed"] * 2
    assert "his own words" not in str(failures)


async def test_a_slow_reader_is_closed_and_holds_up_nobody(make_node: NodeMaker, tenant: str) -> None:
    limits = Limits(outbox_frames=50, close_s=5)
    async with (
        make_node(limits=limits) as one,
        one.user(tenant, "slow", max_queue=1) as slow,
        one.user(tenant, "quick") as quick,
    ):
        # The slow one takes nothing: its transport's buffers fill, then its outbox.
        slow.connection.transport.pause_reading()
        big = "x" * 60_000
        member = next(iter(one.hub._members[f"acd:{{{tenant}}}:to:slow"]))
        for _ in range(2000):
            member.sink.send(json.dumps({"events": [{"event": "message", "data": {"data": big}}]}))
            if cast(Any, member.sink)._outbox.close is not None:
                break
            await asyncio.sleep(0)
        async with asyncio.timeout(1):
            await quick.ok("ping")
        slow.connection.transport.resume_reading()
        assert await slow.closed() == 4409
        await quick.ok("ping")
