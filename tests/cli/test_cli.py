from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from dispatcher import doctor, keyspace
from dispatcher.cli import app
from dispatcher.doctor import Violation
from dispatcher.settings import Settings, described
from dispatcher.store import fitness
from tests.servers import Server

KEYS = "k" * 64
COMMANDS = [
    *((), ("serve",), ("demo",), ("top",), ("events",), ("keys",), ("doctor",)),
    *(("tenant",), ("tenant", "create"), ("tenant", "list"), ("tenant", "show"), ("tenant", "set")),
    *(("tenant", "pause"), ("tenant", "resume")),
    *(("tenant", "rotate-secret"), ("user",), *(("user", verb) for verb in ("create", "list", "passwd", "delete"))),
    *(("queue",), *(("queue", verb) for verb in ("create", "list", "show", "edit", "delete"))),
    *(("agent",), ("agent", "list"), ("agent", "show"), ("contact",), ("contact", "show")),
]
GROUPS = {("tenant",), ("user",), ("queue",), ("agent",), ("contact",)}


@pytest.fixture
def redis(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A real Redis in the environment; the embedded lane has none to offer to another process."""
    monkeypatch.setenv("DISPATCHER_REDIS_URL", url)
    return url


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="dispatcher")


def unique(name: str) -> str:
    return f"{name}-{time.time_ns()}"


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(command: tuple[str, ...]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert result.output.startswith("Usage: dispatcher")
    if command and command not in GROUPS:
        assert f"Examples:\n    dispatcher {' '.join(command)}" in result.output


@pytest.mark.parametrize("command", [(), *sorted(GROUPS)], ids=" ".join)
def test_a_list_of_commands_says_whole_sentences(command: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*command, "--help"], prog_name="dispatcher", terminal_width=80).output
    commands = shown.partition("Commands:")[2]
    assert commands
    assert "..." not in commands


def test_serve_shows_every_setting() -> None:
    text = run("serve", "--help").output
    for name, default, meaning in described():
        assert name in text
        assert meaning in text
        assert default in text
    assert len(described()) == len(Settings.model_fields)


def test_wrong_usage() -> None:
    for arguments in (["nothing"], ["tenant", "create"], ["serve", "--port", "x"], ["doctor", "a", "b"]):
        assert run(*arguments).exit_code == 2


def test_a_tenant_s_secret_is_shown_once(lane: str, redis: str) -> None:
    if lane == "embedded":
        result = run("tenant", "create", "acme")
        assert result.exit_code == 2
        assert "DISPATCHER_REDIS_URL is not set" in result.output
        return
    first, second = unique("acme"), unique("other")
    shown = json.loads(run("tenant", "create", first, "--json").stdout)
    assert shown == {"tenant": first, "secret": shown["secret"]}
    assert len(shown["secret"]) >= 32
    plain = run("tenant", "create", second)
    assert plain.stdout.splitlines()[0] == f"tenant  {second}"
    listed = run("tenant", "list").stdout.splitlines()
    assert {first, second} <= set(listed)
    assert listed == sorted(listed)
    assert json.loads(run("tenant", "list", "--json").stdout) == {"tenants": listed}
    form = "1 to 63 of a-z 0-9 _ -, first a letter or digit"
    for wrong, said in ((first, f"dispatcher: a tenant {first} exists already\n"), ("No Such Name", form)):
        again = run("tenant", "create", wrong, "--json")
        assert (again.exit_code, again.stdout) == (1, "")
        assert said in again.stderr


def test_the_doctor(lane: str, redis: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if lane == "embedded":
        assert run("doctor").exit_code == 2
        return
    name = unique("acme")
    unknown = run("doctor", name)
    assert (unknown.exit_code, unknown.stderr) == (1, f"dispatcher: there is no tenant {name}\n")
    run("tenant", "create", name)
    well = run("doctor", name)
    assert (well.exit_code, well.stdout) == (0, f"{name}: well\n")
    assert "appendonly is off" in well.stderr
    everybody = run("doctor")
    assert everybody.exit_code == 0, everybody.output

    async def check(*_: Any, **__: Any) -> list[Violation]:
        return [Violation(3, "a deadline without a timer", "acd:{x}:timers")]

    monkeypatch.setattr(doctor, "check", check)
    ill = run("doctor", name)
    assert ill.exit_code == 1
    assert "invariant 3: a deadline without a timer  (acd:{x}:timers)" in ill.output
    shown = run("doctor", name, "--json")
    assert shown.exit_code == 1
    told = json.loads(shown.stdout)
    assert told["tenants"] == {name: [{"invariant": 3, "what": "a deadline without a timer", "key": "acd:{x}:timers"}]}
    assert {finding["unfit"] for finding in told["servers"]} == {False}


def test_a_store_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCHER_REDIS_URL", "redis://me:s3cret@127.0.0.1:1/0")
    for arguments in (["tenant", "list"], ["tenant", "create", "acme"], ["doctor"]):
        result = run(*arguments)
        assert result.exit_code == 3, result.output
        assert len(result.stderr.splitlines()) == 1
        assert "redis://127.0.0.1:1/0: Connection refused. " in result.stderr
        assert "s3cret" not in result.stderr


def test_a_store_that_never_says_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS to a server that expects none, which waits for a command as well."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        monkeypatch.setenv("DISPATCHER_COMMAND_TIMEOUT_S", "0.3")
        monkeypatch.setenv("DISPATCHER_REDIS_URL", f"rediss://127.0.0.1:{port}")
        result = run("doctor")
    assert result.exit_code == 3, result.output
    assert f"the store rediss://127.0.0.1:{port}: no answer in time. " in result.stderr


def test_a_store_that_cannot_work_is_refused(own_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCHER_REDIS_URL", own_server.url)
    monkeypatch.setenv("DISPATCHER_TOKEN_KEYS", KEYS)
    monkeypatch.setattr(fitness, "REDIS_MIN", (99, 0))
    monkeypatch.setattr(fitness, "VALKEY_MIN", (99, 0))
    refused = run("serve", "--port", "0")
    assert refused.exit_code == 2
    assert ": 99.0 or newer is needed" in refused.stderr.splitlines()[-1]
    looked = run("doctor")
    assert (looked.exit_code, looked.stdout) == (1, "")
    assert "UNFIT" in looked.stderr
    assert "there is no tenant on this store\n" in looked.stderr


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("REDIS_URL", "http://x", "redis+cluster://"),
        ("REDIS_URL", "redis://127.0.0.1:1/xx", "DISPATCHER_REDIS_URL: a database is a number, not xx"),
        ("REDIS_URL", "redis://127.0.0.1:x", "DISPATCHER_REDIS_URL: not a host and port: 127.0.0.1:x"),
        ("REDIS_URL", "redis+sentinel://h:1/main/x", "DISPATCHER_REDIS_URL: a database is a number, not x"),
        ("PORT", "many", "DISPATCHER_PORT: must be a whole number"),
        ("LOG_LEVEL", "loud", "DISPATCHER_LOG_LEVEL: must be 'debug', 'info', 'warning' or 'error'"),
        ("NODE_ID", "a b", "DISPATCHER_NODE_ID: must be 1 to 64 of A-Z a-z 0-9 _ . -"),
        ("TOKEN_KEYS", "short", "at least 32 characters"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(f"DISPATCHER_{name}", value)
    result = run("serve", "--port", "0")
    assert result.exit_code == 2
    assert said in result.stderr
    assert "short" not in result.stderr


def test_a_real_redis_needs_keys_and_says_how_to_make_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPATCHER_REDIS_URL", "redis://127.0.0.1:1")
    result = run("serve")
    assert result.exit_code == 2
    assert "python -c 'import secrets; print(secrets.token_hex(32))'" in result.stderr


def test_serve_serves_and_ends_when_told(lane: str, redis: str) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {"DISPATCHER_REDIS_URL": redis, "DISPATCHER_TOKEN_KEYS": KEYS, "DISPATCHER_LOG_FORMAT": "json"}
    # A slip of the pen, and what orchestrators put there.
    environment |= {"DISPATCHER_METRIC_PORT": "9100", "DISPATCHER_SERVICE_HOST": "10.0.0.1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "dispatcher", "serve", "--port", str(port)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if f":{port}" in line:
                break
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as response:
            assert json.load(response)["status"] == "ok"
        process.terminate()
        rest = process.communicate(timeout=20)[1]
    finally:
        process.kill()
        process.wait()
    assert process.returncode in {0, -15}
    logged = [json.loads(line) for line in [*lines, *rest.splitlines()] if line.startswith("{")]
    assert {"node.started", "node.stopped"} <= {entry["event"] for entry in logged}
    # The lanes' servers keep nothing, and serve says so.
    warned = {entry["event"] for entry in logged if entry["level"] in {"warning", "error"}}
    assert warned == {"settings.unknown"} | (set() if lane == "embedded" else {"store.not_as_it_should"})
    unknown = [(entry["name"], entry["meant"]) for entry in logged if entry["event"] == "settings.unknown"]
    assert unknown == [("DISPATCHER_METRIC_PORT", "DISPATCHER_METRICS_PORT")]
    assert ("dispatcher demo" in "".join(lines)) == (lane == "embedded")
    assert KEYS not in "".join(lines) + rest


def test_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPATCHER_REDIS_URL", raising=False)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = f"dispatcher: cannot listen on 127.0.0.1:{port}: Address already in use"
        for command in ("serve", "demo"):
            result = run(command, "--port", str(port))
            assert result.exit_code == 1
            assert result.stderr.splitlines()[-1] == said
        monkeypatch.setenv("DISPATCHER_METRICS_PORT", str(port))
        assert run("serve", "--port", "0").stderr.splitlines()[-1] == said


def test_the_doctor_names_what_is_too_many_or_missing() -> None:
    expected = {"ann": 1, "bob": 2, "cat": 3}
    assert (
        doctor.difference(expected, {"bob": 2, "cat": 4, "dan": 5})
        == "missing: ann @ 1; too many: dan @ 5; wrong: cat @ 4 for 3"
    )
    assert doctor.difference({}, dict.fromkeys("abcdefg")) == "too many: a, b, c, d, e and 2 more"
    state = keyspace.State("t", hashes={"queue": {"1": {"priority": "1"}}}, zsets={"queues": {"": {"1": 0, "2": 0}}})
    assert [violation.what for violation in doctor.counts_and_index(state)] == ["the list of queues: too many: 2"]


def test_the_command_line_knows_no_doors() -> None:
    code = (
        "import sys; import dispatcher.cli; sys.exit(any(m.split('.')[0] in ('fastapi', 'api') for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
