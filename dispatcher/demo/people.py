"""The simulated people: ordinary clients on real WebSockets, who act by chance."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from dispatcher.client import Client, Code, DispatcherError, Http
from dispatcher.demo.scene import AGENTS, ARRIVALS_PER_S, CUSTOMERS, NAMES, PRESENT_MAX, AgentPart, CustomerPart
from dispatcher.model import Assignment, AssignmentState, ContactState, Role

log = structlog.get_logger(__name__)

RETURN_S = 5.0
"""How long a person stays away after something went wrong for him."""

ASK_AGAIN_S = 3.0
"""How long the manual agent takes before he asks again, on average."""

BREAK_S = 8.0
"""How long an agent is away who missed so often that he was set to manual mode."""

OVER = {Code.ASSIGNMENT_GONE, Code.QUE_USER_CANCELLED, Code.CONTACT_NOT_FOUND, Code.WRONG_STATE, Code.API_NO_PERMISSION}
"""Answers that mean: the customer is with nobody or with somebody else by now."""

ANSWER_S = 1.5
SERVED_S_MAX = 600.0
DROPS = 0.05
"""The part of the customers whose connection fails once while they wait."""

TOKEN_S = 86_400 * 7


class Crowd:
    """Everybody who plays. `admin` makes their tokens, `url` is where they connect."""

    def __init__(self, url: str, admin: Http, seed: int | None = None) -> None:
        self.url = url
        self.admin = admin
        self.chance = random.Random(seed)
        self._present = 0

    async def play(self) -> None:
        """Let all of them act, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for agent in AGENTS:
                group.create_task(self._agent(agent), name=f"demo agent {agent.agent_id}")
            for number in itertools.count(1):
                await asyncio.sleep(self.chance.expovariate(ARRIVALS_PER_S))
                if self._present < PRESENT_MAX:
                    (part,) = self.chance.choices(CUSTOMERS, [customer.weight for customer in CUSTOMERS])
                    group.create_task(self._customer(part, number), name=f"demo customer {number}")

    async def _agent(self, part: AgentPart) -> None:
        """Work day after day: what ends one is logged, and a new one begins."""
        while True:
            await self._surviving(lambda: self._work(part), part.agent_id)
            await asyncio.sleep(RETURN_S)

    async def _work(self, part: AgentPart) -> None:
        login = await self.admin.create_token(part.agent_id, [Role.AGENT], name=part.name, ttl_s=TOKEN_S)
        async with await Client.connect(self.url, login.token) as client:
            agent = Agent(client, part, self.chance)
            await (agent.ask() if part.manual else agent.answer())

    async def _customer(self, part: CustomerPart, number: int) -> None:
        self._present += 1
        try:
            await self._surviving(lambda: self._visit(part, number), f"customer {number}")
        finally:
            self._present -= 1

    async def _visit(self, part: CustomerPart, number: int) -> None:
        """Queue, wait as long as patience lasts, be served, go. Some lose their connection, and come back."""
        name = self.chance.choice(NAMES)
        login = await self.admin.create_token(f"{name.lower()}-{number}", [Role.CUSTOMER], name=name)
        ext = json.dumps({"about": self.chance.choice(part.wishes)}, ensure_ascii=False)
        patience_s = self.chance.expovariate(1 / part.patience_s)
        async with await Client.connect(self.url, login.token) as client, _answering(client):
            await client.start_queuing(part.queue_id, ext)
            if self.chance.random() >= DROPS:
                await _wait(client, patience_s)
                return
            await asyncio.sleep(self.chance.uniform(0, 4))
        await asyncio.sleep(self.chance.uniform(1, 4))
        # A fresh client is a fresh page: it stands where the old one stood.
        async with await Client.connect(self.url, login.token) as client, _answering(client):
            await _wait(client, patience_s)

    async def _surviving(self, act: Callable[[], Awaitable[None]], who: str) -> None:
        """Let nobody's mishap end the demo."""
        try:
            await act()
        except (DispatcherError, TimeoutError, ConnectionError) as error:
            log.debug("demo.left", who=who, why=str(error))


class Agent:
    """An agent at work on his connection."""

    def __init__(self, client: Client, part: AgentPart, chance: random.Random) -> None:
        self.client = client
        self.part = part
        self.chance = chance

    async def answer(self) -> None:
        """Take what is offered, one after another."""
        await self.client.set_dnd(0)
        await self.client.start_service(queues=self.part.serves)
        async for event in self.client.events():
            if event.event in {"snapshot", "assignment.offered"}:
                for assignment in self.client.state.assignments:
                    await self._take(assignment)
            elif event.event == "agent.changed" and event.data.get("dnd_reason") == "missed":
                await asyncio.sleep(BREAK_S)
                await self.client.set_dnd(0)

    async def ask(self) -> None:
        """Ask for one contact after another, with a little to write down between them."""
        await self.client.set_dnd(1, "asks by himself")
        await self.client.start_service(queues=self.part.serves)
        while True:
            try:
                assignment = await self.client.request_assignment()
            except DispatcherError as error:
                if error.code is not Code.QUE_NOUSER:
                    raise
            else:
                await self._take(assignment)
            await asyncio.sleep(self.chance.uniform(0.5, 1.5) * ASK_AGAIN_S)

    async def _take(self, assignment: Assignment) -> None:
        """Answer an offer, and serve. Whatever the customer does meanwhile is no mishap."""
        try:
            if assignment.state is AssignmentState.OFFERED:
                if self.chance.random() < self.part.misses:
                    return
                await asyncio.sleep(self.chance.uniform(0.3, 2.5))
                if self.chance.random() < self.part.rejects:
                    await self.client.reject(assignment.assignment_id)
                    return
                await self.client.accept(assignment.assignment_id)
            await self.client.start(assignment.contact.contact_id)
            if not await self._is_left(assignment):
                await self.client.complete(assignment.contact.contact_id)
        except DispatcherError as error:
            if error.code not in OVER:
                raise

    async def _is_left(self, assignment: Assignment) -> bool:
        """Talk; return whether the customer went first."""
        talk_s = self.chance.gammavariate(4, self.part.talk_s / 4)
        try:
            await self.client.wait_for(
                "assignment.completed",
                lambda event: event.data["assignment_id"] == assignment.assignment_id,
                timeout=talk_s,
            )
        except TimeoutError:
            return False
        return True


@asynccontextmanager
async def _answering(client: Client) -> AsyncIterator[None]:
    """Answer who calls, after a moment, for as long as this lasts: a visitor at the desk may."""

    async def answer() -> None:
        while True:
            incoming = await client.wait_for("call.incoming", timeout=SERVED_S_MAX)
            await asyncio.sleep(ANSWER_S)
            with suppress(DispatcherError):
                await client.accept_call(incoming.data["call_id"])

    task = asyncio.create_task(answer(), name="demo answer")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _wait(client: Client, patience_s: float) -> None:
    """Wait for an agent as long as patience lasts, then for the end."""
    contact = client.state.contact
    if contact is None:
        return
    if contact.state in {ContactState.WAITING, ContactState.HELD}:
        try:
            await client.wait_for("contact.matched", timeout=patience_s)
        except TimeoutError:
            await client.stop_queuing()
            return
    await client.wait_for("contact.ended", timeout=SERVED_S_MAX)
