"""Worlds that the bench moves through whole contacts, in batches of pipelined EVALSHAs.

A world knows four stages (`join`, `accept`, `start`, `complete`); a round takes one batch of contacts through all
of them, and the caller measures around each stage. The floor and the product run on the same connection.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from redis import Redis

from dispatcher.store.keys import key
from dispatcher.store.scripts import Scripts

STAGES = ("join", "accept", "start", "complete")
BATCH = 50
FIRST_REQUEST = 1000
"""Above what any state begins with, so that no request is taken for a repeated one."""

CUSTOMERS = 1000
EXT = "hello world"
FLOOR = Path(__file__).parent / "floor"

Measure = Callable[[str, Sequence[tuple[Any, ...]]], list[list[bytes]]]
"""Send one stage's batch of EVALSHA arguments in one pipeline; return the replies."""


def pipelined(client: Redis, calls: Iterable[Sequence[Any]]) -> list[Any]:
    """Send commands in one pipeline; return their replies. Raises ResponseError of the first that failed."""
    pipe = client.pipeline(transaction=False)
    for call in calls:
        pipe.execute_command(*call)
    replies: list[Any] = pipe.execute()
    return replies


def batches(calls: Iterable[tuple[Any, ...]], size: int) -> Iterator[list[tuple[Any, ...]]]:
    """Cut calls into lists of at most `size`."""
    rest = iter(calls)
    while some := list(itertools.islice(rest, size)):
        yield some


class Floor:
    """The four straight-line scripts."""

    def __init__(self, client: Redis) -> None:
        names = ("1_join_and_offer", "2_accept", "3_start", "4_complete")
        self.shas = [client.script_load((FLOOR / f"{name}.lua").read_text(encoding="utf-8")) for name in names]
        self._contacts = itertools.count()

    def round(self, measure: Measure) -> None:
        """Take one batch of contacts through all four scripts."""
        contacts = [f"c{next(self._contacts)}" for _ in range(BATCH)]
        for stage, sha in zip(STAGES, self.shas, strict=True):
            measure(stage, [("EVALSHA", sha, 0, contact) for contact in contacts])


POLICY = json.dumps(
    {
        "description": "",
        "priority": 5,
        "open": 1,
        "max_waiting": 0,
        "max_wait": 0,
        "offer_timeout": 20,
        "connect_timeout": 30,
        "ring_timeout": 30,
        "reject_cooldown": 5,
        "missed_limit": 3,
        "wrap_up": 0,
        "service_level": 20,
        "join_when_no_agents": 1,
    }
)
"""A queue's policy; without wrap-up, so that an agent meets the next contact at once."""


