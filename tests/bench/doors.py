"""The doors from outside: requests a second, and the latency of an offer.

Each figure stands beside the same work on a bare server in the same run, on the same Redis, because the
microseconds of a machine say little by themselves.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from statistics import median, quantiles
from typing import Any

from dispatcher.engine import Dispatcher
from dispatcher.model import Actor, QueueCreate, Role
from dispatcher.store.connect import connect
from dispatcher.store.keys import key
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.bench.load import Connection, Socket
from tests.bench.nodes import bare
from tests.bench.table import Figure, at_least, at_most
from tests.bench.world import EXT
from tests.processes import Process, node
from tests.servers import Server, running, server

TENANT = "doors"
QUEUE = "1"
HTTP_BAR = 0.6
HTTP_CONNECTIONS = 8
HTTP_PAIRS = 5
HTTP_SECONDS = 2.0
OFFERS_A_SECOND = 100
OFFERS = 1500
SEEN_WITHIN_S = 30
OFFER_P50_MS, OFFER_P99_MS = 5.0, 25.0
AGENTS = 40


async def prepare(url: str) -> str:
    """Make the tenant with one queue; return its secret."""
    store = await connect(url)
    try:
        dispatcher = Dispatcher(Runner(store, Scripts()))
        secret = await dispatcher.create_tenant(TENANT)
        admin = Actor(tenant=TENANT, user_id="root", roles=frozenset({Role.ADMIN}))
        await dispatcher.create_queue(admin, QueueCreate(queue_id=QUEUE))
        return secret
    finally:
        await store.close()


class Tenant:
    """The tenant of a run, and tokens for its people."""

    def __init__(self, secret: str, port: int) -> None:
        self._secret = secret
        self._port = port

    async def tokens(self, users: Iterator[str] | list[str], role: Role) -> dict[str, str]:
        """Mint tokens as an integrator's backend does: with a token of an admin, which is not limited as logins are."""
        connection = await Connection.open(self._port)
        try:
            login = {"tenant": TENANT, "secret": self._secret, "user_id": "root", "roles": ["admin"]}
            admin = await _token(connection, "/v1/login", login)
            tokens = {}
            for user in users:
                tokens[user] = await _token(connection, "/v1/tokens", {"user_id": user, "roles": [role.value]}, admin)
            return tokens
        finally:
            connection.close()


async def _token(connection: Connection, path: str, body: dict[str, Any], token: str = "") -> str:
    status, answer = await connection.post(path, json.dumps(body), token)
    if status >= 300:
        raise RuntimeError(answer.decode())
    minted: str = json.loads(answer)["token"]
    return minted


# Requests a second


async def http_per_second(port: int, seconds: float, request: Callable[[], tuple[str, str, str]]) -> float:
    """Send requests (path, body, token) over some connections for so long; return how many a second succeeded."""
    connections = [await Connection.open(port) for _ in range(HTTP_CONNECTIONS)]
    until = time.monotonic() + seconds
    done = 0

    async def lane(connection: Connection) -> None:
        nonlocal done
        while time.monotonic() < until:
            status, answer = await connection.post(*request())
            if status != 201:
                raise RuntimeError(answer.decode())
            done += 1

    begun = time.monotonic()
    await asyncio.gather(*(lane(connection) for connection in connections))
    rate = done / (time.monotonic() - begun)
    for connection in connections:
        connection.close()
    return rate


async def measure_http(instance: Server, ours: Process, theirs: Process) -> list[tuple[float, float]]:
    """Return pairs of rates, the bare server's and ours, in turns."""
    secret = await prepare(instance.url)
    tokens = await Tenant(secret, ours.port).tokens(["backend"], Role.SUPERVISOR)
    scripts = Scripts()
    with instance.client() as client:
        sha = client.script_load(scripts.text("contact_start_queuing"))
    keys = [key(TENANT, "meta"), key(TENANT, "guard")]
    customers = itertools.count()

    def to_ours() -> tuple[str, str, str]:
        body = {"queue_id": QUEUE, "customer_id": f"c{next(customers)}", "ext": EXT, "presence": "none"}
        return "/v1/contacts", json.dumps(body), tokens["backend"]

    def to_bare() -> tuple[str, str, str]:
        given = {"actor": "backend", "supervisor": "1", "customer_id": f"c{next(customers)}", "queue_id": QUEUE}
        given |= {"ext": EXT, "presence": "none"}
        arguments = [given.get(name, "") for name in scripts.arguments("contact_start_queuing")]
        return "/bare", json.dumps([sha, *keys, *arguments]), ""

    pairs = []
    for _ in range(HTTP_PAIRS + 1):
        bare_rate = await http_per_second(theirs.port, HTTP_SECONDS, to_bare)
        pairs.append((bare_rate, await http_per_second(ours.port, HTTP_SECONDS, to_ours)))
    return pairs[1:]


def http_figures(binary: str) -> list[Figure]:
    """Return the row of start_queuing over HTTP."""
    with ExitStack() as stack:
        instance = stack.enter_context(running(server(binary)))
        ours, theirs = stack.enter_context(node(instance.url)), stack.enter_context(bare(instance.url))
        pairs = asyncio.run(measure_http(instance, ours, theirs))
    share = median(product / floor for floor, product in pairs)
    how = (
        f"{HTTP_CONNECTIONS} connections, one process; against a bare FastAPI route that runs the same script by one "
        f"EVALSHA; median of {HTTP_PAIRS} pairs of {HTTP_SECONDS:g} s: {median(p for _, p in pairs):,.0f}/s against "
        f"{median(f for f, _ in pairs):,.0f}/s"
    )
    return [at_least("start_queuing over HTTP", share, HTTP_BAR, how, "× bare", pairs=pairs)]


