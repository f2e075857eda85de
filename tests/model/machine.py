"""The state machine: commands and time steps on a few people and queues, so that they collide often."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from dispatcher.model import Actor, Presence, QueueCreate, QueuePatch, Role, Service
from tests.model.sides import Sides
from tests.model.world import ContactState

AGENTS = ("ann", "Bob", "cy", "dee")
CUSTOMERS = ("k1", "k2", "k3", "k4", "k5", "k6")
QUEUES = ("1", "2", "q.x", "7")
BOSS = "boss"

_OPEN = ("waiting", "held", "preparing", "serving")
_POLICY_MEMBERS = (
    "priority",
    "open",
    "max_wait",
    "max_waiting",
    "offer_timeout",
    "reject_cooldown",
    "missed_limit",
    "wrap_up",
)

agents = st.sampled_from(AGENTS)
customers = st.sampled_from(CUSTOMERS)
queues = st.sampled_from(QUEUES[:3])
any_queue = st.sampled_from((*QUEUES, "none"))
pick = st.integers(0, 11)
seldom = st.integers(0, 7).map(lambda n: n == 7)
policies = st.fixed_dictionaries(
    {
        "priority": st.sampled_from((5, 5, 10)),
        "offer_timeout": st.sampled_from((1, 2, 3)),
        "connect_timeout": st.sampled_from((2, 3)),
        "reject_cooldown": st.sampled_from((1, 2)),
        "missed_limit": st.sampled_from((0, 1, 2)),
        "wrap_up": st.sampled_from((0, 0, 2)),
        "max_wait": st.sampled_from((0, 0, 3)),
        "max_waiting": st.sampled_from((0, 0, 0, 2)),
        "open": st.sampled_from((True, True, True, False)),
        "join_when_no_agents": st.sampled_from((True, True, False)),
    }
)
start_policies = policies.map(lambda policy: policy | {"open": True})
priorities = st.sampled_from((0, 0, 1))


class Machine(RuleBasedStateMachine):
    """Drive model and dispatcher. `open_sides` and `close_sides` come from the lane."""

    open_sides: Callable[[], Coroutine[Any, Any, Sides]]
    close_sides: Callable[[Sides], Coroutine[Any, Any, None]]
    run: Callable[[Coroutine[Any, Any, Any]], Any]

    def __init__(self) -> None:
        super().__init__()
        self.sides = self.run(type(self).open_sides())
        self.run(self.sides.begin())
        self.model = self.sides.model
        self.client_of: dict[str, str] = {}
        self.request_of: dict[str, int] = {}
        self.sessions = 0
        self.last: tuple[str, tuple[Any, ...], dict[str, Any]] | None = None

    def teardown(self) -> None:
        self.run(type(self).close_sides(self.sides))

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
        return self.run(self.sides.both(command, *args, **kwargs))

    def some_contact(self, number: int, *states: str) -> ContactState | None:
        """One of the contacts in these states, or of all that are open; None if there is none."""
        known = [contact for contact in self.model.contacts.values() if contact.state in (states or _OPEN)]
        return known[number % len(known)] if known else None

    def agent_of(self, contact: ContactState, wrong: bool) -> Actor:
        """Who acts on a contact: its agent, a supervisor now and then, or somebody who must not."""
        if wrong:
            return self.actor(AGENTS[0])
        return self.actor(contact.agent_id) if contact.agent_id else self.boss()

    # Beginning

    @initialize(drawn=st.lists(start_policies, min_size=2, max_size=3))
    def begin(self, drawn: list[dict[str, Any]]) -> None:
        for queue_id, policy in zip(QUEUES, drawn, strict=False):
            self.send("create_queue", self.boss(), QueueCreate(queue_id=queue_id, **policy))
        for user_id in (*AGENTS[:3], *CUSTOMERS[:4]):
            self._connect(user_id, fresh=True)

    # Time

    @rule(step=st.sampled_from((0, 1, 499, 1000, 1000, 2000, 3000)))
    def wait(self, step: int) -> None:
        self.run(self.sides.set_clock(self.model.now + step))

    @rule(off=st.sampled_from((-1, 0, 0, 0, 1)), pick=st.integers(0, 2))
    def wait_for_timer(self, off: int, pick: int) -> None:
        due = sorted(at for at in self.model.timers.values() if at + off > self.model.now)
        if due:
            self.run(self.sides.set_clock(due[min(pick, len(due) - 1)] + off))
            self.send("tick", self.sides.tenant)

    @rule()
    def tick(self) -> None:
        self.send("tick", self.sides.tenant)

    # Agents

    @rule(
        agent=agents, several=st.lists(st.tuples(queues, priorities), min_size=1, max_size=3, unique_by=lambda s: s[0])
    )
    def start_service(self, agent: str, several: Sequence[tuple[str, int]]) -> None:
        services = [Service(queue_id=queue_id, priority=priority) for queue_id, priority in several]
        self.send("start_service", self.actor(agent), agent, services)

    @rule(agent=agents, several=st.permutations(QUEUES[:3]), priority=priorities)
    def start_all_services(self, agent: str, several: Sequence[str], priority: int) -> None:
        known = [queue_id for queue_id in several if queue_id in self.model.queues]
        if known:
            services = [Service(queue_id=queue_id, priority=priority) for queue_id in known]
            self.send("start_service", self.actor(agent), agent, services)

    @rule(user=st.sampled_from((*AGENTS, *CUSTOMERS[:2])), queue=any_queue, by_boss=seldom)
    def serve_anything(self, user: str, queue: str, by_boss: bool) -> None:
        self.send("start_service", self.boss() if by_boss else self.actor(user), user, [Service(queue_id=queue)])

    @rule(agent=agents, queue=any_queue, by_boss=seldom)
    def stop_service(self, agent: str, queue: str, by_boss: bool) -> None:
        self.send("stop_service", self.boss() if by_boss else self.actor(agent), agent, queue)

    @rule(agent=agents, dnd=st.sampled_from((0, 0, 1, 2)), reason=st.sampled_from(("", "lunch")), by_boss=seldom)
    def set_dnd(self, agent: str, dnd: int, reason: str, by_boss: bool) -> None:
        self.send("set_dnd", self.boss() if by_boss else self.actor(agent), agent, dnd, reason)

    @rule(agent=agents, capacity=st.sampled_from((1, 2, 2)))
    def set_capacity(self, agent: str, capacity: int) -> None:
        self.send("set_capacity", self.boss(), agent, capacity)

    @rule(agent=agents, form=st.integers(0, 2), queue=any_queue, number=pick)
    def request_assignment(self, agent: str, form: int, queue: str, number: int) -> None:
        contact = self.some_contact(number)
        if form < 2:
            self.send("request_assignment", self.actor(agent), agent, queue_id=("", queue)[form])
        elif contact is not None:
            wanted = {"queue_id": contact.queue_id, "customer_id": contact.customer_id}
            self.send("request_assignment", self.actor(agent), agent, **wanted)

    # Customers

    @rule(customer=customers, queue=queues, ext=st.sampled_from(("", '{"a": 1}')))
    def start_queuing(self, customer: str, queue: str, ext: str) -> None:
        self.send("start_queuing", self.actor(customer), queue, ext=ext)

    @rule(user=st.sampled_from((*CUSTOMERS, AGENTS[0])), queue=any_queue, presence=st.sampled_from(Presence))
    def start_queuing_for(self, user: str, queue: str, presence: Presence) -> None:
        name = f"Name of {user}"
        self.send("start_queuing", self.boss(), queue, customer_id=user, name=name, presence=presence)

    @rule(customer=customers)
    def stop_queuing(self, customer: str) -> None:
        self.send("stop_queuing", self.actor(customer))

    @rule(number=pick, by_boss=st.booleans(), ended=seldom)
    def stop_contact(self, number: int, by_boss: bool, ended: bool) -> None:
        contact = self.some_contact(number, *(("ended",) if ended else ()))
        if contact is not None:
            actor = self.boss() if by_boss else self.actor(contact.customer_id)
            self.send("stop_queuing", actor, contact.contact_id)

    # Assignments

    @rule(number=pick, answer=st.sampled_from(("accept", "accept", "reject")), wrong=seldom)
    def answer(self, number: int, answer: str, wrong: bool) -> None:
        contact = self.some_contact(number, "preparing")
        if contact is not None and contact.assignment is not None:
            actor = self.agent_of(contact, wrong)
            self.send(answer, actor, contact.assignment.assignment_id)

    @rule(number=pick, answer=st.sampled_from(("accept", "reject")))
    def answer_anything(self, number: int, answer: str) -> None:
        known = list(self.model.assignments.values())[-4:]
        if known:
            given = known[number % len(known)]
            self.send(answer, self.actor(given.agent_id), given.assignment_id)

    @rule(number=pick, wrong=seldom)
    def start(self, number: int, wrong: bool) -> None:
        contact = self.some_contact(number, "preparing")
        if contact is not None:
            self.send("start", self.agent_of(contact, wrong), contact.contact_id)

    @rule(number=pick, wrong=seldom)
    def complete(self, number: int, wrong: bool) -> None:
        contact = self.some_contact(number, "serving")
        if contact is not None:
            self.send("complete", self.agent_of(contact, wrong), contact.contact_id)

    @rule(number=pick, command=st.sampled_from(("start", "complete")), state=st.sampled_from(("", "ended")))
    def act_in_any_state(self, number: int, command: str, state: str) -> None:
        contact = self.some_contact(number, *([state] if state else ()))
        if contact is not None:
            self.send(command, self.agent_of(contact, wrong=False), contact.contact_id)

    @rule(number=pick, queue=any_queue, agent=agents, to_agent=st.booleans(), wrong=seldom)
    def transfer(self, number: int, queue: str, agent: str, to_agent: bool, wrong: bool) -> None:
        contact = self.some_contact(number, "serving")
        if contact is not None:
            target = {"agent_id": agent} if to_agent else {"queue_id": queue}
            self.send("transfer", self.agent_of(contact, wrong), contact.contact_id, **target)

    @rule(number=pick, queue=any_queue, agent=agents, to_agent=seldom, by_boss=st.sampled_from((True, True, False)))
    def move(self, number: int, queue: str, agent: str, to_agent: bool, by_boss: bool) -> None:
        contact = self.some_contact(number)
        if contact is not None:
            target = {"agent_id": agent} if to_agent else {"queue_id": queue}
            self.send("transfer", self.boss() if by_boss else self.actor(agent), contact.contact_id, **target)

    # Connections

    def _connect(self, user_id: str, fresh: bool) -> None:
        self.sessions += 1
        client = self.client_of.get(user_id)
        if client is None or fresh:
            client = f"client-{self.sessions}"
            self.request_of[user_id] = 0
        self.client_of[user_id] = client
        actor = Actor(tenant=self.sides.tenant, user_id=user_id, name=f"Name of {user_id}", client=client)
        self.send("open_session", actor, f"session-{self.sessions}", "node-1")

    @rule(user=st.sampled_from((*AGENTS, *CUSTOMERS, BOSS)), fresh=st.booleans())
    def connect(self, user: str, fresh: bool) -> None:
        self._connect(user, fresh)

    @rule(user=st.sampled_from((*AGENTS, *CUSTOMERS)), late=seldom)
    def disconnect(self, user: str, late: bool) -> None:
        known = self.model.users.get(user)
        session = known.session if known is not None and not late else "session-0"
        self.send("close_session", self.sides.tenant, user, session)

    @precondition(lambda self: self.last is not None)
    @rule()
    def repeat(self) -> None:
        """The reply was lost: the client sends the same again, under the same request id."""
        assert self.last is not None
        command, args, kwargs = self.last
        self.send(command, *args, **kwargs)

    @rule(user=st.sampled_from((*AGENTS, *CUSTOMERS)), late_client=st.booleans())
    def send_an_old_request(self, user: str, late_client: bool) -> None:
        old = self.request_of.get(user, 0) - 1
        if old > 0 and user in self.client_of:
            client = "client-of-another-time" if late_client else self.client_of[user]
            actor = self.actor(user).model_copy(update={"client": client, "request_id": old})
            self.send("set_dnd", actor, user, 0)

    @rule()
    def flush_scripts(self) -> None:
        self.run(self.sides.flush_scripts())

    # Queues

    @rule(queue=st.sampled_from((*QUEUES, None)), policy=policies)
    def create_queue(self, queue: str | None, policy: dict[str, Any]) -> None:
        if len(self.model.queues) < 4:
            self.send("create_queue", self.boss(), QueueCreate(queue_id=queue, **policy))

    @rule(queue=any_queue, policy=policies, members=st.sets(st.sampled_from(_POLICY_MEMBERS), min_size=1, max_size=3))
    def update_queue(self, queue: str, policy: dict[str, Any], members: set[str]) -> None:
        patch = QueuePatch(**{name: policy[name] for name in sorted(members)})
        self.send("update_queue", self.boss(), queue, patch)

    @rule(queue=queues, priority=st.sampled_from((3, 5, 10, 12)))
    def change_priority(self, queue: str, priority: int) -> None:
        self.send("update_queue", self.boss(), queue, QueuePatch(priority=priority))

    @rule(queue=any_queue, force=st.booleans())
    def delete_queue(self, queue: str, force: bool) -> None:
        self.send("delete_queue", self.boss(), queue, force)