class Product:
    """The product's scripts, and a tenant in the state that they themselves make.

    Saturated: somebody always waits, and every agent of `agents` always holds a contact. Idle: every contact that
    joins one of `queues` meets an able agent.
    """

    def __init__(self, client: Redis, scripts: Scripts, tenant: str = "bench") -> None:
        self.client = client
        self.scripts = scripts
        self.tenant = tenant
        self.shas = {name: client.script_load(scripts.text(name)) for name in scripts.names}
        self.saturated = False
        self._requests = FIRST_REQUEST
        self._queues: Iterator[str] = iter(())
        self._agents: Iterator[str] = iter(())
        self._customers: Iterator[str] = iter(())

    def call(self, script: str, actor: str, *, remembered: bool = True, **arguments: str | int) -> tuple[Any, ...]:
        """Return the EVALSHA of one command, as a client on a session sends it."""
        if remembered:
            self._requests += 1
            arguments |= {"client": f"client-{actor}", "request_id": self._requests}
        arguments |= {"actor": actor}
        values = [arguments.pop(name, "") for name in self.scripts.arguments(script)]
        if arguments:
            raise TypeError(f"{script} does not take {', '.join(arguments)}")
        return ("EVALSHA", self.shas[script], 2, key(self.tenant, "meta"), key(self.tenant, "guard"), *values)

    def run(self, calls: Iterable[tuple[Any, ...]]) -> None:
        """Run calls; every one must succeed."""
        for some in batches(calls, 500):
            check(pipelined(self.client, some))

    def create(self, queues: Sequence[str]) -> None:
        """Make the tenant and its queues."""
        self.run([self.call("tenant_create", "", remembered=False, customer_grace=60, agent_grace=30)])
        self.run(self.call("queue_create", "root", remembered=False, queue_id=q, policy=POLICY) for q in queues)

    def open_sessions(self, users: Sequence[str]) -> None:
        """Connect users, each with a client of his own."""
        self.run(
            self.call(
                "session_open",
                user,
                remembered=False,
                client=f"client-{user}",
                session_id=f"session-{user}",
                node_id="node",
                name="Ann",
            )
            for user in users
        )

    def serve(self, agent: str, queues: Sequence[str]) -> tuple[Any, ...]:
        """Return the call that makes an agent serve queues."""
        return self.call("agent_start_service", agent, agent_id=agent, services=" ".join(f"{q} 1" for q in queues))

    def join(self) -> tuple[Any, ...]:
        """Return the call of the next customer, for the next queue."""
        customer, queue = next(self._customers), next(self._queues)
        return self.call(
            "contact_start_queuing", customer, customer_id=customer, queue_id=queue, ext=EXT, presence="session"
        )

    def turn_to(self, queues: Sequence[str], agents: Sequence[str], customers: Sequence[str], saturated: bool) -> None:
        """Let the next rounds go over these, in turn. The customers must be connected, and enough to be free again."""
        self._queues, self._agents = itertools.cycle(queues), itertools.cycle(agents)
        self._customers = itertools.cycle(customers)
        self.saturated = saturated

    def build(self, *, queues: int, agents: int, served: int, backlog: int) -> None:
        """Make a small tenant: `agents` connected agents serve `served` of `queues` queues each (0 waiting: idle)."""
        numbers = [str(number) for number in range(1, queues + 1)]
        workers = [f"agent-{number}" for number in range(agents)]
        customers = [f"customer-{number}" for number in range(CUSTOMERS)]
        self.create(numbers)
        self.open_sessions(customers + workers)
        rounds = numbers + numbers
        self.run(self.serve(w, rounds[n % queues : n % queues + served]) for n, w in enumerate(workers))
        self.turn_to(numbers, workers, customers, backlog > 0)
        if backlog:
            self.run(self.join() for _ in range(agents + backlog))

    def _offered(self) -> list[tuple[str, str]]:
        """Return the agents of this round, and the contact that each is offered."""
        agents = [next(self._agents) for _ in range(BATCH)]
        contacts = pipelined(self.client, [("HGET", key(self.tenant, "user", agent), "preparing") for agent in agents])
        return [(agent, contact.decode()) for agent, contact in zip(agents, contacts, strict=True)]

    def round(self, measure: Measure) -> None:
        """Take as many contacts as a batch has in, and as many out."""
        joined = check(measure("join", [self.join() for _ in range(BATCH)]))
        if self.saturated:
            pairs = self._offered()
        else:
            ids = [json.loads(reply[1])["contact_id"] for reply in joined]
            agents = pipelined(self.client, [("HGET", key(self.tenant, "contact", id), "agent_id") for id in ids])
            pairs = [(agent.decode(), id) for agent, id in zip(agents, ids, strict=True)]
        check(measure("accept", [self.call("assignment_accept", a, assignment_id=f"{c}-1") for a, c in pairs]))
        check(measure("start", [self.call("contact_start", a, contact_id=c) for a, c in pairs]))
        check(measure("complete", [self.call("contact_complete", a, contact_id=c) for a, c in pairs]))


def check(replies: list[list[bytes]]) -> list[list[bytes]]:
    """Return the replies. Raises RuntimeError where a command was refused: then the figures would mean nothing."""
    for reply in replies:
        if reply[0] != b"OK":
            raise RuntimeError(f"a script answered {reply[0].decode()}: {reply[1].decode()}")
    return replies
