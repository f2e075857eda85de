"""Whatever people do, in any order: the live state of the client is soon what the server says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from dispatcher.client import Client, DispatcherError, Http
from dispatcher.model import AgentState, Assignment, Role, Service, Snapshot
from tests.e2e.nodes import SECONDS, World

STEPS = 120
SEED = 8
QUEUES = ("loans", "cards")
AGENTS = ("anna", "boris")
UNSETTLED = {"offset", "epoch", "position", "queuing_time_s", "reason", "agent_id"}
"""What comes by events of its own, or is told in passing only."""

Act = Callable[[], Awaitable[object]]


def settled(value: Any) -> Any:
    """What must be equal, of a snapshot's members."""
    if isinstance(value, dict):
        return {name: settled(member) for name, member in value.items() if name not in UNSETTLED and member is not None}
    return [settled(member) for member in value] if isinstance(value, list) else value


def told(snapshot: Snapshot) -> Any:
    agent = snapshot.agent
    if agent is not None and not (agent.queues or agent.load or agent.dnd):
        # Who serves nothing any more is no agent to the server.
        snapshot = snapshot.model_copy(update={"agent": None})
    elif agent is not None:
        queues = tuple(sorted(agent.queues, key=lambda queue: queue.queue_id))
        snapshot = snapshot.model_copy(update={"agent": agent.model_copy(update={"queues": queues})})
    return settled(snapshot.model_dump(mode="json"))


class Person:
    """One who acts by chance, mostly what can be done where he stands."""

    def __init__(self, client: Client, door: Http, chance: random.Random) -> None:
        self.client = client
        self.door = door
        self.chance = chance

    def acts(self) -> list[Act]:
        return self.agents_acts() if self.client.state.user.user_id in AGENTS else self.customers_acts()

    def agents_acts(self) -> list[Act]:
        client, state, queue = self.client, self.client.state, self.chance.choice(QUEUES)
        acts: list[Act] = [
            lambda: client.start_service(queue, self.chance.choice((0, 3))),
            lambda: client.start_service(queues=[Service(queue_id=one, priority=1) for one in QUEUES]),
            lambda: client.set_dnd(self.chance.choice((0, 0, 1)), "lunch"),
        ]
        if state.agent is not None and state.agent.state is AgentState.MANUAL:
            acts += [client.request_assignment] * 3
        if len(state.agent.queues if state.agent else ()) > 1:
            acts.append(lambda: client.stop_service(queue))
        return acts + self.call_acts() + [act for given in state.assignments for act in self.given_acts(given)]

    def given_acts(self, given: Assignment) -> list[Act]:
        client, id = self.client, given.contact.contact_id
        if given.state == "serving":
            other = self.chance.choice(QUEUES)
            return [
                lambda: client.complete(id),
                lambda: client.complete(id),
                lambda: client.transfer(id, queue_id=other),
            ]
        ring = partial(client.call, given.contact.customer_id, meeting={"room": 1}, ext="come in")
        answer = client.accept if self.chance.random() < 0.7 else client.reject
        return [lambda: answer(given.assignment_id), lambda: client.start(id), ring, ring]

    def customers_acts(self) -> list[Act]:
        queue = self.chance.choice(QUEUES)
        return [lambda: self.client.start_queuing(queue, "order 7"), self.client.stop_queuing, *self.call_acts()]

    def call_acts(self) -> list[Act]:
        client, call = self.client, self.client.state.call
        if call is None:
            return []
        id = call.call_id
        acts: list[Act] = [lambda: client.hangup(id, ext="bye")]
        if call.callee_id == client.state.user.user_id and call.state == "ringing":
            acts += [lambda: client.reject_call(id, ext="no"), *[lambda: client.accept_call(id, ext="yes")] * 3]
        return acts

    async def agrees(self) -> None:
        """Wait until the state is what the server says over HTTP; events may be on their way."""
        try:
            async with asyncio.timeout(SECONDS):
                while told(self.client.state) != told(await self.door.me()):
                    pass
        except TimeoutError:
            assert told(self.client.state) == told(await self.door.me())
            raise


async def test_after_any_commands_the_live_state_is_what_the_server_says(world: World) -> None:
    chance = random.Random(SEED)
    for queue_id in QUEUES:
        await world.queue(queue_id, priority=5, reject_cooldown=1)
    people = []
    for name in ("anna", "boris", "kim", "lee", "mia"):
        is_agent = name in AGENTS
        client = await (world.agent(name) if is_agent else world.customer(name))
        people.append(Person(client, await world.http(name, *[Role.AGENT] if is_agent else []), chance))
    done = 0
    for _ in range(STEPS):
        person = chance.choice(people)
        try:
            await chance.choice(person.acts())()
            done += 1
        except DispatcherError:
            # What is not possible here changes nothing.
            pass
        for each in people:
            await each.agrees()
    assert done > STEPS / 3
