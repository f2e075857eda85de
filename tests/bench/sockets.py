"""What a WebSocket costs: memory, and how long a crowd takes to come back. Beside bare uvicorn in the same run."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass

from dispatcher.model import Role
from tests.bench.doors import Tenant, prepare
from tests.bench.load import Socket
from tests.bench.nodes import bare
from tests.bench.table import Figure, at_most
from tests.processes import Process, node
from tests.servers import running, server

SOCKETS = 2000
SOCKET_KIB_BAR = 16.0
STORM = 10_000
STORM_SECONDS_BAR = 30.0
STORM_RATIO_BAR = 2.5
OPENING = 100
"""How many sockets are opened at the same time."""


@dataclass
class Crowd:
    """Many sockets: how they are opened, so that each is whole."""

    port: int
    enter: Callable[[Socket, str], Awaitable[None]]
    path: str

    async def open(self, users: list[str]) -> list[Socket]:
        """Open a socket for each user, some at a time."""
        gate = asyncio.Semaphore(OPENING)

        async def one(user: str) -> Socket:
            async with gate:
                socket = await Socket.open(self.port, self.path)
                await self.enter(socket, user)
                return socket

        return list(await asyncio.gather(*(one(user) for user in users)))


def visitors(port: int, tokens: dict[str, str]) -> Crowd:
    """Return the crowd that says hello to a node."""

    async def hello(socket: Socket, user: str) -> None:
        await socket.ask(1, "hello", token=tokens[user], client=user)

    return Crowd(port, hello, "/v1/ws")


def echoers(port: int) -> Crowd:
    """Return the crowd that says something to the bare server."""

    async def say(socket: Socket, user: str) -> None:
        socket.send(user)
        await socket.receive()

    return Crowd(port, say, "/ws")


async def memory_each(process: Process, crowd: Crowd, users: list[str]) -> float:
    """Return the KiB of resident memory that one socket costs."""
    # What the first ones cost besides themselves is not a socket's.
    first = await crowd.open(users[:100])
    before = process.memory_bytes
    rest = await crowd.open(users[100:])
    kib = (process.memory_bytes - before) / 1024 / len(rest)
    for socket in first + rest:
        socket.close()
    return kib


async def storm(before: Process, crowd: Crowd, after: Crowd, users: list[str]) -> float:
    """Kill a server under its sockets; return the seconds until all are whole on the other one."""
    sockets = await crowd.open(users)
    gc.collect()
    before.kill()
    for socket in sockets:
        socket.close()
    begun = time.monotonic()
    again = await after.open(users)
    seconds = time.monotonic() - begun
    for socket in again:
        socket.close()
    return seconds


async def measure_sockets(secret: str, nodes: list[Process], bares: list[Process]) -> tuple[float, float, float, float]:
    """Return memory ours and bare (KiB each), and the storm's seconds ours and bare."""
    users = [f"u{number}" for number in range(STORM)]
    tokens = await Tenant(secret, nodes[0].port).tokens(users, Role.CUSTOMER)
    some = users[:SOCKETS]
    ours = await memory_each(nodes[0], visitors(nodes[0].port, tokens), some)
    theirs = await memory_each(bares[0], echoers(bares[0].port), some)
    ours_s = await storm(nodes[1], visitors(nodes[1].port, tokens), visitors(nodes[2].port, tokens), users)
    theirs_s = await storm(bares[1], echoers(bares[1].port), echoers(bares[2].port), users)
    return ours, theirs, ours_s, theirs_s


def socket_figures(binary: str) -> list[Figure]:
    """Return the rows of memory and of the reconnect storm."""
    with ExitStack() as stack:
        instance = stack.enter_context(running(server(binary)))
        nodes = [stack.enter_context(node(instance.url)) for _ in range(3)]
        bares = [stack.enter_context(bare(instance.url)) for _ in range(3)]
        secret = asyncio.run(prepare(instance.url))
        ours, theirs, ours_s, theirs_s = asyncio.run(measure_sockets(secret, nodes, bares))
    memory = f"resident memory of {SOCKETS:,} sockets after hello, each; bare uvicorn in the same run: {theirs:.1f} KiB"
    whole = f"{STORM:,} sockets, {OPENING} at a time, to hello's answer on another node after kill -9; "
    return [
        at_most(
            "memory of a WebSocket above bare uvicorn's",
            ours - theirs,
            SOCKET_KIB_BAR,
            f"{ours:.1f} KiB: {memory}",
            "KiB",
        ),
        at_most(
            "10,000 sockets whole again", ours_s, STORM_SECONDS_BAR, whole + f"bare uvicorn: {theirs_s:.1f} s", "s"
        ),
        at_most("the same against bare uvicorn", ours_s / theirs_s, STORM_RATIO_BAR, "the row above", "× bare"),
    ]
