"""Worlds that the bench moves through whole contacts, in batches of pipelined EVALSHAs.

A world knows four stages (`join`, `accept`, `start`, `complete`); a round takes one batch of contacts through all
of them, and the caller measures around each stage. The floor and the product run on the same connection.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from dispatcher.store.keys import key
from dispatcher.store.scripts import Scripts
from redis import Redis

STAGES = ("join", "accept", "start", "complete")
BATCH = 50
TENANT = "bench"
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


class Product:
    """The product's scripts, with the state that they themselves make.

    `agents` agents serve `served` of `queues` queues each. Saturated: a backlog waits, and every agent always holds
    a contact. Idle: every contact meets an able agent.
    """

    def __init__(self, client: Redis, scripts: Scripts, tenant: str = TENANT) -> None:
        self.client = client
        self.scripts = scripts
        self.tenant = tenant
        self.shas = {name: client.script_load(scripts.text(name)) for name in scripts.names}
        self._requests: dict[str, int] = {}
        self._customers: list[str] = []
        self._next_customer = 0
        self.agents: list[str] = []
        self.queues: list[str] = []
        self._next_agent = 0
        self._next_queue = 0
        self.saturated = False

    def call(self, script: str, actor: str, *, remembered: bool = True, **arguments: str | int) -> tuple[Any, ...]:
        """Return the EVALSHA of one command, as a client on a session sends it."""
        if remembered:
            number = self._requests[actor] = self._requests.get(actor, 0) + 1
            arguments |= {"client": f"client-{actor}", "request_id": number}
        arguments |= {"actor": actor}
        values = [arguments.pop(name, "") for name in self.scripts.arguments(script)]
        if arguments:
            raise TypeError(f"{script} does not take {', '.join(arguments)}")
        return ("EVALSHA", self.shas[script], 2, key(self.tenant, "meta"), key(self.tenant, "guard"), *values)

    def run(self, calls: Sequence[tuple[Any, ...]]) -> list[list[bytes]]:
        """Run calls; every one must succeed."""
        replies: list[list[bytes]] = []
        for start in range(0, len(calls), 500):
            replies += pipelined(self.client, calls[start : start + 500])
        check(replies)
        return replies

    def open_sessions(self, users: Sequence[str]) -> None:
        """Connect users, each with a client of his own."""
        self.run(
            [
                self.call(
                    "session_open", user, remembered=False, client=f"client-{user}", session_id=f"s-{user}",
                    node_id="node", name="Ann",
                )
                for user in users
            ]
        )

    def build(self, *, queues: int, agents: int, served: int, customers: int, backlog: int) -> None:
        """Make tenant, queues, connected customers and agents; fill the backlog (0: idle)."""
        self.run([self.call("tenant_create", "", remembered=False, customer_grace=60, agent_grace=30)])
        self.queues = [str(number) for number in range(1, queues + 1)]
        policy = json.dumps(POLICY)
        self.run(
            [self.call("queue_create", "root", remembered=False, queue_id=q, policy=policy) for q in self.queues]
        )
        self._customers = [f"customer-{number}" for number in range(customers)]
        self.open_sessions(self._customers)
        self.agents = [f"agent-{number}" for number in range(agents)]
        self.open_sessions(self.agents)
        self.run(
            [
                self.call("agent_start_service", agent, agent_id=agent, services=self._services(number, served))
                for number, agent in enumerate(self.agents)
            ]
        )
        self.saturated = backlog > 0
        if self.saturated:
            self.run([self._join() for _ in range(agents + backlog)])

    def _services(self, number: int, served: int) -> str:
        return " ".join(f"{self.queues[(number + i) % len(self.queues)]} 1" for i in range(served))

    def _join(self) -> tuple[Any, ...]:
        customer = self._customers[self._next_customer % len(self._customers)]
        queue = self.queues[self._next_queue % len(self.queues)]
        self._next_customer += 1
        self._next_queue += 1
        return self.call("contact_start_queuing", customer, customer_id=customer, queue_id=queue, ext=EXT,
                         presence="session")

    def _offered(self) -> list[tuple[str, str]]:
        """Return the agents of this round with what each is offered."""
        agents = [self.agents[(self._next_agent + i) % len(self.agents)] for i in range(BATCH)]
        self._next_agent += BATCH
        contacts = pipelined(self.client, [("HGET", key(self.tenant, "user", agent), "preparing") for agent in agents])
        return [(agent, contact.decode()) for agent, contact in zip(agents, contacts, strict=True)]

    def round(self, measure: Measure) -> None:
        """Take as many contacts as a batch has in, and as many out."""
        joined = check(measure("join", [self._join() for _ in range(BATCH)]))
        if self.saturated:
            pairs = self._offered()
        else:
            ids = [json.loads(reply[1])["contact_id"] for reply in joined]
            agents = pipelined(self.client, [("HGET", key(self.tenant, "contact", id), "agent_id") for id in ids])
            pairs = [(agent.decode(), id) for agent, id in zip(agents, ids, strict=True)]
        check(measure("accept", [self.call("assignment_accept", a, assignment_id=f"{c}-1") for a, c in pairs]))
        check(measure("start", [self.call("contact_start", a, contact_id=c) for a, c in pairs]))
        check(measure("complete", [self.call("contact_complete", a, contact_id=c) for a, c in pairs]))


POLICY = {
    "description": "", "priority": 5, "open": 1, "max_waiting": 0, "max_wait": 0, "offer_timeout": 20,
    "connect_timeout": 30, "ring_timeout": 30, "reject_cooldown": 5, "missed_limit": 3, "wrap_up": 0,
    "service_level": 20, "join_when_no_agents": 1,
}
"""A queue's policy; without wrap-up, so that an agent meets the next contact at once."""


def check(replies: list[list[bytes]]) -> list[list[bytes]]:
    """Return the replies. Raises RuntimeError where a command was refused: then the figures would mean nothing."""
    for reply in replies:
        if reply[0] != b"OK":
            raise RuntimeError(f"a script answered {reply[0].decode()}: {reply[1].decode()}")
    return replies
