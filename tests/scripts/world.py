"""A tenant for the tests of scripts: every call checks what holds for every script.

After each call: the number of redis.calls is within the bound of the script's header; the events told are among
those the header names, and carry what the table of events says; an error is among those it names, and has left the
keyspace as it was; all invariants hold, the log's included.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dispatcher import doctor, keyspace
from dispatcher.errors import Code
from dispatcher.event_model import EVENTS
from dispatcher.model import Policy
from dispatcher.store import keys
from dispatcher.store.connect import Store
from dispatcher.store.runner import Runner
from dispatcher.store.scripts import Scripts
from tests.scripts.frozen import Frozen

START_AT = 1_763_824_800_000
REQUEST_ERRORS = {"NOT_LOGIN", "REQUEST_ID_REUSED"}
TENANT_ERRORS = {"TOKEN_APPIDNOTEXIST", "UNAVAILABLE"}
SCRIPTS = Scripts(clock="virtual", counting=True)
EVERYWHERE = {"user.status"}
"""Any command tells it while somebody watches."""
CHANGING_FAILURES = {"tenant_login", "tenant_login_legacy", "account_login"}
"""Scripts whose failures count: a try that was refused is a try."""


class Failed(AssertionError):
    """A script answered an error; `code` is its name."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code


@dataclass
class World:
    """One tenant on a virtual clock. `served` is the most queues any agent of it serves, for the bounds."""

    store: Store
    tenant: str
    served: int = 3
    now: int = START_AT
    calls: int = 0
    due_at: int | None = None
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    sessions: dict[str, str] = field(default_factory=dict)
    _opened: int = 0
    _seen: str = "0-0"
    _frozen: Frozen | None = None

    def key(self, facet: str, id: str = "") -> str:
        """Return a key of the tenant."""
        return keys.key(self.tenant, facet, id)

    async def begin(self) -> World:
        """Create the tenant and set its clock."""
        await self.at(START_AT)
        await self.run("tenant_create", secret_hash="of the secret", customer_grace=60, agent_grace=30)
        return self

    async def at(self, now: int) -> None:
        """Set the clock."""
        self.now = now
        await self.store.client.set(self.key("clock"), now)

    async def after(self, seconds: float) -> None:
        """Advance the clock, and carry out each timer when it is due: time without ticks is a gap."""
        end = self.now + round(seconds * 1000)
        while (due_at := await self._next_due()) is not None and due_at <= end:
            await self.at(max(self.now, due_at))
            await self.run("tick")
        await self.at(end)
        await self.run("tick")

    async def _next_due(self) -> int | None:
        first: Any = await self.store.client.zrange(self.key("timers"), 0, 0, withscores=True)
        return int(first[0][1]) if first else None

    async def run(self, script: str, *, decode: bool = True, check: bool = True, **arguments: str | int) -> Any:
        """Run a script; return its answer. Raises Failed for an error.

        Without `check` only the script's own promises are looked at, not all keys.
        """
        if check and self._frozen is None:
            self._frozen = await self.freeze()
        code, body, *_ = await self.send(script, **arguments)
        before, self._frozen = self._frozen, await self.freeze() if check else None
        if code not in ("OK", "REPEATED"):
            if before and self._frozen and script not in CHANGING_FAILURES:
                assert self._frozen.same_as(before), f"{script} failed with {code}, but changed something"
            raise Failed(code, body)
        if self._frozen:
            await self.check()
        if code == "REPEATED":
            return None
        return json.loads(body) if decode else body

    async def send(self, script: str, **arguments: str | int) -> list[str]:
        """Run a script; check what its header promises; return the raw reply."""
        source = SCRIPTS.commands[script]
        assert arguments.keys() <= set(source.arguments), f"{script} has no {arguments.keys() - set(source.arguments)}"
        text = SCRIPTS.text(script, embedded=self.store.is_embedded)
        await self._load(text)
        reply: list[str] = await self.store.client.evalsha(
            hashlib.sha1(text.encode()).hexdigest(),
            2,
            self.key("meta"),
            self.key("guard"),
            *[arguments.get(name, "") for name in source.arguments],
        )
        code, _, due, calls = reply
        self.calls, self.due_at = int(calls), int(due) if due else None
        limit = str(arguments.get("limit", ""))
        bound = self.bound(script, int(limit) if limit.isdigit() else 10)
        assert self.calls <= bound, f"{script} made {self.calls} calls, its bound is {bound}"
        self.events = await self._new_events()
        named = set(source.sections["EVENTS"].split())
        if "what" not in named:
            assert {event for event, _ in self.events} - EVERYWHERE <= named, f"{script} does not name its events"
        for event, data in self.events:
            EVENTS[event].data.model_validate(data)
            assert EVENTS[event].logged, f"{event} is in the log"
        if code not in ("OK", "REPEATED"):
            errors = set(source.sections["ERRORS"].split())
            allowed = errors | TENANT_ERRORS | (REQUEST_ERRORS if "REQUEST" in errors else set())
            assert code in allowed, f"{script} does not name {code}"
            assert code in Code.__members__
        return reply

    def bound(self, script: str, limit: int = 0) -> int:
        """Evaluate the bound on redis.calls that a script's header names."""
        return int(eval(SCRIPTS.commands[script].sections["CALLS"], {"served": self.served, "limit": limit}))

    async def many(self, script: str, commands: Iterable[Mapping[str, Any]]) -> None:
        """Run a script many times at once, without any check."""
        runner = Runner(self.store, SCRIPTS)
        await asyncio.gather(*[runner.run(script, self.tenant, **command) for command in commands])
        newest: Any = await self.store.client.xrevrange(self.key("log"), count=1)
        self._seen = newest[0][0]
        self._frozen = None

    async def freeze(self) -> Frozen:
        """Read every key of the tenant as it is now."""
        return await Frozen.read(self.store, self.tenant)

    def forget(self) -> None:
        """Say that the test itself has changed keys."""
        self._frozen = None

    async def check(self) -> None:
        """Check all invariants on all keys."""
        frozen = self._frozen or await self.freeze()
        state = await keyspace.read_state(frozen.store, self.tenant, with_log=True)
        assert doctor.check_state(state) == []

    def told(self) -> list[str]:
        """Return the names of the last call's events, in order, with their reason where they have one."""
        return [f"{event}({data['reason']})" if data.get("reason") else event for event, data in self.events]

    # Shorthands for scenes

    def policy(self, **policy: Any) -> str:
        """Return a whole policy as the engine sends it."""
        fields = Policy(**policy).model_dump()
        return json.dumps({name: int(value) if isinstance(value, bool) else value for name, value in fields.items()})

    async def queue(self, queue_id: str, *, quick: bool = False, **policy: Any) -> None:
        """Create a queue; `quick` without looking at all keys."""
        packed = self.policy(**policy)
        await self.run("queue_create", check=not quick, actor="root", supervisor=1, queue_id=queue_id, policy=packed)

    async def login(self, *users: str, node: str = "") -> None:
        """Open a session for each user: of no node, so without a lease, or of one that the test keeps alive."""
        for user in users:
            self._opened += 1
            self.sessions[user] = f"session-{self._opened}"
            await self.run(
                "session_open",
                actor=user,
                client=f"client-{user}",
                session_id=self.sessions[user],
                node_id=node,
                name=user.title(),
            )

    async def drop(self, user: str) -> None:
        """Close a user's session."""
        await self.run("session_close", actor=user, session_id=self.sessions.pop(user))

    async def serve(self, agent: str, *queues: str, priority: int = 0) -> Any:
        """Start service in one step."""
        services = " ".join(f"{queue} {priority}" for queue in queues)
        return await self.run("agent_start_service", actor=agent, agent_id=agent, services=services)

    async def agent(self, agent: str, *queues: str, priority: int = 0, capacity: int = 1) -> None:
        """Log an agent in who serves queues."""
        await self.login(agent)
        if capacity > 1:
            await self.run("agent_set_capacity", actor="root", supervisor=1, agent_id=agent, capacity=capacity)
        await self.serve(agent, *queues, priority=priority)

    async def join(self, customer: str, queue: str, *, ext: str = "", presence: str = "session") -> Any:
        """Start queuing; return the contact."""
        return await self.run(
            "contact_start_queuing",
            actor=customer,
            customer_id=customer,
            queue_id=queue,
            ext=ext,
            presence=presence,
        )

    async def customer(self, customer: str, queue: str) -> str:
        """Log a customer in who queues; return the contact's id."""
        await self.login(customer)
        return str((await self.join(customer, queue))["contact_id"])

    async def contact(self, contact_id: str) -> Any:
        """Read a contact."""
        return await self.run("contact_show", actor="root", supervisor=1, contact_id=contact_id)

    async def show(self, agent: str) -> Any:
        """Read an agent."""
        return await self.run("agent_show", actor=agent, agent_id=agent)

    async def assignments(self, agent: str) -> list[Any]:
        """Return an agent's open assignments."""
        snapshot = await self.run("session_snapshot", actor=agent)
        return list(snapshot["assignments"])

    async def offered(self, agent: str) -> str | None:
        """Return the customer whom an agent prepares."""
        open_ones = [a for a in await self.assignments(agent) if a["state"] in ("offered", "accepted")]
        return open_ones[0]["contact"]["customer_id"] if open_ones else None

    async def answer(self, agent: str, verb: str) -> Any:
        """Accept or reject what an agent prepares."""
        (assignment,) = [a for a in await self.assignments(agent) if a["state"] in ("offered", "accepted")]
        return await self.run(f"assignment_{verb}", actor=agent, assignment_id=assignment["assignment_id"])

    async def act(self, agent: str, verb: str, contact_id: str, **more: Any) -> Any:
        """Start, complete or transfer a contact as its agent."""
        return await self.run(f"contact_{verb}", actor=agent, contact_id=contact_id, **more)

    async def call(self, caller: str, callee: str, **more: Any) -> Any:
        """Call somebody; return the call."""
        return await self.run("call_start", actor=caller, callee_id=callee, **{"meeting": "null", **more})

    async def call_of(self, user: str) -> Any:
        """Return the call a user is in; None if there is none."""
        return (await self.run("session_snapshot", actor=user)).get("call")

    async def on_call(self, user: str, verb: str, **more: Any) -> Any:
        """Accept, reject or hang up the call a user is in."""
        call = await self.call_of(user)
        return await self.run(f"call_{verb}", actor=user, call_id=call["call_id"], **more)

    async def _load(self, text: str) -> None:
        loaded: set[str] = self.store.__dict__.setdefault("loaded_by_tests", set())
        if text not in loaded:
            await self.store.script_load(text)
            loaded.add(text)

    async def _new_events(self) -> list[tuple[str, dict[str, Any]]]:
        entries: Any = await self.store.client.xrange(self.key("log"), min=f"({self._seen}")
        assert len(entries) <= 1, "one command makes at most one log entry"
        if entries:
            self._seen = entries[-1][0]
        return [(e["event"], e["data"]) for _, entry in entries for e in json.loads(entry["entry"])["events"]]
