"""The demo as a person meets it: it says what to paste, that works, everything moves, and Ctrl-C ends it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from dispatcher.client import Client, Http
from dispatcher.demo.service import listening
from dispatcher.model import QueueCreate
from tests.e2e.nodes import SECONDS

PROGRAM = """
import asyncio, sys
from dispatcher.demo import run

asyncio.run(run("127.0.0.1", 0, simulated=sys.argv[1] == "simulated", echo=lambda text: print(text, flush=True)))
"""
LAST_WORDS = "websocat ws://"


class Demo:
    """A running demo, and what it said."""

    def __init__(self, process: Process, guide: str) -> None:
        self.process = process
        self.guide = guide
        self.url = self._find(r"(http://\S+)/openapi.json")
        self.supervisor = self._find(r"TOKEN=(\S+)")
        self.admin = self._find(r"ADMIN=(\S+)")
        self.customer = self._find(r"CUSTOMER=(\S+)")
        self.agent = self._find(r"AGENT=(\S+)")
        self.md5 = self._find(r"md5 (\S+)")

    def _find(self, pattern: str) -> str:
        found = re.search(pattern, self.guide)
        assert found is not None, self.guide
        return found[1]

    async def interrupt(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(SECONDS):
            return await self.process.wait()


@asynccontextmanager
async def demo(people: str) -> AsyncIterator[Demo]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("DISPATCHER_")}
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, people, stdout=PIPE, env=environment)
    assert process.stdout is not None
    try:
        said = ""
        async with asyncio.timeout(SECONDS):
            while LAST_WORDS not in said:
                line = await process.stdout.readline()
                assert line, said
                said += line.decode()
        yield Demo(process, said)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_everything_moves_until_ctrl_c() -> None:
    async with demo("simulated") as running:
        async with await Client.connect(running.url, running.supervisor) as watcher:
            await watcher.watch_queues()
            for count in ("agent_num", "prepare_num", "srv_num"):
                await watcher.wait_for("queue.status", lambda event: event.data[count] > 0, timeout=SECONDS)  # noqa: B023
        async with Http(running.url, running.supervisor) as http:
            assert {queue.name for queue in (await http.list_queues()).items} == {"VIP", "Sales", "Support", "Billing"}
            agents = {agent.agent_id: agent for agent in (await http.list_agents()).items}
            assert agents["fatima"].dnd == 1
        assert await running.interrupt() == 0


async def test_without_people_it_is_empty_and_the_lines_to_paste_work() -> None:
    async with demo("alone") as running:
        async with Http(running.url, running.supervisor) as http:
            assert (await http.list_agents()).items == ()
        async with Http(running.url, running.admin) as http:
            assert (await http.create_queue(QueueCreate(queue_id="returns"))).queue_id == "returns"
        paste = running.guide.split("client for Python\n")[1].split("\nThe same by hand")[0]
        pasted = await asyncio.create_subprocess_shell(
            paste,
            stdout=PIPE,
            env=os.environ | {"CUSTOMER": running.customer, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
        assert pasted.stdout is not None
        try:
            async with asyncio.timeout(SECONDS):
                assert (await pasted.stdout.readline()).startswith(b"snapshot ")
                assert b"'ext': 'hello from the terminal'" in await pasted.stdout.readline()
            # While a client is still connected, which will try on until it is killed.
            assert await running.interrupt() == 0
        finally:
            os.killpg(pasted.pid, signal.SIGKILL)
            await pasted.communicate()


async def test_pages_of_ones_own_may_come_to_it() -> None:
    async with demo("alone") as running, httpx.AsyncClient(base_url=running.url) as site:
        elsewhere = {"Origin": "http://127.0.0.1:8001"}
        for token, role in ((running.customer, "customer"), (running.agent, "agent")):
            answer = await site.get("/v1/me", headers=elsewhere | {"Authorization": f"Bearer {token}"})
            assert answer.json()["user"]["roles"] == [role]
        of_old = {"tenant": "demo", "secret_md5": running.md5, "user_id": "kim"}
        assert (await site.post("/v1/login", headers=elsewhere, json=of_old)).status_code == 200


async def test_the_frames_to_paste_work_again_and_again() -> None:
    async with demo("alone") as running:
        lines = running.guide.split("\nThe same by hand")[1].splitlines()
        paste = next(line for line in lines if "-m websockets" in line)
        assert '"client"' not in "".join(lines)
        for _ in range(2):
            pasted = await asyncio.create_subprocess_shell(
                paste,
                stdin=PIPE,
                stdout=PIPE,
                env=os.environ | {"CUSTOMER": running.customer},
                start_new_session=True,
            )
            assert pasted.stdout is not None
            try:
                said = ""
                async with asyncio.timeout(SECONDS):
                    while not ('"id":2' in said and '"state":"waiting"' in said):
                        line = await pasted.stdout.readline()
                        assert line, said
                        said += line.decode()
                assert '"repeated"' not in said
            finally:
                os.killpg(pasted.pid, signal.SIGKILL)
                await pasted.communicate()


async def test_a_port_that_is_taken_is_an_error_of_the_system() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        async with listening(None, "127.0.0.1", taken.getsockname()[1]):
            pass
