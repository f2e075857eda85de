"""Which of two errors: surely not applied, or nobody knows. On real servers refused, killed, frozen, full."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.exceptions import BusyLoadingError, NoPermissionError, OutOfMemoryError, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from dispatcher import doctor
from dispatcher.errors import Code, DispatcherError
from dispatcher.store.connect import Store, connect
from dispatcher.store.runner import Runner
from dispatcher.store.wire import DEPTH, error_of, redis_errors
from tests.proxy import Proxy
from tests.servers import Server, free_port
from tests.store.standin import COUNT, ECHO, FREE, LOOP, Standin


async def code_of(runner: Runner, script: str, tenant: str) -> Code:
    with pytest.raises(DispatcherError) as caught:
        await runner.run(script, tenant)
    return caught.value.code


def begin(runner: Runner, script: str, tenant: str) -> asyncio.Task[object]:
    return asyncio.create_task(runner.run(script, tenant), name=script)


def code(task: asyncio.Task[object]) -> Code:
    error = task.exception()
    assert isinstance(error, DispatcherError)
    return error.code


async def ping_for_ever(store: Store) -> None:
    while True:
        await store.client.ping()


@pytest.fixture
async def hasty(proxy: Proxy) -> AsyncIterator[Runner]:
    """The stand-in scripts, with an answer expected within 0.2 s."""
    store = await connect(proxy.url, timeout=0.2)
    yield Runner(store, Standin())
    await store.close()


async def test_a_refused_connection_is_unavailable(name: str) -> None:
    store = await connect(f"redis://127.0.0.1:{free_port()}")
    assert await code_of(Runner(store, Standin()), COUNT, name) is Code.UNAVAILABLE
    with pytest.raises(DispatcherError) as caught, redis_errors():
        await store.client.get("x")
    assert caught.value.code is Code.UNAVAILABLE
    await store.close()


async def test_an_answer_lost_with_the_connection_is_outcome_unknown(
    own: Runner, proxy: Proxy, own_server: Server, name: str
) -> None:
    await own.run(COUNT, name)
    proxy.swallow = True
    proxy.answered.clear()
    lost = begin(own, COUNT, name)
    await proxy.answered.wait()
    proxy.cut()
    await asyncio.wait([lost])
    assert code(lost) is Code.OUTCOME_UNKNOWN
    proxy.swallow = False
    assert (await own.run(COUNT, name)).body == "3", "it had been carried out, once"


async def test_a_plain_command_whose_answer_is_lost_is_outcome_unknown(own: Runner, proxy: Proxy) -> None:
    async def count() -> None:
        with redis_errors():
            await own.store.client.incr("n")

    await count()
    proxy.swallow = True
    proxy.answered.clear()
    lost = asyncio.create_task(count(), name="incr")
    await proxy.answered.wait()
    proxy.cut()
    await asyncio.wait([lost])
    assert code(lost) is Code.OUTCOME_UNKNOWN
    proxy.swallow = False
    assert await own.store.client.get("n") == "2"


async def test_a_server_killed_with_commands_in_flight(
    own: Runner, proxy: Proxy, own_server: Server, name: str
) -> None:
    await own.run(COUNT, name)
    own_server.freeze()
    proxy.asked.clear()
    asked = [begin(own, COUNT, name) for _ in range(DEPTH + 44)]
    await proxy.asked.wait()
    own_server.kill()
    await asyncio.wait(asked)
    codes = [code(task) for task in asked]
    assert codes == [Code.OUTCOME_UNKNOWN] * DEPTH + [Code.UNAVAILABLE] * 44, "only what was written is unknown"


async def test_a_server_that_hangs_is_given_up_and_asked_anew(hasty: Runner, own_server: Server, name: str) -> None:
    await hasty.run(COUNT, name)
    own_server.freeze()
    assert await code_of(hasty, COUNT, name) is Code.OUTCOME_UNKNOWN
    own_server.thaw()
    assert (await hasty.run(COUNT, name)).body == "3"


async def test_a_server_restarted_while_idle_is_connected_again(own: Runner, own_server: Server, name: str) -> None:
    await own.run(COUNT, name)
    wire = await own.store.wire(name)
    own_server.restart()
    await asyncio.wait([wire.task])
    assert (await own.run(COUNT, name)).body == "1"


@pytest.mark.parametrize(
    "settings",
    [
        {"maxmemory": "1"},
        {"min-replicas-to-write": "1"},
        {"requirepass": "secret"},
        {"maxclients": "1"},
        {"replicaof": "127.0.0.1 1"},
        {"replicaof": "127.0.0.1 1", "replica-serve-stale-data": "no"},
    ],
    ids=["out of memory", "no replicas", "no password", "too many clients", "replica", "replica without master"],
)
async def test_what_the_server_refuses_to_begin_is_unavailable(
    own: Runner, proxy: Proxy, own_server: Server, name: str, settings: dict[str, str]
) -> None:
    with own_server.client() as admin:
        await own.run(ECHO, name)
        before = admin.config_get()
        for setting, value in settings.items():
            if setting == "replicaof":
                admin.replicaof(*value.split())
            else:
                admin.config_set(setting, value)
        # A connection made before a password was asked for stays in.
        proxy.cut()
        await asyncio.wait([(await own.store.wire(name)).task])
        assert await code_of(own, COUNT, name) is Code.UNAVAILABLE
        for setting in settings:
            if setting == "replicaof":
                admin.replicaof("NO", "ONE")
            else:
                admin.config_set(setting, before[setting] or "")
    assert (await own.run(COUNT, name)).body == "1", "surely not applied"


async def test_a_full_server_still_runs_what_frees(own: Runner, own_server: Server, name: str) -> None:
    with own_server.client() as admin:
        admin.config_set("maxmemory", "1")
    assert (await own.run(FREE, name)).body == "1"


async def test_a_demoted_master_is_left(own: Runner, own_server: Server, name: str) -> None:
    await own.run(COUNT, name)
    wire = await own.store.wire(name)
    with own_server.client() as admin:
        admin.replicaof("127.0.0.1", "1")
        asked = [begin(own, COUNT, name) for _ in range(20)]
        await asyncio.wait(asked)
        assert {code(task) for task in asked} == {Code.UNAVAILABLE}
        await asyncio.wait([wire.task])
        admin.replicaof("NO", "ONE")
    assert (await own.run(COUNT, name)).body == "2"


async def test_while_a_script_runs_wild_the_others_are_unavailable(own: Runner, own_server: Server, name: str) -> None:
    with own_server.client() as admin:
        admin.config_set("busy-reply-threshold", "1")
        wild = begin(own, LOOP, name)
        other = await connect(own_server.url)
        with pytest.raises(ResponseError, match="BUSY"):
            await ping_for_ever(other)
        assert await code_of(Runner(other, Standin()), COUNT, name) is Code.UNAVAILABLE
        admin.script_kill()
        await asyncio.wait([wild])
        assert code(wild) is Code.SERVER_EXCEPTION
        await other.close()


async def test_a_store_that_closes_ends_what_is_asked(own: Runner, own_server: Server, proxy: Proxy, name: str) -> None:
    await own.run(COUNT, name)
    own_server.freeze()
    proxy.asked.clear()
    asked = begin(own, COUNT, name)
    await proxy.asked.wait()
    await own.store.close()
    assert code(asked) is Code.OUTCOME_UNKNOWN
    assert await code_of(own, COUNT, name) is Code.UNAVAILABLE
    own_server.thaw()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), Code.UNAVAILABLE),
        (
            OutOfMemoryError("command not allowed when used memory > 'maxmemory'. script: 25cb, on @user_script:2."),
            Code.SERVER_EXCEPTION,
        ),
        (NoPermissionError("this user has no permissions to run the 'evalsha' command"), Code.UNAVAILABLE),
        (
            ResponseError("The user executing the script can't run this command script: 25cb, on @user_script:2."),
            Code.SERVER_EXCEPTION,
        ),
        (ResponseError("MISCONF Errors writing to the AOF file: No space left on device"), Code.UNAVAILABLE),
        (BusyLoadingError("Redis is loading the dataset in memory"), Code.UNAVAILABLE),
        (ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"), Code.SERVER_EXCEPTION),
        (RedisConnectionError("Connection closed by server."), Code.OUTCOME_UNKNOWN),
        (RedisTimeoutError("Timeout reading from 127.0.0.1:6379"), Code.OUTCOME_UNKNOWN),
    ],
)
def test_a_refusal_from_inside_a_script_comes_too_late_to_be_one(error: RedisError, code: Code) -> None:
    assert error_of(error).code is code


async def test_the_doctor_whose_patient_goes_away_says_so(own_server: Server) -> None:
    store = await connect(own_server.url)
    try:
        await store.client.hset("acd:{t}:meta", "now", "1")
        assert await doctor.check(store, "t") == []
        own_server.kill()
        with pytest.raises(DispatcherError) as caught:
            await doctor.check(store, "t")
        assert caught.value.code in {Code.UNAVAILABLE, Code.OUTCOME_UNKNOWN}
    finally:
        await store.close()
