"""Whole contacts per second through the engine: on a real server beside redis-benchmark's floor, and embedded."""

from __future__ import annotations

import asyncio
import csv
import itertools
import shutil
import subprocess
import time
from collections.abc import Iterator
from statistics import median

from redis import Redis

from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, QueueCreate, Role, Service
from dispatcher.store.connect import connect
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.bench.table import Figure, at_least, reported
from tests.bench.world import EXT, Floor
from tests.servers import running, server

TENANT = "engine"
QUEUES = 10
LANES = 200
ENGINE_BAR = 0.5
ENGINE_ROUNDS = 3
ENGINE_SECONDS = 4.0
PIPELINE = 16
FLOOR_RUNS = 30_000
EMBEDDED_BAR = 100.0
EMBEDDED_LANES = 20
EMBEDDED_SECONDS = 4.0


class Lane:
    """One customer and one agent on sessions; as many agents as customers, so every contact meets an able one."""

    def __init__(self, dispatcher: Dispatcher, number: int, requests: Iterator[int]) -> None:
        self.dispatcher = dispatcher
        self.queue = str(number % QUEUES + 1)
        self._users = (f"customer-{number}", f"agent-{number}")
        self._requests = requests

    async def open(self) -> None:
        """Connect both; the agent serves the queue."""
        customer, agent = self._users
        for user, role in ((customer, Role.CUSTOMER), (agent, Role.AGENT)):
            await self.dispatcher.open_session(self._actor(user, role), f"session-{user}", "node")
        served = [Service(queue_id=self.queue, priority=1)]
        await self.dispatcher.start_service(self._actor(agent, Role.AGENT), agent, served)

    async def contacts(self, until: float) -> int:
        """Bring contacts through until the time (seconds of the monotonic clock); return how many."""
        engine = self.dispatcher
        count = 0
        while time.monotonic() < until:
            contact = await engine.start_queuing(self._actor(self._users[0], Role.CUSTOMER), self.queue, ext=EXT)
            # Whoever was idle longest got it, most likely the agent of another lane.
            agent = str(contact.agent_id)
            await engine.accept(self._actor(agent, Role.AGENT), f"{contact.contact_id}-1")
            await engine.start(self._actor(agent, Role.AGENT), contact.contact_id)
            await engine.complete(self._actor(agent, Role.AGENT), contact.contact_id)
            count += 1
        return count

    def _actor(self, user: str, role: Role) -> Actor:
        return Actor(
            tenant=TENANT,
            user_id=user,
            name="Ann",
            roles=frozenset({role}),
            client=f"client-{user}",
            request_id=next(self._requests),
        )


async def contacts_per_second(url: str, lanes: int, seconds: float) -> float:
    """Run whole contacts on a store for so long, in so many tasks of this process; return how many a second."""
    store = await connect(url)
    try:
        dispatcher = Dispatcher(Runner(store, Scripts()))
        await dispatcher.create_tenant(TENANT)
        admin = Actor(tenant=TENANT, user_id="root", roles=frozenset({Role.ADMIN}))
        for number in range(1, QUEUES + 1):
            await dispatcher.create_queue(admin, QueueCreate(queue_id=str(number)))
        requests = itertools.count(1)
        running_lanes = [Lane(dispatcher, number, requests) for number in range(lanes)]
        for lane in running_lanes:
            await lane.open()
        begun = time.monotonic()
        counts = await asyncio.gather(*(lane.contacts(begun + seconds) for lane in running_lanes))
        return sum(counts) / (time.monotonic() - begun)
    finally:
        await store.close()


def floor_per_second(client: Redis, binary: str, port: int) -> float:
    """Return the whole contacts a second that redis-benchmark gets out of the four floor scripts, one after another."""
    seconds = 0.0
    for sha in Floor(client).shas:
        command = [binary, "-p", str(port), "-P", str(PIPELINE), "-n", str(FLOOR_RUNS), "-r", "1000000", "--csv"]
        output = subprocess.run(
            [*command, "EVALSHA", sha, "0", "c__rand_int__"], check=True, capture_output=True, text=True
        ).stdout
        rate = next(csv.reader(output.splitlines()[-1:]))[1]
        seconds += 1 / float(rate)
    return 1 / seconds


def engine_figures(binary: str) -> list[Figure]:
    """Return the row of the engine on a real server, beside redis-benchmark in the same run."""
    name = "contacts/s through the engine, one Python process, pipelined"
    benchmark = shutil.which("redis-benchmark") or shutil.which("valkey-benchmark")
    pairs = []
    for _ in range(ENGINE_ROUNDS):
        with running(server(binary)) as instance, Redis(port=instance.port, protocol=2) as client:
            floor = floor_per_second(client, benchmark, instance.port) if benchmark else 0.0
            client.flushall()
            ours = asyncio.run(contacts_per_second(instance.url, LANES, ENGINE_SECONDS))
            pairs.append((floor, ours))
    ours = median(ours for _, ours in pairs)
    how = f"{LANES} tasks, a client's sessions and request ids, results parsed; {ENGINE_SECONDS:g} s each"
    if not benchmark:
        return [reported(name, f"{ours:,.0f}/s", how + "; there is no redis-benchmark here to compare with")]
    floor = median(floor for floor, _ in pairs)
    share = median(ours / floor for floor, ours in pairs)
    how += (
        f"; against redis-benchmark -P {PIPELINE} on the four floor scripts in turn, same server; "
        f"median of {ENGINE_ROUNDS}: {ours:,.0f}/s against {floor:,.0f}/s"
    )
    return [at_least(name, share, ENGINE_BAR, how, "× floor", contacts_per_second=ours, floor_per_second=floor)]


def embedded_figures() -> list[Figure]:
    """Return the row of the embedded store."""
    rate = asyncio.run(contacts_per_second("", EMBEDDED_LANES, EMBEDDED_SECONDS))
    how = f"fakeredis in the same process, through the engine, {EMBEDDED_LANES} tasks, {EMBEDDED_SECONDS:g} s"
    return [at_least("embedded: whole contacts/s", rate, EMBEDDED_BAR, how, "/s")]
