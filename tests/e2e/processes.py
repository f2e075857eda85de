"""Real nodes, started as by hand, to be killed and stopped."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Self

import httpx

from tests.servers import free_port

START_S = 60
KEYS = "e2e" * 16


class NodeProcess:
    """One `dispatcher serve`."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.port = port

    @classmethod
    async def start(cls, redis_url: str, **settings: str) -> Self:
        """Start it, and wait until it is ready."""
        port = free_port()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCHER_")}
        environment |= {"DISPATCHER_REDIS_URL": redis_url, "DISPATCHER_TOKEN_KEYS": KEYS} | settings
        command = [sys.executable, "-m", "dispatcher", "serve", "--port", str(port)]
        process = await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=DEVNULL, env=environment)
        node = cls(process, port)
        try:
            await node._ready()
        except BaseException:
            node.kill()
            raise
        return node

    async def _ready(self) -> None:
        async with asyncio.timeout(START_S), httpx.AsyncClient() as http:
            while True:
                try:
                    if (await http.get(f"http://127.0.0.1:{self.port}/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    assert self.process.returncode is None, "it ended"
                await asyncio.sleep(0.05)  # nobody tells when a process is ready

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """Kill -9."""
        if self.process.returncode is None:
            self.process.kill()

    async def stop(self) -> int:
        """Stop it as an init system does; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.process.wait()


@asynccontextmanager
async def nodes(redis_url: str, count: int, **settings: str) -> AsyncIterator[list[NodeProcess]]:
    """Run nodes; those that are still there at the end are killed."""
    running: list[NodeProcess] = []
    try:
        for number in range(count):
            name = f"n{number}-{secrets.token_hex(3)}"
            running.append(await NodeProcess.start(redis_url, DISPATCHER_NODE_ID=name, **settings))
        yield running
    finally:
        for node in running:
            node.kill()
            await node.process.wait()
