"""Scripts run by name: what comes back, whose it is, and what a failure is called. On every lane."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from dispatcher.errors import Code, DispatcherError
from dispatcher.store.connect import Store
from dispatcher.store.runner import Reply, Runner
from tests.servers import Server
from tests.store.standin import COUNT, ECHO, FAIL, ODD, REFUSE, REPEAT


async def test_a_reply_is_body_and_due_time(standin: Runner, name: str) -> None:
    assert await standin.run(ECHO, name, text="grüß Gott €", due=1763824800123) == Reply(
        "grüß Gott €", 1763824800123, False
    )


async def test_an_argument_not_given_is_empty(standin: Runner, name: str) -> None:
    assert await standin.run(ECHO, name) == Reply("", None, False)


async def test_an_older_request_is_reported_as_repeated(standin: Runner, name: str) -> None:
    assert await standin.run(REPEAT, name) == Reply("", None, True)


async def test_a_code_of_the_closed_set_is_raised_with_its_detail(standin: Runner, name: str) -> None:
    with pytest.raises(DispatcherError) as caught:
        await standin.run(REFUSE, name, code="QUEUE_FULL", detail="300 wait")
    assert (caught.value.code, caught.value.detail) == (Code.QUEUE_FULL, "300 wait")


async def test_an_argument_the_script_lacks_is_a_programming_error(standin: Runner, name: str) -> None:
    with pytest.raises(TypeError, match="echo has no argument txt"):
        await standin.run(ECHO, name, txt="x")


async def test_text_that_is_no_unicode_is_refused(standin: Runner, name: str) -> None:
    with pytest.raises(DispatcherError) as caught:
        await standin.run(ECHO, name, text="\ud800")
    assert caught.value.code is Code.PARAM_ERR


async def test_a_script_that_fails_midway_is_a_server_exception_and_logged(standin: Runner, name: str) -> None:
    with capture_logs() as logs, pytest.raises(DispatcherError) as caught:
        await standin.run(FAIL, name)
    assert caught.value.code is Code.SERVER_EXCEPTION
    assert [(line["event"], line["script"], line["tenant"]) for line in logs] == [("script_failed", FAIL, name)]


@pytest.mark.parametrize(("script", "arguments"), [(ODD, {}), (REFUSE, {"code": "NO_SUCH_CODE"})])
async def test_a_reply_of_another_form_is_a_server_exception(
    standin: Runner, name: str, script: str, arguments: dict[str, str | int]
) -> None:
    with capture_logs() as logs, pytest.raises(DispatcherError) as caught:
        await standin.run(script, name, **arguments)
    assert caught.value.code is Code.SERVER_EXCEPTION
    assert [line["event"] for line in logs] == ["script_reply_malformed"]


async def test_scripts_flushed_under_way_are_loaded_again_and_each_command_runs_once(
    standin: Runner, store: Store, name: str
) -> None:
    await standin.run(COUNT, name)
    await store.client.script_flush()
    bodies = [reply.body for reply in await asyncio.gather(*(standin.run(COUNT, name) for _ in range(50)))]
    assert sorted(bodies, key=int) == [str(n) for n in range(2, 52)]


async def test_a_missing_script_is_loaded_once_for_all_who_miss_it(own_server: Server, own: Runner, name: str) -> None:
    await asyncio.gather(*(own.run(COUNT, name) for _ in range(200)))
    with own_server.client() as client:
        assert client.info("commandstats")["cmdstat_script|load"]["calls"] == 1


async def test_each_caller_gets_his_own_reply_whatever_becomes_of_the_others(standin: Runner, name: str) -> None:
    async def ask(number: int) -> str:
        if number % 5 == 0:
            return (await standin.run(REFUSE, name, code="AGENT_BUSY", detail=str(number))).body
        if number % 7 == 0:
            return (await standin.run(ODD, name)).body
        return (await standin.run(ECHO, name, text=str(number))).body

    asking = [asyncio.create_task(ask(number), name=f"ask {number}") for number in range(600)]
    # Cancelled while queued, while on the wire, and when some answers are there.
    for number in range(0, 200, 3):
        asking[number].cancel()
    await asyncio.sleep(0)
    for number in range(200, 400, 3):
        asking[number].cancel()
    await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
    for number in range(400, 600, 3):
        asking[number].cancel()
    replies = await asyncio.gather(*asking, return_exceptions=True)
    for number, reply in enumerate(replies):
        if isinstance(reply, asyncio.CancelledError):
            assert asking[number].cancelled()
        elif number % 5 == 0:
            assert isinstance(reply, DispatcherError)
            assert (reply.code, reply.detail) == (Code.AGENT_BUSY, str(number))
        elif number % 7 == 0:
            assert isinstance(reply, DispatcherError)
            assert reply.code is Code.SERVER_EXCEPTION
        else:
            assert reply == str(number)
    assert sum(isinstance(reply, str) for reply in replies) > 200
