"""The verbs that look at a tenant and change its queues, on a real server."""

from __future__ import annotations

import asyncio
import io
import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
import redis
from rich.console import Console

from dispatcher.cli.queue import MEANINGS
from dispatcher.cli.top import board
from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, Policy, Presence, Queue, QueueStatus, Role, Service
from dispatcher.overview import Overview
from dispatcher.store import keys as table
from dispatcher.store.connect import connect
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.cli.conftest import run

Work = Callable[[Dispatcher, Actor], Awaitable[Any]]


def told(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def engine_does(url: str, tenant: str, work: Work) -> Any:
    """Do something as a supervisor, over the engine."""

    async def on_engine() -> Any:
        store = await connect(url)
        try:
            boss = Actor(tenant=tenant, user_id="boss", roles=frozenset({Role.ADMIN}))
            return await work(Dispatcher(Runner(store, Scripts())), boss)
        finally:
            await store.close()

    return asyncio.run(on_engine())


def by_phone(customer_id: str, queue_id: str) -> Work:
    return lambda engine, boss: engine.start_queuing(
        boss, queue_id, customer_id=customer_id, name=customer_id, presence=Presence.NONE
    )


async def _ann_serves(engine: Dispatcher, boss: Actor) -> None:
    ann = Actor(tenant=boss.tenant, user_id="ann", name="Ann", roles=frozenset({Role.AGENT}))
    await engine.open_session(ann, "s" * 16, "node")
    await engine.start_service(ann, "ann", [Service(queue_id="sales", priority=3)])


def _act(verb: str, contact_id: str, engine: Dispatcher, boss: Actor) -> Awaitable[Any]:
    done: Awaitable[Any] = getattr(engine, verb)(boss, contact_id)
    return done


def test_a_queue_from_creation_to_deletion(acme: str, real_url: str) -> None:
    assert run("queue", "create", acme).stdout == "1\n"
    created = told(
        "queue", "create", acme, "--id", "sales", "name=Sales = good", "priority=5", "open=yes", "max_wait=9"
    )
    assert (created["queue_id"], created["name"], created["priority"]) == ("sales", "Sales = good", 5)
    assert (created["open"], created["max_wait"]) == (True, 9)
    edited = told("queue", "edit", acme, "sales", "open=no", "wrap_up=10")
    assert (edited["open"], edited["wrap_up"], edited["priority"]) == (False, 10, 5)
    run("queue", "edit", acme, "sales", "open=1")
    engine_does(real_url, acme, by_phone("carl", "sales"))
    shown = told("queue", "show", acme, "sales")
    assert (shown["open"], shown["status"]["wait_num"]) == (True, 1)
    assert [queue["queue_id"] for queue in told("queue", "list", acme)] == ["1", "sales"]
    listed = run("queue", "list", acme).stdout.splitlines()
    assert listed[0].split() == [
        "queue", "name", "priority", "open", "waiting", "longest_s", "preparing", "serving", "agents",
    ]  # fmt: skip
    assert listed[2].split()[-5:-4] == ["1"]
    refused = run("queue", "delete", acme, "sales")
    assert (refused.exit_code, refused.stderr) == (1, "dispatcher: The queue is not empty\n")
    assert told("queue", "delete", acme, "sales", "--force") == {"queue_id": "sales", "gone": True}
    assert run("queue", "delete", acme, "1").stdout == "1 is gone\n"
    none = run("queue", "list", acme)
    assert (none.stdout, none.stderr, told("queue", "list", acme)) == ("", "there are no queues\n", [])


def test_a_queue_for_people(acme: str, real_url: str) -> None:
    run("queue", "create", acme, "--id", "sales", "name=Sales")
    engine_does(real_url, acme, by_phone("carl", "sales"))
    lines = run("queue", "show", acme, "sales").stdout.splitlines()
    shown = {line.split()[0]: line.split()[1] for line in lines}
    assert list(shown.items())[:2] == [("queue_id", "sales"), ("name", "Sales")]
    assert len(shown) == len(lines)
    assert [shown[name] for name in ("wait_num", "agent_num", "open", "description")] == ["1", "0", "yes", "-"]


@pytest.mark.parametrize(
    ("arguments", "exit_code", "said"),
    [
        (("create", "T", "priority=1001"), 2, "priority: must be at most 1000"),
        (("create", "T", "priority=many"), 2, "priority: must be a whole number"),
        (("create", "T", "open=maybe"), 2, "open: must be true or false"),
        (("create", "T", "priority"), 2, "not MEMBER=VALUE: priority"),
        (("create", "T", "colour=red"), 2, "colour: there is no such member"),
        (("create", "T", "open=yes", "open=no"), 2, "open is given twice"),
        (("create", "T", "--id", "a/b"), 2, "queue_id: "),
        (("create", "T", "status={}"), 2, "status: there is no such member"),
        (("edit", "T", "none", "priority=1"), 1, "There is no such queue"),
        (("edit", "T", "none"), 2, "Missing argument"),
        (("show", "T", "none"), 1, "There is no such queue"),
        (("delete", "T", "none"), 1, "There is no such queue"),
        (("list", "no-such-tenant"), 1, "there is no such tenant"),
        (("list", "No Such Name"), 1, "there is no tenant No Such Name"),
    ],
)
def test_queue_mistakes(acme: str, arguments: tuple[str, ...], exit_code: int, said: str) -> None:
    result = run("queue", *(acme if argument == "T" else argument for argument in arguments))
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert said in result.stderr


def test_a_damaged_queue_is_no_stack_trace(acme: str, real_url: str) -> None:
    run("queue", "create", acme, "--id", "q")
    with redis.Redis.from_url(real_url) as client:
        client.hset(table.key(acme, "queue", "q"), "priority", "abc")
    shown = run("queue", "show", acme, "q")
    assert (shown.exit_code, shown.stdout) == (1, "")
    assert shown.stderr.startswith("dispatcher: what the store holds is damaged (")
    assert shown.stderr.endswith("); `dispatcher doctor` says where\n")


def test_the_help_explains_every_member_of_a_policy() -> None:
    assert MEANINGS.keys() == Policy.model_fields.keys()
    for verb in ("create", "edit"):
        text = run("queue", verb, "--help").output
        for name, field in Policy.model_fields.items():
            default = {True: "yes", False: "no"}.get(field.default, field.default) if isinstance(
                field.default, bool
            ) else field.default  # fmt: skip
            assert re.search(rf"^ +{name} +.*\[{re.escape(str(default))}\]$", text, re.MULTILINE), name


def test_agents(acme: str, real_url: str) -> None:
    run("queue", "create", acme, "--id", "sales")
    run("queue", "create", acme, "--id", "empty")
    assert told("agent", "list", acme) == []
    assert run("agent", "list", acme).stderr == "nobody serves a queue\n"
    engine_does(real_url, acme, _ann_serves)
    (ann,) = told("agent", "list", acme, "--queue", "sales")
    assert (ann["agent_id"], ann["state"], ann["queues"]) == ("ann", "idle", [{"queue_id": "sales", "priority": 3}])
    assert told("agent", "show", acme, "ann") == ann
    assert told("agent", "list", acme, "--queue", "empty") == []
    line = run("agent", "list", acme).stdout.splitlines()[1]
    assert re.fullmatch(r"ann +Ann +idle +\d{4}-\d\d-\d\d [\d:.]{12} +0 +0 of 1 +sales:3", line)
    assert "state     idle\n" in re.sub(r"(?m)^(\w+) +", r"\1     ", run("agent", "show", acme, "ann").stdout)
    lines = run("agent", "show", acme, "ann").stdout.splitlines()
    assert "queues    queue_id=sales priority=3" in lines
    assert "contacts  -" in lines
    assert any(re.fullmatch(r"since_at  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC", line) for line in lines)
    unknown = run("agent", "show", acme, "nobody")
    assert (unknown.exit_code, unknown.stderr) == (1, "dispatcher: There is no such user\n")


def test_a_contact_and_its_story(acme: str, real_url: str) -> None:
    run("queue", "create", acme, "--id", "sales")
    engine_does(real_url, acme, by_phone("carl", "sales"))
    other = engine_does(real_url, acme, by_phone("dora", "sales"))
    engine_does(real_url, acme, _ann_serves)
    assignment = engine_does(
        real_url,
        acme,
        lambda engine, boss: engine.get_snapshot(Actor(tenant=acme, user_id="ann", roles=frozenset({Role.AGENT}))),
    ).assignments[0]
    contact_id = assignment.contact.contact_id
    for verb in ("start", "complete"):
        engine_does(real_url, acme, partial(_act, verb, contact_id))
    shown = told("contact", "show", acme, contact_id)
    assert (shown["contact"]["state"], shown["contact"]["reason"]) == ("ended", "completed")
    assert [step["event"] for step in shown["story"]] == [
        "contact.entered",
        "contact.left",
        "assignment.offered",
        "contact.matched",
        "assignment.accepted",
        "contact.serving",
        "assignment.completed",
        "contact.ended",
    ]
    assert {json.dumps(step).count(other.contact_id) for step in shown["story"]} == {0}
    text = run("contact", "show", acme, contact_id).stdout
    assert re.search(r"assignment\.offered +sales +ann +order, waited \d+\.\d s", text)
    # Carl was queued, served and completed by the boss; he was matched by nobody's command but Ann's own.
    assert [step.get("by") for step in shown["story"]] == ["boss", *[None] * 3, *["boss"] * 4]
    assert re.search(r"contact\.ended +sales +ann +completed +boss\n", text)
    unknown = run("contact", "show", acme, "1763824800000-0000")
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert run("contact", "show", acme, "nonsense").exit_code == 2


def test_the_key_scheme() -> None:
    text = run("keys").stdout
    for row in table.TENANT_KEYS + table.CHANNELS + table.GLOBAL_KEYS:
        assert row.content in text
    scheme = told("keys")
    assert [row["facet"] for row in scheme["tenant"]] == [row.facet for row in table.TENANT_KEYS]


def test_one_key(acme: str, real_url: str) -> None:
    run("queue", "create", acme, "--id", "sales", "priority=7")
    contact = engine_does(real_url, acme, by_phone("carl", "sales"))

    def value(facet: str, id: str = "") -> Any:
        return told("keys", table.key(acme, facet, id))["value"]

    waiting = told("keys", f"acd:{{{acme}}}:waiting:sales")
    assert (waiting["tenant"], waiting["facet"], waiting["id_of"], waiting["id"]) == (acme, "waiting", "queue", "sales")
    assert waiting["value"]["shown"] == [[contact.contact_id, str(contact.queued_at)]]
    assert value("heads")["shown"] == [["sales", f"priority 7, oldest from {contact.queued_at}"]]
    assert value("held", "sales")["type"] == "none"
    assert value("log")["type"] == "stream"
    assert dict(value("queue", "sales")["shown"])["priority"] == "7"
    secrets = {name: text for name, text in value("meta")["shown"] if "secret" in name}
    assert secrets
    assert set(secrets.values()) <= {"(not shown)", ""}
    assert acme in [name for name, _ in told("keys", "acd:tenants")["value"]["shown"]]
    text = run("keys", f"acd:{{{acme}}}:waiting:sales").stdout
    assert "\ntype      ZSET\ncontent   contacts that wait @ queued_at\n" in text
    assert f"\n  {contact.contact_id}  {contact.queued_at}\n" in text
    assert "value" in told("keys", f"acd:{{{acme}}}:feed")


@pytest.mark.parametrize("name", ["acd:{x}:nothing", "acd:{x}:waiting", "acd:{x}:log:1", "acd:other", "foo", ""])
def test_what_is_no_key_of_ours(name: str) -> None:
    result = run("keys", name)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not a key of the scheme" in result.stderr


def test_top_in_plain_text(acme: str, real_url: str) -> None:
    for id in ("sales", "vip"):
        run("queue", "create", acme, "--id", id)
    engine_does(real_url, acme, by_phone("carl", "vip"))
    engine_does(real_url, acme, _ann_serves)
    lines = run("top", acme, "--once").stdout.splitlines()
    assert lines[0] == "1 waiting, 0 preparing, 0 serving"
    assert lines[1] == "agents: 0 offline, 0 busy, 0 offered, 0 wrapping, 0 cooling, 0 manual, 1 idle"
    assert lines[2].split() == ["queue", "waiting", "longest", "preparing", "serving", "agents"]
    assert [line.split()[0] for line in lines[3:]] == ["vip", "sales"]
    assert run("top", acme).stdout.splitlines()[2:] == lines[2:]
    seen = told("top", acme)
    assert seen["agents"] == {"idle": 1}
    assert {row["queue_id"]: row["wait_num"] for row in seen["queues"]} == {"sales": 0, "vip": 1}
    assert run("top", "no-such-tenant").exit_code == 1


def test_top_lives_in_a_terminal_until_ctrl_c(acme: str, real_url: str) -> None:
    run("queue", "create", acme, "--id", "sales")
    terminal, inside = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dispatcher", "top", acme, "--every", "0.5"],
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env={**os.environ, "DISPATCHER_REDIS_URL": real_url, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"},
        start_new_session=True,
    )
    os.close(inside)
    try:
        _read_until(terminal, b"0 waiting")
        engine_does(real_url, acme, by_phone("carl", "sales"))
        _read_until(terminal, b"1 waiting")
        process.send_signal(2)
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(terminal)


def _read_until(terminal: int, wanted: bytes) -> None:
    seen, deadline = b"", time.monotonic() + 20
    while wanted not in seen:
        assert time.monotonic() < deadline, seen[-2000:]
        if select.select([terminal], [], [], 0.2)[0]:
            with suppress(OSError):
                seen += os.read(terminal, 65536)


def test_the_board_shows_what_fits() -> None:
    queues = tuple(
        Queue(
            queue_id=f"q{number:03d}",
            name="",
            status=QueueStatus(
                queue_id=f"q{number:03d}", agent_num=0, wait_num=1, prepare_num=0, srv_num=0, longest_wait_s=number
            ),
        )
        for number in range(100)
    )
    console = Console(width=80, height=20, record=True, file=io.StringIO())
    console.print(board("acme", Overview(queues, Counter({"idle": 2}), complete=False), 20, "no answer"))
    text = console.export_text()
    assert len(text.splitlines()) <= 20
    assert text.splitlines()[0] == "acme: 100 waiting, 0 preparing, 0 serving"
    assert "2 idle" in text
    assert "not all queues and agents were read. no answer" in text
    assert "q099" in text
    assert "1:39" in text
    assert "and 86 queues more" in text


def test_completion_for_shells() -> None:
    environment = {
        **os.environ,
        "_DISPATCHER_COMPLETE": "complete_bash",
        "COMP_WORDS": "dispatcher qu",
        "COMP_CWORD": "1",
    }
    code = "from dispatcher.cli import app; app(prog_name='dispatcher')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["queue"]
