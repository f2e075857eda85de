"""The state machine: commands and time steps on a few people and queues, so that they collide often.

Most rules look for somebody who can do the thing now; `odd` does what cannot be done, or not by him, or not again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from dispatcher.model import Actor, Presence, QueueCreate, QueuePatch, Role, Service
from tests.model.oddities import ODDITIES
from tests.model.sides import Sides
from tests.model.state import ContactState, UserState

AGENTS = ("ann", "Bob", "cy", "dee")
CUSTOMERS = ("k1", "k2", "k3", "k4", "k5", "k6")
QUEUES = ("1", "2", "q.x")
BOSS = "boss"
NODES = ("n1", "n2")
GRACES = ("grace:", "lease:")
OPEN = ("waiting", "held", "preparing", "serving")

agents = st.sampled_from(AGENTS[:3])
queues = st.sampled_from(QUEUES)
nodes = st.sampled_from(("", "", *NODES))
numbers = st.integers(0, 11)
seldom = st.integers(0, 7).map(lambda n: n == 7)
priorities = st.sampled_from((0, 0, 1))
services = st.lists(st.tuples(queues, priorities), min_size=1, max_size=3, unique_by=lambda service: service[0])
members = {
    "priority": st.sampled_from((5, 5, 10)),
    "offer_timeout": st.sampled_from((1, 2, 3)),
    "connect_timeout": st.sampled_from((2, 3)),
    "ring_timeout": st.sampled_from((1, 2, 3)),
    "reject_cooldown": st.sampled_from((1, 2)),
    "missed_limit": st.sampled_from((0, 1, 2)),
    "wrap_up": st.sampled_from((0, 1, 3)),
    "max_wait": st.sampled_from((0, 0, 3)),
    "max_waiting": st.sampled_from((0, 0, 0, 2)),
    "open": st.sampled_from((True, True, True, False)),
    "join_when_no_agents": st.sampled_from((True, True, True, True, False)),
}
policies = st.fixed_dictionaries(members | {"open": st.just(True)})
changes = st.fixed_dictionaries({}, optional=members)


def when(*states: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a rule run only while there is a contact in one of these states."""

    def has_one(machine: Machine) -> bool:
        return any(contact.state in states for contact in machine.model.contacts.values())

    return precondition(has_one)


