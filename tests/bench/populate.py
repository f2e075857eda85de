"""A tenant of any size, in the form that the scripts leave: likenesses of what they made once, written fast.

The scripts make one contact that waits, one busy agent with his customer, one able agent, each in a tenant of its
own. Their keys, with the ids marked, are what `clone.lua` writes a million times. So whatever the scripts keep is
kept, and nothing here needs to know it. Queues and the tenant itself are made by the scripts.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from dispatcher.store.keys import key, parse
from dispatcher.store.scripts import Scripts
from tests.bench.world import EXT, Product, check, pipelined

CLONE = (Path(__file__).parent / "clone.lua").read_text(encoding="utf-8")
CLONES_IN_ONE_CALL = 200
PRIORITY_STEP = 2**42
QUEUE, AGENT, CUSTOMER = "queue-of-the-likeness", "agent-of-the-likeness", "customer-of-the-likeness"
MADE_BY_SCRIPTS = {"meta", "log", "queue", "queues", "queue_names", "heads"}

Command = list[str]


@dataclass(frozen=True)
class Size:
    """How many of everything; the first half of the queues is saturated, the second idle."""

    queues: int
    agents: int
    waiting: int


def populate(client: Redis, scripts: Scripts, size: Size) -> Product:
    """Fill an empty server; every agent serves one queue.

    In queues 1 … half everybody waits and the agents are busy (agent-busy-N), in the others the agents are able
    (agent-able-N) and nobody waits.
    """
    likenesses = [_likeness(client, scripts, kind) for kind in ("waiting", "busy", "able")]
    client.flushall()
    product = Product(client, scripts)
    product.create([str(number) for number in range(1, size.queues + 1)])
    seconds, microseconds = client.time()
    now = int(seconds) * 1000 + int(microseconds) // 1000
    half, agents = size.queues // 2, size.agents // 2
    for likeness, count, base, first_queue in zip(
        likenesses,
        (size.waiting, agents, agents),
        (now - size.waiting, now - size.waiting - agents, now),
        (1, 1, half + 1),
        strict=True,
    ):
        _clone(client, likeness, count, base, half, first_queue)
    _index_heads(client, product.tenant, half)
    return product


def serve_more(client: Redis, product: Product, size: Size, served: int) -> None:
    """Let every agent serve `served` queues of his half instead of one; all able ones become idle at one time."""
    half, agents = size.queues // 2, size.agents // 2
    now = int(client.time()[0]) * 1000
    for kind, first in (("busy", 1), ("able", half + 1)):
        name = f"agent-{kind}-@N"
        commands = [
            ["HSET", key(product.tenant, "user", name), "serves", str(served)],
            ["ZADD", key(product.tenant, "agent_queues", name), "1", "@Q"],
            ["ZADD", key(product.tenant, "queue_agents", "@Q"), "1", name],
        ]
        if kind == "able":
            commands[0] += ["idle_since", str(now)]
            commands.append(["ZADD", key(product.tenant, "able", "@Q"), str(PRIORITY_STEP + now), name])
        for shift in range(served):
            _clone(client, commands, agents, 0, half, first, shift)


def _likeness(client: Redis, scripts: Scripts, kind: str) -> list[Command]:
    """Make one by the scripts, and return the commands that write another."""
    client.flushall()
    one = Product(client, scripts)
    one.create([QUEUE])
    if kind != "waiting":
        one.open_sessions([AGENT])
        one.run([one.serve(AGENT, [QUEUE])])
    contact = ""
    if kind != "able":
        one.open_sessions([CUSTOMER])
        call = one.call(
            "contact_start_queuing", CUSTOMER, customer_id=CUSTOMER, queue_id=QUEUE, ext=EXT, presence="session"
        )
        contact = json.loads(check(pipelined(client, [call]))[0][1])["contact_id"]
    marks = [(AGENT, f"agent-{kind}-@N"), (CUSTOMER, f"customer-{kind}-@N"), (QUEUE, "@Q")]
    if contact:
        marks += [(contact, "@C"), (contact[:13], "@M")]
    commands = []
    names: list[bytes] = client.execute_command("KEYS", "*")
    for name in sorted(names):
        parsed = parse(name.decode())
        if parsed and parsed[1] not in MADE_BY_SCRIPTS:
            commands.append([_mark(text, marks) for text in _writing(client, name)])
    return commands


def _writing(client: Redis, name: bytes) -> list[bytes]:
    """Return the command that writes a key as it is."""
    if client.type(name) == b"hash":
        fields: dict[bytes, bytes] = client.execute_command("HGETALL", name)
        return [b"HSET", name, *(part for pair in fields.items() for part in pair)]
    members: list[bytes] = client.execute_command("ZRANGE", name, 0, -1, "WITHSCORES")
    return [b"ZADD", name, *(part for pair in zip(members[1::2], members[::2], strict=True) for part in pair)]


def _mark(text: bytes, marks: Sequence[tuple[str, str]]) -> str:
    marked = text.decode()
    for id, mark in marks:
        marked = marked.replace(id, mark)
    return marked


def _clone(
    client: Redis, commands: list[Command], count: int, base: int, queues: int, first_queue: int, shift: int = 0
) -> None:
    sha = client.script_load(CLONE)
    calls = []
    for first in range(0, count, CLONES_IN_ONE_CALL):
        last = min(count, first + CLONES_IN_ONE_CALL) - 1
        calls.append(("EVALSHA", sha, 0, json.dumps(commands), first, last, base, queues, first_queue, shift))
    for start in range(0, len(calls), 20):
        pipelined(client, calls[start : start + 20])


def _index_heads(client: Redis, tenant: str, queues: int) -> None:
    numbers = [str(number) for number in range(1, queues + 1)]
    firsts = pipelined(client, [("ZRANGE", key(tenant, "waiting", q), 0, 0, "WITHSCORES") for q in numbers])
    priorities = pipelined(client, [("HGET", key(tenant, "queue", q), "priority") for q in numbers])
    scores = [
        part
        for q, first, priority in zip(numbers, firsts, priorities, strict=True)
        if first
        for part in (int(priority) * PRIORITY_STEP + int(first[1]), q)
    ]
    pipelined(client, [("ZADD", key(tenant, "heads"), *scores)])
