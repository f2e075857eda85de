"""`dispatcher events`: the log as people and machines read it, and followed."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import closing
from functools import partial
from http.client import HTTPConnection

import pytest

from api.auth import Tokens
from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, Role, Service
from dispatcher.store.keys import key
from tests.cli.conftest import run
from tests.cli.test_verbs import by_phone, engine_does
from tests.servers import free_port

KEYS = "k" * 64


async def _remove(contact_id: str, engine: Dispatcher, boss: Actor) -> None:
    await engine.stop_queuing(boss, contact_id)


@pytest.fixture
def contacts(acme: str, real_url: str) -> list[str]:
    """Three contacts in a queue, of which the first has left."""
    run("queue", "create", acme, "--id", "sales")
    found = [engine_does(real_url, acme, by_phone(name, "sales")).contact_id for name in ("carl", "dora", "emil")]
    engine_does(real_url, acme, partial(_remove, found[0]))
    return found


def lines(*arguments: str) -> list[str]:
    result = run("events", *arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def test_all_that_is_kept(acme: str, contacts: list[str]) -> None:
    text = lines(acme)
    told = [line.split()[2] for line in text if "audit" not in line]
    assert told == ["queue.changed", *["contact.entered"] * 3, "contact.left", "contact.ended"]
    at, rest = text[-1][:23], text[-1][25:]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", at)
    assert rest.split() == [
        "contact.ended", f"contact_id={contacts[0]}", "customer_id=carl", "queue_id=sales", "state=ended",
        "reason=removed",
    ]  # fmt: skip


def test_a_reader_who_has_seen_enough_is_no_error(acme: str, contacts: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "dispatcher", "events", acme],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert ended.stderr == b""


async def _serve(engine: Dispatcher, boss: Actor) -> None:
    ann = Actor(tenant=boss.tenant, user_id="ann", roles=frozenset({Role.AGENT}), client="c")
    await engine.open_session(ann, "s", "")
    await engine.start_service(ann, "ann", [Service(queue_id="sales")])


def test_what_is_so_is_written_as_everywhere_else(acme: str, real_url: str) -> None:
    """As JSON writes it, not as Python does."""
    run("queue", "create", acme, "--id", "sales")
    engine_does(real_url, acme, _serve)
    (told,) = lines(acme, "--types", "agent.service")
    assert told.split()[2:] == ["agent.service", "queue_id=sales", "agent_id=ann", "serving=true"]


def test_entries_for_machines_and_going_on_from_a_cursor(acme: str, contacts: list[str]) -> None:
    entries = [json.loads(line) for line in lines(acme, "--json")]
    assert all(set(entry) == {"cursor", "at", "events"} for entry in entries)
    rest = [json.loads(line) for line in lines(acme, "--json", "--since", entries[1]["cursor"])]
    assert rest == entries[2:]
    assert lines(acme, "--since", str(entries[-1]["at"] + 60_000)) == []


def test_some_types_and_one_contact(acme: str, contacts: list[str]) -> None:
    assert [line.split()[2] for line in lines(acme, "--types", "contact.left,queue")] == [
        "queue.changed",
        "contact.left",
    ]
    story = lines(acme, "--contact", contacts[0], "--types", "contact")
    assert [line.split()[2] for line in story] == ["contact.entered", "contact.left", "contact.ended"]
    assert all(contacts[0] in line for line in story)


def test_older_events_that_are_gone_are_spoken_of(acme: str, contacts: list[str], real_url: str) -> None:
    cursors = [json.loads(line)["cursor"] for line in lines(acme, "--json")]

    async def trim(engine: Dispatcher, boss: Actor) -> None:
        await engine.runner.store.client.xtrim(key(acme, "log"), minid=cursors[2], approximate=False)

    engine_does(real_url, acme, trim)
    result = run("events", acme, "--since", cursors[0], "--json")
    assert result.stderr == f"dispatcher: older events are gone; the log begins at {cursors[2]}\n"
    assert json.loads(result.stdout.splitlines()[0])["cursor"] == cursors[2]
    assert run("events", acme).stderr == ""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--since", "yesterday"], 2, "dispatcher: since: not a cursor\n"),
        (["--types", "agnet"], 2, "dispatcher: types: there is no event agnet in the log\n"),
        (["--contact", "7"], 2, "dispatcher: contact: must be an id like 1763824800123-0007\n"),
    ],
)
def test_what_is_wrong_is_said(acme: str, arguments: list[str], code: int, said: str) -> None:
    result = run("events", acme, *arguments)
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", said)


def test_a_tenant_that_is_not_there(acme: str) -> None:
    result = run("events", f"{acme}-no", "--follow")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "there is no such tenant" in result.stderr


def test_following_until_ctrl_c(acme: str, contacts: list[str], real_url: str) -> None:
    command = [sys.executable, "-m", "dispatcher", "events", acme, "--follow", "--json", "--types", "contact.ended"]
    since = json.loads(lines(acme, "--json")[-1])["cursor"]
    process = subprocess.Popen(
        [*command, "--since", since], env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        for contact in contacts[1:]:
            engine_does(real_url, acme, partial(_remove, contact))
            assert process.stdout is not None
            entry = json.loads(process.stdout.readline())
            assert [event["data"]["contact_id"] for event in entry["events"]] == [contact]
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert (process.returncode, rest, errors) == (0, "", "")


def test_a_node_that_stops_ends_its_streams_of_events(acme: str, contacts: list[str], real_url: str) -> None:
    """Who reads a stream would hold up the stop for as long as the server waits for anybody."""
    environment = {"DISPATCHER_REDIS_URL": real_url, "DISPATCHER_TOKEN_KEYS": KEYS, "DISPATCHER_LOG_FORMAT": "json"}
    port = free_port()
    serve = [sys.executable, "-m", "dispatcher", "serve", "--port", str(port)]
    process = subprocess.Popen(serve, env=os.environ | environment, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        said = next(line for line in process.stderr if "node.listening" in line)
        token = Tokens([KEYS]).mint(acme, "reports", "", [Role.SUPERVISOR]).token
        with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as connection:
            connection.request("GET", "/v1/events?since=0", headers={"Authorization": f"Bearer {token}"})
            with connection.getresponse() as response:
                assert response.readline().startswith(b"retry:")
                process.terminate()
                assert contacts[-1].encode() in response.read()  # to its proper end: a broken one would raise
        rest = said + process.communicate(timeout=20)[1]
    finally:
        process.kill()
        process.wait()
    logged = [json.loads(line) for line in rest.splitlines() if line.startswith("{")]
    assert logged[-1]["event"] == "node.stopped"
    assert not [entry for entry in logged if entry["level"] == "error"]