class Machine(RuleBasedStateMachine):
    """Drive model and dispatcher. A rule that finds nobody to act on does nothing."""

    def __init__(self, runner: asyncio.Runner, open_sides: Callable[[], Coroutine[Any, Any, Sides]]) -> None:
        super().__init__()
        self.runner = runner
        self.sides = runner.run(open_sides())
        self.model = self.sides.model
        self.client_of: dict[str, str] = {}
        self.request_of: dict[str, int] = {}
        self.sessions = 0
        self.last: tuple[str, tuple[Any, ...], dict[str, Any]] | None = None
        runner.run(self.sides.begin())

    def teardown(self) -> None:
        self.runner.run(self.sides.end())

    # Who sends what

    def actor(self, user_id: str, *roles: Role) -> Actor:
        """On his session, with the next request id, if he has one; else over HTTP."""
        user = self.model.users.get(user_id)
        online = user is not None and user.session != ""
        if online:
            self.request_of[user_id] = self.request_of.get(user_id, 0) + 1
        return Actor(
            tenant=self.sides.tenant,
            user_id=user_id,
            name=f"Name of {user_id}",
            roles=frozenset(roles or {Role.AGENT, Role.CUSTOMER}),
            client=self.client_of.get(user_id, "") if online else "",
            request_id=self.request_of[user_id] if online else 0,
        )

    def boss(self) -> Actor:
        return self.actor(BOSS, Role.ADMIN)

    def send(self, command: str, *args: Any, **kwargs: Any) -> Any:
        self.last = (command, args, kwargs)
        return self.runner.run(self.sides.both(command, *args, **kwargs))

    def some_contact(self, number: int, *states: str) -> ContactState | None:
        """One of the contacts in these states; None if there is none."""
        known = [contact for contact in self.model.contacts.values() if contact.state in states]
        return known[number % len(known)] if known else None

    def some_user(self, number: int, wanted: Callable[[UserState], bool]) -> UserState | None:
        known = [user for user in self.model.users.values() if user.user_id != BOSS and wanted(user)]
        return known[number % len(known)] if known else None

    def agent_of(self, contact: ContactState, by_boss: bool) -> Actor:
        return self.boss() if by_boss or not contact.agent_id else self.actor(contact.agent_id)

    # Beginning

    @initialize(
        drawn=st.lists(policies, min_size=2, max_size=3),
        served=st.lists(services, min_size=1, max_size=3),
        capacity=st.sampled_from((1, 2)),
        reach=st.sampled_from(("assigned", "all")),
    )
    def begin(
        self, drawn: list[dict[str, Any]], served: list[list[tuple[str, int]]], capacity: int, reach: str
    ) -> None:
        self.runner.run(self.sides.set_customer_reach(reach))
        for queue_id, policy in zip(QUEUES, drawn, strict=False):
            self.send("create_queue", self.boss(), QueueCreate(queue_id=queue_id, **policy))
        for user_id in (*AGENTS[:3], *CUSTOMERS[:4]):
            self.open_session(user_id, same_client=False)
        for agent, several in zip(AGENTS, served, strict=False):
            self.start_service(agent=agent, several=several, by_boss=False)
            if capacity > 1:
                self.set_capacity(agent=agent, capacity=capacity)

    # Time

    @rule(step=st.sampled_from((1, 499, 1000, 1000, 2000)), ticks=st.booleans())
    def wait(self, step: int, ticks: bool) -> None:
        self.runner.run(self.sides.set_clock(self.model.now + step))
        if ticks:
            self.send("tick", self.sides.tenant)

    @precondition(lambda self: bool(self.model.timers))
    @rule(off=st.sampled_from((-1, 0, 0, 0, 1)), which=st.integers(0, 2), ticks=st.sampled_from((True, True, False)))
    def wait_for_timer(self, off: int, which: int, ticks: bool) -> None:
        due = sorted(at for at in self.model.timers.values() if at + off > self.model.now)
        if due:
            self.runner.run(self.sides.set_clock(due[min(which, len(due) - 1)] + off))
        if due and ticks:
            self.send("tick", self.sides.tenant)

    # Agents

    @rule(agent=agents, several=services, by_boss=seldom)
    def start_service(self, agent: str, several: Sequence[tuple[str, int]], by_boss: bool) -> None:
        wanted = [Service(queue_id=id, priority=priority) for id, priority in several if id in self.model.queues]
        if wanted:
            self.send("start_service", self.boss() if by_boss else self.actor(agent), agent, wanted)

    @precondition(lambda self: any(user.serves for user in self.model.users.values()))
    @rule(number=numbers, which=numbers, by_boss=seldom)
    def stop_service(self, number: int, which: int, by_boss: bool) -> None:
        user = self.some_user(number, lambda user: bool(user.serves))
        if user is not None:
            queue_id = sorted(user.serves)[which % len(user.serves)]
            self.send("stop_service", self.boss() if by_boss else self.actor(user.user_id), user.user_id, queue_id)

    @rule(agent=agents, dnd=st.sampled_from((0, 0, 0, 1, 2)), reason=st.sampled_from(("", "lunch")), by_boss=seldom)
    def set_dnd(self, agent: str, dnd: int, reason: str, by_boss: bool) -> None:
        self.send("set_dnd", self.boss() if by_boss else self.actor(agent), agent, dnd, reason)

    @rule(agent=agents, capacity=st.sampled_from((1, 2, 2)))
    def set_capacity(self, agent: str, capacity: int) -> None:
        self.send("set_capacity", self.boss(), agent, capacity)

    @rule(number=numbers, form=st.sampled_from(("order", "queue", "customer")), which=numbers)
    def request_assignment(self, number: int, form: str, which: int) -> None:
        user = self.some_user(number, lambda user: bool(user.serves))
        contact = self.some_contact(which, "waiting") or self.some_contact(which, *OPEN)
        if user is not None and (form == "order" or contact is not None):
            wanted = {"queue_id": contact.queue_id} if contact and form != "order" else {}
            wanted |= {"customer_id": contact.customer_id} if contact and form == "customer" else {}
            self.send("request_assignment", self.actor(user.user_id), user.user_id, **wanted)

    # Customers

    def _open_queue(self, queue_id: str) -> str:
        return queue_id if queue_id in self.model.queues else next(iter(self.model.queues), queue_id)

    def _free_customer(self, number: int) -> str:
        free = [id for id in CUSTOMERS if self.model.open_contact(id) is None]
        return (free or CUSTOMERS)[number % len(free or CUSTOMERS)]

    @rule(number=numbers, queue=queues, ext=st.sampled_from(("", '{"a": 1}')))
    def start_queuing(self, number: int, queue: str, ext: str) -> None:
        self.send("start_queuing", self.actor(self._free_customer(number)), self._open_queue(queue), ext=ext)

    @rule(numbers=st.lists(numbers, min_size=2, max_size=3), queue=queues, other=queues)
    def start_queuing_together(self, numbers: list[int], queue: str, other: str) -> None:
        """Several in the same millisecond."""
        for number in numbers:
            queue_id = self._open_queue(other if number % 2 else queue)
            self.send("start_queuing", self.actor(self._free_customer(number)), queue_id)

    @rule(number=numbers, queue=queues, presence=st.sampled_from(Presence), named=st.booleans())
    def start_queuing_for(self, number: int, queue: str, presence: Presence, named: bool) -> None:
        customer = self._free_customer(number)
        name = f"Name of {customer}" if named else None
        self.send(
            "start_queuing", self.boss(), self._open_queue(queue), customer_id=customer, name=name, presence=presence
        )

    @when(*OPEN)
    @rule(number=numbers, state=st.sampled_from(OPEN), by_boss=st.booleans(), named=st.booleans())
    def stop_queuing(self, number: int, state: str, by_boss: bool, named: bool) -> None:
        contact = self.some_contact(number, state)
        if contact is not None and by_boss:
            self.send("stop_queuing", self.boss(), contact.contact_id)
        elif contact is not None:
            self.send("stop_queuing", self.actor(contact.customer_id), *([contact.contact_id] if named else []))

    # Assignments

    @when("preparing")
    @rule(number=numbers, answer=st.sampled_from(("accept", "accept", "reject")))
    def answer(self, number: int, answer: str) -> None:
        contact = self.some_contact(number, "preparing")
        if contact is not None and contact.assignment is not None:
            self.send(answer, self.actor(contact.agent_id), contact.assignment.assignment_id)

    @when("preparing")
    @rule(number=numbers, by_boss=seldom)
    def start(self, number: int, by_boss: bool) -> None:
        contact = self.some_contact(number, "preparing")
        if contact is not None:
            self.send("start", self.agent_of(contact, by_boss), contact.contact_id)

    @when("preparing", "serving")
    @rule(number=numbers, by_boss=seldom)
    def start_and_complete(self, number: int, by_boss: bool) -> None:
        contact = self.some_contact(number, "preparing")
        if contact is not None:
            self.send("start", self.actor(contact.agent_id), contact.contact_id)
        contact = self.some_contact(number, "serving")
        if contact is not None:
            self.send("complete", self.agent_of(contact, by_boss), contact.contact_id)

    @when("preparing", "serving")
    @rule(steps=st.lists(st.tuples(numbers, st.sampled_from(("accept", "start", "start"))), min_size=2, max_size=4))
    def go_on(self, steps: list[tuple[int, str]]) -> None:
        """Let several agents get on with their work in the same millisecond."""
        for number, command in steps:
            contact = self.some_contact(number, "preparing", "serving")
            if contact is None or contact.assignment is None:
                return
            actor = self.actor(contact.agent_id)
            if contact.state == "serving":
                self.send("complete", actor, contact.contact_id)
            elif command == "start" or contact.assignment.state == "accepted":
                self.send("start", actor, contact.contact_id)
            else:
                self.send("accept", actor, contact.assignment.assignment_id)

    @when("serving")
    @rule(number=numbers, queue=queues, by_boss=seldom)
    def transfer_to_queue(self, number: int, queue: str, by_boss: bool) -> None:
        contact = self.some_contact(number, "serving")
        if contact is not None:
            self.send("transfer", self.agent_of(contact, by_boss), contact.contact_id, queue_id=queue)

    @when("serving")
    @rule(number=numbers, agent=agents, by_boss=seldom)
    def transfer_to_agent(self, number: int, agent: str, by_boss: bool) -> None:
        contact = self.some_contact(number, "serving")
        if contact is not None:
            self.send("transfer", self.agent_of(contact, by_boss), contact.contact_id, agent_id=agent)

    @when("waiting", "held")
    @rule(number=numbers, queue=queues)
    def move(self, number: int, queue: str) -> None:
        contact = self.some_contact(number, "waiting", "held")
        if contact is not None:
            self.send("transfer", self.boss(), contact.contact_id, queue_id=queue)

    # Connections

    def open_session(self, user_id: str, same_client: bool, node: str = "") -> None:
        self.sessions += 1
        if user_id not in self.client_of or not same_client:
            self.client_of[user_id] = f"client-{self.sessions}"
            self.request_of[user_id] = 0
        client = self.client_of[user_id]
        actor = Actor(tenant=self.sides.tenant, user_id=user_id, name=f"Name of {user_id}", client=client)
        self.send("open_session", actor, f"session-{self.sessions}", node)

    @rule(user=st.sampled_from((*AGENTS, *CUSTOMERS, BOSS)), same_client=st.booleans(), node=nodes)
    def connect(self, user: str, same_client: bool, node: str) -> None:
        self.open_session(user, same_client, node)

    @precondition(lambda self: any(user.session == "" for user in self.model.users.values()))
    @rule(number=numbers, same_client=st.booleans(), node=nodes)
    def return_(self, number: int, same_client: bool, node: str) -> None:
        user = self.some_user(number, lambda user: user.session == "")
        if user is not None:
            self.open_session(user.user_id, same_client, node)

    @rule(number=numbers, busy=st.booleans())
    def drop(self, number: int, busy: bool) -> None:
        contact = self.some_contact(number, *OPEN)
        user = self.some_user(number, lambda user: user.session != "")
        if contact is not None and busy:
            user = self.model.users[contact.agent_id if contact.agent_id and number % 2 else contact.customer_id]
        if user is not None:
            self.send("close_session", self.sides.tenant, user.user_id, user.session)

    @precondition(lambda self: any(user.node for user in self.model.users.values()))
    @rule(node=st.sampled_from(NODES))
    def renew(self, node: str) -> None:
        self.send("renew_lease", self.sides.tenant, node)

    @precondition(lambda self: any(member.startswith(GRACES) for member in self.model.timers))
    @rule(which=numbers, late=st.sampled_from((0, 0, 5_000, 5_001)))
    def wait_for_an_absence_to_end(self, which: int, late: int) -> None:
        due = sorted(at for member, at in self.model.timers.items() if member.startswith(GRACES))
        self.runner.run(self.sides.set_clock(max(self.model.now, due[which % len(due)] + late)))
        self.send("tick", self.sides.tenant)

    @when("serving", "preparing")
    @rule(number=numbers, by_agent=st.booleans())
    def lose(self, number: int, by_agent: bool) -> None:
        """Somebody who is talked to goes, and does not come back in time."""
        contact = self.some_contact(number, "serving") or self.some_contact(number, "preparing")
        if contact is not None:
            user = self.model.users[contact.agent_id if by_agent else contact.customer_id]
            self.send("close_session", self.sides.tenant, user.user_id, user.session)
            at = self.model.timers.get(f"grace:{user.user_id}", self.model.now)
            self.runner.run(self.sides.set_clock(max(at, self.model.now)))
            self.send("tick", self.sides.tenant)

    @rule(drops=st.lists(numbers, max_size=3), step=st.sampled_from((0, 1, 3_000, 40_000)), node=st.sampled_from(NODES))
    def pause(self, drops: list[int], step: int, node: str) -> None:
        """While paused, people come and go, and time passes."""
        tenant = self.sides.tenant
        self.send("pause_tenant", tenant)
        for number in drops:
            self.drop(number, busy=number % 2 == 0)
        self.send("set_dnd", self.boss(), AGENTS[0], 0)
        self.open_session(CUSTOMERS[0], same_client=False)
        self.runner.run(self.sides.set_clock(self.model.now + step))
        self.send("renew_lease", tenant, node)
        self.send("tick", tenant)
        self.send("resume_tenant", tenant)
        self.send("tick", tenant)

    @rule()
    def repeat(self) -> None:
        """The reply was lost: the client sends the same again, under the same request id."""
        if self.last is not None:
            command, args, kwargs = self.last
            self.send(command, *args, **kwargs)

    @rule()
    def flush_scripts(self) -> None:
        self.runner.run(self.sides.flush_scripts())

    # Queues

    @precondition(lambda self: len(self.model.queues) < len(QUEUES))
    @rule(queue=st.sampled_from((*QUEUES, None)), policy=policies)
    def create_queue(self, queue: str | None, policy: dict[str, Any]) -> None:
        self.send("create_queue", self.boss(), QueueCreate(queue_id=queue, **policy))

    @rule(queue=queues, changes=st.one_of(changes, st.fixed_dictionaries({"priority": st.sampled_from((3, 5, 10))})))
    def update_queue(self, queue: str, changes: dict[str, Any]) -> None:
        if queue in self.model.queues:
            self.send("update_queue", self.boss(), queue, QueuePatch(**changes))

    @rule(queue=queues, force=st.sampled_from((False, False, True)))
    def delete_queue(self, queue: str, force: bool) -> None:
        if queue in self.model.queues and (force or len(self.model.queues) > 1):
            self.send("delete_queue", self.boss(), queue, force)

    # What cannot be

    @rule(what=st.sampled_from(sorted(ODDITIES)), number=numbers, user=st.sampled_from((*AGENTS, *CUSTOMERS[:3])))
    def odd(self, what: str, number: int, user: str) -> None:
        ODDITIES[what](self, number, user)
