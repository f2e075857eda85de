"""A contact centre at work, for who looks at it: queues, agents and a steady stream of contacts, without their sockets.

Agents have sessions that belong to no node, customers are on the phone, and a supervisor's commands do what they
would do. Some queues are short of agents, so that lines form there.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import AsyncGenerator, Coroutine, Iterable
from contextlib import aclosing, suppress
from typing import Any

import httpx

from dispatcher.engine import Dispatcher
from dispatcher.errors import DispatcherError
from dispatcher.model import Actor, Presence, QueueCreate, Role, Service

SUBJECTS = (
    "Sales",
    "Support",
    "Billing",
    "Returns",
    "Delivery",
    "Contracts",
    "Claims",
    "Appointments",
    "Complaints",
    "VIP",
)
PLACES = (
    "Amsterdam", "Berlin", "Chengdu", "Dublin", "Edinburgh", "Florence", "Geneva", "Hamburg", "Istanbul", "Jakarta",
    "Kyoto", "Lisbon", "Madrid", "Nairobi", "Oslo", "Prague", "Quito", "Rome", "Shenzhen", "Tallinn", "Utrecht",
    "Vienna", "Warsaw", "Xiamen", "York", "Zürich", "Antwerp", "Bergen", "Cork", "Delft", "Evora", "Ghent", "Hanoi",
    "Izmir", "Jena", "Kazan", "Leipzig", "Malmö", "Nice", "Odense", "Porto", "Riga", "Seville", "Turin", "Uppsala",
    "Vilnius", "Wrocław", "Zagreb", "Aarhus", "Bremen",
)  # fmt: skip
FIRST = (
    "Ada", "Bruno", "Chloé", "Darko", "Elif", "Finn", "Grace", "Hana", "Igor", "Jana", "Kofi", "Lin", "Mia", "Noor",
    "Otto", "Pia", "Quinn", "Rosa", "Sven", "Tomás", "Uma", "Vera", "Wei", "Xenia", "Yusuf", "Zoë",
)  # fmt: skip
LAST = (
    "Abbott", "Berg", "Costa", "Dahl", "Eriksen", "Fischer", "García", "Haas", "Ito", "Jansen", "Kaya", "Lopez",
    "Marin", "Novak", "Okafor", "Petrov", "Quist", "Rossi", "Sato", "Tanaka", "Ueda", "Vogel", "Wang", "Xu",
    "Yilmaz", "Zhang",
)  # fmt: skip
WISHES = (
    "order 2026-0007",
    "a quote for ten seats",
    "login fails",
    "a second invoice",
    "my address changed",
    "no sound",
)
REASONS = ("break", "meal", "training", "desk_work")

SHORT = 0.12
"""The part of the queues that has one agent each and gets a quarter of the contacts."""
SHORT_CONTACTS = 0.25
AWAY = 0.12
TALK_S, ACCEPT_S, PATIENCE_S = 60.0, 2.0, 120.0
"""Seconds on average."""
AT_ONCE = 50


class Centre:
    """A tenant's queues and agents, and what happens in them. `token` is a supervisor's, for the log at `url`."""

    def __init__(self, dispatcher: Dispatcher, tenant: str, url: str, token: str, talk_s: float = TALK_S) -> None:
        self._dispatcher = dispatcher
        self._tenant = tenant
        self._url = url
        self._token = token
        self._chance = random.Random(7)
        self._talk_s = talk_s
        self._boss = Actor(tenant=tenant, user_id="centre", roles=frozenset({Role.ADMIN, Role.SUPERVISOR}))
        self._queues: list[str] = []
        self._waiting: set[str] = set()
        self.events = 0
        """Events of the log so far."""

    async def open(self, queues: int, agents: int) -> None:
        """Make queues and agents."""
        self._queues = [f"q{number:03d}" for number in range(queues)]
        names = itertools.product(PLACES, SUBJECTS)
        await _some_at_once(self._queue(queue, *name) for queue, name in zip(self._queues, names, strict=False))
        people = [f"{first} {last}" for last, first in itertools.product(LAST, FIRST)]
        await _some_at_once(self._agent(number, people[number * 37 % len(people)]) for number in range(agents))

    async def _queue(self, queue_id: str, place: str, subject: str) -> None:
        await self._dispatcher.create_queue(
            self._boss,
            QueueCreate(
                queue_id=queue_id,
                name=f"{subject} {place}",
                description=f"{subject} for customers in and around {place}",
                priority=self._chance.choice((1, 5, 10, 10, 10, 20)),
                service_level=60,
                wrap_up=15,
                open=self._chance.random() > 0.02,
            ),
        )

    async def _agent(self, number: int, name: str) -> None:
        agent_id = f"a{number:04d}"
        actor = Actor(tenant=self._tenant, user_id=agent_id, name=name, roles=frozenset({Role.AGENT}))
        await self._dispatcher.open_session(actor, f"session-{agent_id}", "")
        if self._chance.random() < AWAY:
            await self._dispatcher.set_dnd(actor, agent_id, 1, self._chance.choice(REASONS))
        short = self._short
        served = [short[number]] if number < len(short) else self._chance.sample(self._queues[len(short) :], 4)
        await self._dispatcher.start_service(actor, agent_id, [Service(queue_id=queue) for queue in served])

    @property
    def _short(self) -> list[str]:
        return self._queues[: int(len(self._queues) * SHORT)]

    async def live(self, contacts_a_second: float) -> None:
        """Let customers come, be served and go, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._serve(group), name="centre serve")
            for number in itertools.count():
                await asyncio.sleep(self._chance.expovariate(contacts_a_second))
                group.create_task(self._visit(number), name="centre visit")

    async def _visit(self, number: int) -> None:
        """Join, and leave when patience ends."""
        is_short = self._chance.random() < SHORT_CONTACTS
        queue = self._chance.choice(self._short if is_short else self._queues)
        name = f"{self._chance.choice(FIRST)} {self._chance.choice(LAST)}"
        with suppress(DispatcherError):
            contact = await self._dispatcher.start_queuing(
                self._boss,
                queue,
                customer_id=f"c{number}",
                name=name,
                ext=self._chance.choice(WISHES),
                presence=Presence.NONE,
            )
            self._waiting.add(contact.contact_id)
            await asyncio.sleep(self._chance.expovariate(1 / PATIENCE_S))
            if contact.contact_id in self._waiting:
                await self._dispatcher.stop_queuing(self._boss, contact.contact_id)

    async def _serve(self, group: asyncio.TaskGroup) -> None:
        async with aclosing(self._log()) as log:
            async for event, data in log:
                self.events += 1
                if event == "assignment.offered":
                    group.create_task(self._talk(data["contact"]["contact_id"]), name="centre talk")

    async def _talk(self, contact_id: str) -> None:
        """Begin after a moment, and end after a talk."""
        self._waiting.discard(contact_id)
        with suppress(DispatcherError):
            await asyncio.sleep(self._chance.expovariate(1 / ACCEPT_S))
            await self._dispatcher.start(self._boss, contact_id)
            await asyncio.sleep(self._chance.gammavariate(4, self._talk_s / 4))
            await self._dispatcher.complete(self._boss, contact_id)

    async def _log(self) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
        headers = {"Authorization": f"Bearer {self._token}"}
        async with (
            httpx.AsyncClient(base_url=self._url, headers=headers, timeout=None) as client,
            client.stream("GET", "/v1/events") as response,
        ):
            async for line in response.aiter_lines():
                if line.startswith("data: "):
                    for event in json.loads(line[6:]).get("events", ()):
                        yield event["event"], event["data"]


async def _some_at_once(commands: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Carry out commands, a few at the same time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(command: Coroutine[Any, Any, None]) -> None:
        async with gate:
            await command

    await asyncio.gather(*(one(command) for command in commands))
