"""A tenant for the tests of scripts: every call checks what holds for every script.

After each call: the number of redis.calls is within the bound of the script's header; the events told are among
those the header names; an error is among those it names, and has left the keyspace as it was; all invariants hold,
the log's included.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from dispatcher import doctor
from dispatcher.errors import Code
from dispatcher.model import Policy
from dispatcher.store import keys
from dispatcher.store.connect import Store
from dispatcher.store.scripts import Scripts

START_AT = 1_763_824_800_000
REQUEST_ERRORS = {"NOT_LOGIN"}
TENANT_ERRORS = {"TOKEN_APPIDNOTEXIST"}
SCRIPTS = Scripts(clock="virtual", counting=True)


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
    _sessions: int = 0
    _seen: str = "0-0"

    def key(self, facet: str, id: str = "") -> str:
        """Return a key of the tenant."""
        return keys.key(self.tenant, facet, id)

    async def begin(self) -> World:
        """Create the tenant and set its clock."""
        await self.at(START_AT)
        await self.run("tenant_create", secret_hash="x", customer_grace=60, agent_grace=30)
        return self

    async def at(self, now: int) -> None:
        """Set the clock."""
        self.now = now
        await self.store.client.set(self.key("clock"), now)

    async def after(self, seconds: float) -> None:
        """Advance the clock and carry out what has fallen due."""
        await self.at(self.now + round(seconds * 1000))
        while int(await self.run("tick", decode=False)):
            pass

    async def run(self, script: str, *, decode: bool = True, check: bool = True, **arguments: str | int) -> Any:
        """Run a script; return its answer. Raises Failed for an error."""
        source = SCRIPTS.commands[script]
        assert arguments.keys() <= set(source.arguments), f"{script} has no {arguments.keys() - set(source.arguments)}"
        before = await self.dump() if check else None
        text = SCRIPTS.text(script, embedded=self.store.is_embedded)
        await self._load(text)
        code, body, due, calls = await self.store.client.evalsha(
            hashlib.sha1(text.encode()).hexdigest(),
            2,
            self.key("meta"),
            self.key("guard"),
            *[arguments.get(name, "") for name in source.arguments],
        )
        self.calls, self.due_at = int(calls), int(due) if due else None
        bound = eval(source.sections["CALLS"], {"served": self.served, "limit": int(arguments.get("limit") or 0)})
        assert self.calls <= bound, f"{script} made {self.calls} calls, its bound is {bound}"
        self.events = await self._new_events()
        named = set(source.sections["EVENTS"].split())
        if "what" not in named:
            assert {event for event, _ in self.events} <= named, f"{script} does not name its events"
        if code not in ("OK", "REPEATED"):
            errors = set(source.sections["ERRORS"].split())
            allowed = errors | TENANT_ERRORS | (REQUEST_ERRORS if "REQUEST" in errors else set())
            assert code in allowed, f"{script} does not name {code}"
            assert code in Code.__members__
            if check:
                assert await self.dump() == before, f"{script} failed with {code}, but changed something"
            raise Failed(code, body)
        if check:
            state = await doctor.read_state(self.store, self.tenant, with_log=True)
            assert doctor.check_state(state) == []
        if code == "REPEATED":
            return None
        return json.loads(body) if decode else body

    async def dump(self) -> dict[str, Any]:
        """Return every key of the tenant with its content and whether it expires."""
        client = self.store.client
        content: dict[str, Any] = {}
        async for name in client.scan_iter(match=f"acd:{{{self.tenant}}}:*", count=1000):
            content[name] = (await client.dump(name), await client.ttl(name) >= 0)
        return content

    async def facets(self) -> set[str]:
        """Return the facets that have keys."""
        return {parsed[1] for name in await self.dump() if (parsed := keys.parse(name))}

    def told(self) -> list[str]:
        """Return the names of the last call's events, in order, with their reason where they have one."""
        return [f"{event}({data['reason']})" if data.get("reason") else event for event, data in self.events]

    # Shorthands for scenes

    async def queue(self, queue_id: str, **policy: Any) -> None:
        """Create a queue."""
        fields = Policy(**policy).model_dump()
        packed = json.dumps({name: int(value) if isinstance(value, bool) else value for name, value in fields.items()})
        await self.run("queue_create", actor="root", supervisor=1, queue_id=queue_id, policy=packed)

    async def login(self, *users: str) -> None:
        """Open a session for each user."""
        for user in users:
            self._sessions += 1
            await self.run(
                "session_open",
                actor=user,
                client=f"client-{user}",
                session_id=f"session-{user}-{self._sessions}",
                node_id="node",
                name=user.title(),
            )

    async def drop(self, user: str) -> None:
        """Close a user's session."""
        session = await self.store.client.hget(self.key("user", user), "session")
        await self.run("session_close", actor=user, session_id=session)

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

    async def act(self, agent: str, verb: str, contact_id: str, **more: str) -> Any:
        """Start, complete or transfer a contact as its agent."""
        return await self.run(f"contact_{verb}", actor=agent, contact_id=contact_id, **more)

    async def _load(self, text: str) -> None:
        loaded: set[str] = self.store.__dict__.setdefault("loaded_by_tests", set())
        if text not in loaded:
            await self.store.script_load(text)
            loaded.add(text)

    async def _new_events(self) -> list[tuple[str, dict[str, Any]]]:
        entries = await self.store.client.xrange(self.key("log"), min=f"({self._seen}")
        assert len(entries) <= 1, "one command makes at most one log entry"
        if entries:
            self._seen = entries[-1][0]
        return [(e["event"], e["data"]) for _, entry in entries for e in json.loads(entry["events"])]