# The latency of an offer


class Stopwatch:
    """Times from sending to seeing, in milliseconds, of `count` things."""

    def __init__(self, count: int) -> None:
        self._begun: dict[str, float] = {}
        self._count = count
        self._all = asyncio.Event()
        self.found: list[float] = []

    def begin(self, what: str) -> None:
        """Note when something is sent."""
        self._begun[what] = time.perf_counter()

    def end(self, what: str) -> None:
        """Note that it was seen."""
        self.found.append((time.perf_counter() - self._begun.pop(what)) * 1000)
        if len(self.found) == self._count:
            self._all.set()

    async def all_seen(self) -> None:
        """Wait until all were seen. Raises TimeoutError."""
        await asyncio.wait_for(self._all.wait(), SEEN_WITHIN_S)

    def percentiles(self) -> tuple[float, float]:
        """Return the 50th and the 99th."""
        cuts = quantiles(self.found, n=100)
        return cuts[49], cuts[98]


async def open_loop(send: Callable[[str], Awaitable[None]]) -> None:
    """Send at an even rate, whether or not the ones before have been answered."""
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as sending:
        for number in range(OFFERS):
            await asyncio.sleep(begun + number / OFFERS_A_SECOND - time.perf_counter())
            sending.create_task(_awaited(send(f"c{number}")))


async def _awaited(what: Awaitable[None]) -> None:
    await what


class Connections:
    """Kept-alive connections, one for each request under way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[Connection] = []

    async def post(self, path: str, body: str, token: str = "") -> None:
        """Send a body. Raises RuntimeError where it is refused."""
        while self._free and self._free[-1].is_closed:
            self._free.pop()
        connection = self._free.pop() if self._free else await Connection.open(self._port)
        status, answer = await connection.post(path, body, token)
        if status >= 300:
            raise RuntimeError(answer.decode())
        self._free.append(connection)


async def offers(secret: str, port: int) -> Stopwatch:
    """Let contacts come to able agents; time each from its POST to the event on the agent's WebSocket."""
    people = Tenant(secret, port)
    token = (await people.tokens(["backend"], Role.SUPERVISOR))["backend"]
    agents = await people.tokens([f"agent-{n}" for n in range(AGENTS)], Role.AGENT)
    stopwatch = Stopwatch(OFFERS)

    async def serve(socket: Socket) -> None:
        ids = itertools.count(10)
        while True:
            for event in json.loads(await socket.receive()).get("events", ()):
                if event["event"] == "assignment.offered":
                    contact = event["data"]["contact"]
                    stopwatch.end(contact["customer_id"])
                    for cmd in ("start", "complete"):
                        args = {"contact_id": contact["contact_id"]}
                        socket.send(json.dumps({"id": next(ids), "cmd": cmd, "args": args}))

    async def join(customer: str) -> None:
        body = {"queue_id": QUEUE, "customer_id": customer, "ext": EXT, "presence": "none"}
        stopwatch.begin(customer)
        await connections.post("/v1/contacts", json.dumps(body), token)

    sockets = []
    for agent, agents_token in agents.items():
        socket = await Socket.open(port)
        await socket.ask(1, "hello", token=agents_token, client=agent)
        await socket.ask(2, "start_service", queue_id=QUEUE)
        sockets.append(socket)
    serving = [asyncio.create_task(serve(socket)) for socket in sockets]
    connections = Connections(port)
    await open_loop(join)
    await stopwatch.all_seen()
    for task in serving:
        task.cancel()
    return stopwatch


async def echoes(port: int) -> Stopwatch:
    """Time the bare server's echo of one EVALSHA and one publish."""
    stopwatch = Stopwatch(OFFERS)

    async def listen(socket: Socket) -> None:
        while True:
            stopwatch.end(await socket.receive())

    async def send(text: str) -> None:
        stopwatch.begin(text)
        await connections.post("/echo", text)

    listening = asyncio.create_task(listen(await Socket.open(port, "/ws")))
    connections = Connections(port)
    await open_loop(send)
    await stopwatch.all_seen()
    listening.cancel()
    return stopwatch


def latency_figures(binary: str) -> list[Figure]:
    """Return the rows of the latency of an offer."""
    with ExitStack() as stack:
        instance = stack.enter_context(running(server(binary)))
        ours, theirs = stack.enter_context(node(instance.url)), stack.enter_context(bare(instance.url))
        secret = asyncio.run(prepare(instance.url))
        p50, p99 = asyncio.run(offers(secret, ours.port)).percentiles()
        bare50, bare99 = asyncio.run(echoes(theirs.port)).percentiles()
    how = (
        f"POST /v1/contacts to the event on the agent's WebSocket, {AGENTS} agents, open loop at {OFFERS_A_SECOND}/s "
        f"for {OFFERS / OFFERS_A_SECOND:g} s, each served to its end; a bare echo of one EVALSHA and one publish: "
    )
    return [
        at_most("offer to an able agent, p50", p50, OFFER_P50_MS, f"{how}{bare50:.2f} ms", "ms", bare=bare50),
        at_most("offer to an able agent, p99", p99, OFFER_P99_MS, f"{how}{bare99:.2f} ms", "ms", bare=bare99),
    ]
