"""The server of deploy/: its settings are in effect, and each user may do his own work and no more."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
import redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError
from redis.retry import Retry
from typer.testing import CliRunner

from dispatcher.cli import app
from dispatcher.store.connect import connect
from dispatcher.store.fitness import examine
from tests.deploy.conftest import AUDITOR, DEPLOY, Guarded
from tests.deploy.serving import a_contact_is_served
from tests.servers import command

Do = Callable[[redis.Redis], Any]


async def test_the_service_works_with_its_user_alone(guarded: Guarded) -> None:
    _forget_refusals(guarded)
    store = await connect(guarded.url_of("dispatcher"))
    try:
        assert await examine(store) == []
        await a_contact_is_served(store, "acme")
    finally:
        await store.close()
    assert _refused(guarded) == []


def test_the_command_line_works_with_the_service_s_user(guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCHER_REDIS_URL", guarded.url_of("dispatcher"))
    _forget_refusals(guarded)
    for verb in (
        "tenant create shop",
        "tenant list",
        "queue create shop --id q",
        "queue edit shop q priority=3",
        "queue list shop",
        "agent list shop",
        "top shop --once",
        "events shop",
        "keys acd:{shop}:meta",
        "keys acd:{shop}:log",
        "keys acd:tenants",
        "doctor shop --log",
        "queue delete shop q",
    ):
        result = CliRunner().invoke(app, verb.split(), prog_name="dispatcher")
        assert result.exit_code == 0, f"{verb}: {result.output}"
    assert _refused(guarded) == []


def _forget_refusals(guarded: Guarded) -> None:
    with guarded.client() as operator:
        command(operator, "ACL", "LOG", "RESET")


def _refused(guarded: Guarded) -> list[Any]:
    """Return what the service's user was refused so far."""
    with guarded.client() as operator:
        return [entry for entry in command(operator, "ACL", "LOG") if "dispatcher" in str(entry)]


def _subscribe(channel: str) -> Do:
    def do(client: redis.Redis) -> Any:
        with client.pubsub() as reading:
            reading.ssubscribe(channel)
            return reading.get_sharded_message(timeout=5)

    return do


def _run(*words: str | int) -> Do:
    return lambda client: command(client, *words)


LOG, FEED = "acd:{acme}:log", "acd:{acme}:feed"
MAY: dict[str, list[Do]] = {
    "reader": [
        _run("XRANGE", LOG, "-", "+", "COUNT", 1),
        _run("XREVRANGE", LOG, "+", "-", "COUNT", 1),
        _run("XREAD", "COUNT", 1, "STREAMS", LOG, "0"),
        _run("XLEN", LOG),
        _subscribe(FEED),
    ],
    "operator": [
        _run("HGETALL", "acd:{acme}:meta"),
        _run("ZRANGE", "acd:nodes", 0, -1),
        _run("SCAN", 0),
        _run("INFO"),
        _run("SLOWLOG", "GET"),
        _run("LATENCY", "DOCTOR"),
        _run("CLIENT", "LIST"),
        _run("MEMORY", "USAGE", LOG),
        _run("BGSAVE"),
        _subscribe(FEED),
    ],
    "dispatcher": [_run("SMEMBERS", "acd:tenants"), _run("TIME")],
}
MAY_NOT: dict[str, list[Do]] = {
    "reader": [
        _run("HGETALL", "acd:{acme}:meta"),
        _run("GET", LOG),
        _run("TYPE", LOG),
        _run("SMEMBERS", "acd:tenants"),
        _run("XRANGE", "acd:{acme}:waiting:q", "-", "+"),
        _run("XADD", LOG, "*", "at", 1),
        _run("XTRIM", LOG, "MAXLEN", 0),
        _run("DEL", LOG),
        _run("SPUBLISH", FEED, "x"),
        _subscribe("acd:{acme}:to:ann"),
        _subscribe("acd:{acme}:about:q"),
        _run("PUBLISH", FEED, "x"),
        _run("SCAN", 0),
        _run("KEYS", "*"),
        _run("INFO"),
        _run("EVAL", "return 1", 0),
        _run("FLUSHALL"),
    ],
    "operator": [
        _run("HSET", "acd:{acme}:meta", "x", "1"),
        _run("DEL", LOG),
        _run("XTRIM", LOG, "MAXLEN", 0),
        _run("SPUBLISH", FEED, "x"),
        _run("KEYS", "*"),
        _run("EVAL", "return 1", 0),
        _run("EVALSHA", "0" * 40, 0),
        _run("CONFIG", "SET", "maxmemory", 1),
        _run("CONFIG", "GET", "masterauth"),
        _run("CLIENT", "KILL", "ID", 1),
        _run("ACL", "SETUSER", "operator", "allcommands"),
        _run("SHUTDOWN"),
        _run("FLUSHALL"),
    ],
    "dispatcher": [
        _run("SET", "somebody-else", "x"),
        _run("GET", "somebody-else"),
        _run("KEYS", "*"),
        _run("FLUSHALL"),
        _run("FLUSHDB"),
        _run("EVAL", "return 1", 0),
        _run("CONFIG", "GET", "*"),
        _run("SCRIPT", "FLUSH"),
        _run("SPUBLISH", "elsewhere", "x"),
        _run("ACL", "LIST"),
        _run("SHUTDOWN"),
        _run("RENAME", LOG, "acd:x"),
    ],
}


@pytest.mark.parametrize("user", MAY)
def test_what_a_user_may_do_and_what_not(guarded: Guarded, user: str) -> None:
    with guarded.client_of("dispatcher") as service:
        service.xadd(LOG, {"at": 1, "events": "[]"})
    with guarded.client_of(user) as client:
        for number, do in enumerate(MAY[user]):
            try:
                do(client)
            except NoPermissionError as error:
                pytest.fail(f"{user} may not do number {number}: {error}")
        for number, do in enumerate(MAY_NOT[user]):
            with pytest.raises(NoPermissionError):
                pytest.fail(f"{user} may do number {number}: {do(client)}")


def test_nobody_comes_in_without_a_password(guarded: Guarded) -> None:
    with redis.Redis(port=guarded.port, retry=Retry(NoBackoff(), 0)) as anybody, pytest.raises(AuthenticationError):
        anybody.ping()


def test_the_settings_are_in_effect(guarded: Guarded) -> None:
    url = f"redis://auditor:{AUDITOR}@127.0.0.1:{guarded.port}/0"
    with redis.Redis.from_url(url, decode_responses=True) as auditor:
        got = auditor.config_get("maxmemory*", "append*", "client-output-buffer-limit")
    assert got["maxmemory-policy"] == "noeviction"
    assert int(got["maxmemory"]) == 2 * 1024**3
    assert (got["appendonly"], got["appendfsync"]) == ("yes", "everysec")
    assert "pubsub 268435456 67108864 60" in got["client-output-buffer-limit"]


@pytest.mark.parametrize("password", ["", "a b", "x/y", "'"])
def test_a_password_that_a_file_cannot_hold_is_refused(password: str, tmp_path: Any) -> None:
    environment = {**os.environ, "SERVICE_PASSWORD": password, "READER_PASSWORD": "r", "OPERATOR_PASSWORD": "o"}
    script = [str(DEPLOY / "redis" / "start.sh"), str(DEPLOY / "redis"), str(tmp_path)]
    done = subprocess.run(["sh", *script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("SERVICE_PASSWORD: ")
    assert list(tmp_path.iterdir()) == []
