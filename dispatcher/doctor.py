"""The doctor: the invariants of the dispatcher, checked on a tenant's keys.

One list, used by the tests after every step and by `dispatcher doctor` on a live system. Everything is derived
anew from first principles (sets, hashes, predicate), never with the code it checks.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from dispatcher.events.replay import Replay
from dispatcher.keyspace import State, read_state
from dispatcher.store.connect import Store
from dispatcher.store.wire import redis_errors

READS_MAX = 3
NAMED_MAX = 5
LINES = ("waiting", "held")
MEMORIES = ("request_id:", "request:", "reply:")
"""What a user's hash remembers for each client that watches."""

PLACES = ("waiting", "held", "preparing", "serving")

NEEDED = {
    "contact": ("state", "queue_id", "customer_id", "presence"),
    "call": ("state", "caller_id", "callee_id", "contact_id"),
}
"""Fields, by facet, without which nothing more can be said of a hash."""
NEEDED_MEANWHILE = {
    ("contact", "preparing"): ("agent_id", "deadline_at"),
    ("contact", "serving"): ("agent_id",),
}
NUMBERS = {
    "contact": ("deadline_at", "wait_until"),
    "user": ("wrap_until", "cool_until", "serves", "idle_since", "dnd", "capacity"),
}
"""Fields that hold a number or nothing."""
FULL_NUMBERS = {
    ("queue", ""): (
        *("priority", "max_waiting", "max_wait", "offer_timeout", "connect_timeout", "ring_timeout"),
        *("reject_cooldown", "missed_limit", "wrap_up", "service_level"),
    ),
    ("call", "ringing"): ("ring_until",),
}
"""Fields that hold a number always."""


class Violation(NamedTuple):
    """A broken invariant: its number in the list, what is wrong, and the key to look at."""

    invariant: int
    what: str
    key: str


async def check(store: Store, tenant: str, *, with_log: bool = False) -> list[Violation]:
    """Return what breaks the invariants in a tenant's state.

    A live system moves while it is read, so what looks broken is read again, and only what is broken in each of
    3 reads is told. `with_log` also replays the log from the start (invariants 5 and 7), where it still begins
    with the tenant. Errors: UNAVAILABLE, OUTCOME_UNKNOWN (a store that stopped answering).
    """
    standing: Counter[Violation] = Counter()
    for _ in range(READS_MAX):
        with redis_errors():
            found = check_state(await read_state(store, tenant, with_log=with_log))
        if not found:
            return []
        standing.update(set(found))
    return [violation for violation, count in standing.items() if count == READS_MAX]


def check_state(state: State) -> list[Violation]:
    """Return the violations in a state that was read at one moment.

    A hash that somebody damaged is told as such, and passed over by all that follows.
    """
    found = list(legible(state))
    damaged = {violation.key for violation in found}
    hashes = {
        facet: {id: fields for id, fields in of_facet.items() if state.key(facet, id) not in damaged}
        for facet, of_facet in state.hashes.items()
    }
    rest = replace(state, hashes=hashes)
    return found + [violation for invariant in INVARIANTS for violation in invariant(rest)]


def difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Tell what makes `found` another than `expected`: what is missing, too many, or has another value."""
    common = expected.keys() & found.keys()
    parts = [
        ("missing", [_named(id, expected[id]) for id in sorted(expected.keys() - found.keys())]),
        ("too many", [_named(id, found[id]) for id in sorted(found.keys() - expected.keys())]),
        ("wrong", [f"{id} @ {found[id]} for {expected[id]}" for id in sorted(common) if found[id] != expected[id]]),
    ]
    return "; ".join(f"{what}: {_some(names)}" for what, names in parts if names)


def _set_difference(expected: Iterable[str], found: Iterable[str]) -> str:
    return difference(dict.fromkeys(expected), dict.fromkeys(found))


def _named(id: str, value: Any) -> str:
    return id if value is None else f"{id} @ {value}"


def _some(names: list[str]) -> str:
    rest = len(names) - NAMED_MAX
    return ", ".join(names[:NAMED_MAX]) + (f" and {rest} more" if rest > 0 else "")


def legible(state: State) -> Iterator[Violation]:
    """8. The tenant has its own hash, and every hash the fields that say what it is, numbers where they belong."""
    meta = state.key("meta")
    if not state.hash("meta") and meta not in state.unknown:
        yield Violation(8, "the tenant has no hash: every command says there is no such tenant", meta)
    for facet, of_facet in state.hashes.items():
        for id, fields in of_facet.items():
            if what := _illegible(facet, fields):
                yield Violation(8, what, state.key(facet, id))


def _illegible(facet: str, fields: Mapping[str, str]) -> str:
    """Tell what nobody can work on in a hash, or nothing."""
    stage = (facet, fields.get("state", ""))
    for name in (*NEEDED.get(facet, ()), *NEEDED_MEANWHILE.get(stage, ())):
        if name not in fields:
            return f"it has no {name}"
    for name in NUMBERS.get(facet, ()):
        if not re.fullmatch("[0-9]{0,16}", fields.get(name, "")):
            return f"its {name} is no number: {fields[name][:40]!r}"
    for name in FULL_NUMBERS.get(stage, ()):
        if not re.fullmatch("[0-9]{1,16}", fields.get(name, "")):
            return f"its {name} is no number: {fields.get(name, '')[:40]!r}"
    if facet == "user" and any(watch.count(":") != 2 for watch in fields.get("watching", "").split()):
        return "its watching is not client:session:node"
    return ""


def one_place(state: State) -> Iterator[Violation]:
    """1. Every open contact is in exactly one place, and every place holds open contacts only."""
    places: dict[str, list[str]] = {}
    for facet in PLACES:
        for queue_id, members in state.zsets.get(facet, {}).items():
            for contact_id in members:
                places.setdefault(contact_id, []).append(f"{facet}:{queue_id}")
    for id, contact in state.open_contacts():
        expected = [f"{contact['state']}:{contact['queue_id']}"]
        if (found := places.pop(id, [])) != expected:
            yield Violation(1, f"its places: {_set_difference(expected, found)}", state.key("contact", id))
        user = state.hash("user").get(contact["customer_id"], {})
        if user.get("contact") != id:
            yield Violation(1, "its customer does not know of it", state.key("contact", id))
    for id, where in places.items():
        yield Violation(1, f"not open, but in {' '.join(where)}", state.key("contact", id))
    for id, user in state.hash("user").items():
        open_contact = user.get("contact")
        if open_contact and state.hash("contact").get(open_contact, {"state": "ended"})["state"] == "ended":
            yield Violation(1, f"his contact {open_contact} has ended", state.key("user", id))
        if open_contact and state.zset("agent_queues", id):
            yield Violation(1, "customer and serving agent at once", state.key("user", id))


def one_agent(state: State) -> Iterator[Violation]:
    """2. An agent's load is his open assignments, within his capacity; one agent for a contact."""
    holders: dict[str, list[str]] = {}
    for id, user in state.hash("user").items():
        held = user.get("contacts", "").split()
        for contact_id in held:
            holders.setdefault(contact_id, []).append(id)
        preparing = [c for c in held if state.hash("contact").get(c, {}).get("state") == "preparing"]
        said = [user["preparing"]] if user.get("preparing") else []
        if preparing != said:
            yield Violation(2, f"whom he prepares: {_set_difference(preparing, said)}", state.key("user", id))
    for id, contact in state.open_contacts():
        agent = [contact["agent_id"]] if contact["state"] in ("preparing", "serving") else []
        if (found := holders.pop(id, [])) != agent:
            yield Violation(2, f"who holds it: {_set_difference(agent, found)}", state.key("contact", id))
        if bool(agent) != bool(contact.get("assignment_state")):
            yield Violation(2, "agent and assignment do not agree", state.key("contact", id))
    for id, agents in holders.items():
        yield Violation(2, f"not open, but held by {_some(agents)}", state.key("contact", id))


def calls(state: State) -> Iterator[Violation]:
    """1 and 8. A call has two parties who are in it and in no other; it agrees with the contact it belongs to."""
    parties: dict[str, list[str]] = {}
    for id, user in state.hash("user").items():
        if user.get("call"):
            parties.setdefault(user["call"], []).append(id)
    for id, call in state.hash("call").items():
        expected = [call["caller_id"], call["callee_id"]]
        if what := _set_difference(expected, parties.pop(id, [])):
            yield Violation(1, f"who is in it: {what}", state.key("call", id))
        customer = state.hash("user").get(call["callee_id"], {})
        if customer.get("contact", "") != call["contact_id"]:
            yield Violation(1, "it is not the call of its customer's contact", state.key("call", id))
        contact = state.hash("contact").get(call["contact_id"], {})
        place = (contact.get("state"), contact.get("agent_id"), contact.get("deadline_at"))
        stage = "preparing" if call["state"] == "ringing" else "serving"
        if call["contact_id"] and place != (stage, call["caller_id"], ""):
            yield Violation(1, f"it is {call['state']}, its contact {place}", state.key("call", id))
    for id, users in parties.items():
        yield Violation(8, f"there is no such call, but in it are {_some(users)}", state.key("call", id))
    rung = {call["contact_id"] for call in state.hash("call").values() if call["state"] == "ringing"}
    for id, contact in state.open_contacts():
        if contact["state"] == "preparing" and not contact["deadline_at"] and id not in rung:
            yield Violation(3, "no deadline, and no call rings", state.key("contact", id))


def timers(state: State) -> Iterator[Violation]:
    """3. Every pending deadline has exactly one timer, and no timer points at nothing."""
    expected: dict[str, int | None] = {}
    for id, contact in state.open_contacts():
        if contact["state"] == "preparing" and contact["deadline_at"]:
            # Without a deadline its call rings: see `calls`.
            expected[f"assignment:{id}"] = int(contact["deadline_at"])
        if contact["state"] in LINES and contact.get("wait_until"):
            expected[f"wait:{id}"] = int(contact["wait_until"])
        customer = state.hash("user").get(contact["customer_id"], {})
        if not customer.get("session") and contact["presence"] != "none":
            expected[f"grace:{contact['customer_id']}"] = None
    for id, user in state.hash("user").items():
        for kind in ("wrap", "cool"):
            if user.get(f"{kind}_until"):
                expected[f"{kind}:{id}"] = int(user[f"{kind}_until"])
        if not user.get("session") and (user.get("call") or user.get("contacts") or state.zset("agent_queues", id)):
            expected[f"grace:{id}"] = None
    for id, call in state.hash("call").items():
        if call["state"] == "ringing":
            expected[f"ring:{id}"] = int(call["ring_until"])
    for node, held in state.zsets.get("sessions", {}).items():
        if held:
            expected[f"lease:{node}"] = None
    for id in state.hash("queue"):
        rest = [facet for facet in (*LINES, "preparing", "queue_agents") if state.zset(facet, id)]
        if state.deleting(id) and (rest or not state.zset("serving", id)):
            expected[f"delete:{id}"] = None
    found = state.zset("timers")
    for timer in expected.keys() | found.keys():
        if timer not in found:
            yield Violation(3, f"no timer {timer}", state.key("timers"))
        elif timer not in expected:
            yield Violation(3, f"the timer {timer} points at nothing", state.key("timers"))
        elif expected[timer] not in (None, found[timer]):
            yield Violation(3, f"the timer {timer} is not at {expected[timer]}", state.key("timers"))


def sessions(state: State) -> Iterator[Violation]:
    """3 and 8. Every session of a node is under its lease, and no lease keeps one that has ended."""
    live: dict[str, set[str]] = {}
    for id, user in state.hash("user").items():
        if user.get("session") and user.get("node"):
            live.setdefault(user["node"], set()).add(f"{user['session']}:{id}")
        clients = set()
        for watch in user.get("watching", "").split():
            client, session, node = watch.split(":")
            clients.add(f":{client or session}")
            if client and node:
                live.setdefault(node, set()).add(f"{session}:{id}")
        for name in user:
            if name.startswith(MEMORIES) and name[name.index(":") :] not in clients:
                yield Violation(8, f"{name} of a client that does not watch", state.key("user", id))
    held = state.zsets.get("sessions", {})
    for node in live.keys() | held.keys():
        for member in live.get(node, set()) - held.get(node, {}).keys():
            yield Violation(3, f"the session {member} is under no lease", state.key("sessions", node))
        for member in held.get(node, {}).keys() - live.get(node, set()):
            yield Violation(8, f"the session {member} has ended", state.key("sessions", node))


def work_conservation(state: State) -> Iterator[Violation]:
    """4. No able agent while somebody waits, not held, in a queue he serves."""
    for queue_id, waiting in state.zsets.get("waiting", {}).items():
        if state.deleting(queue_id) or not waiting:
            continue
        for agent_id in state.zset("queue_agents", queue_id):
            if state.is_able(agent_id):
                yield Violation(4, f"{agent_id} is able while {min(waiting)} waits", state.key("waiting", queue_id))


def counts_and_index(state: State) -> Iterator[Violation]:
    """6. Counts equal what the sets hold; the able index and `heads` equal what they are made from."""
    step = 2**42
    heads = {
        queue_id: int(state.hash("queue")[queue_id]["priority"]) * step + min(waiting.values())
        for queue_id, waiting in state.zsets.get("waiting", {}).items()
        if waiting and queue_id in state.hash("queue") and not state.deleting(queue_id)
    }
    if heads != state.zset("heads"):
        yield Violation(6, f"the heads: {difference(heads, state.zset('heads'))}", state.key("heads"))
    deleting = sorted(id for id in state.hash("queue") if state.deleting(id))
    listed = sorted(state.hash("meta").get("", {}).get("deleting", "").split())
    if listed != deleting:
        what = _set_difference(deleting, listed) or "one of them twice"
        yield Violation(6, f"the queues being deleted: {what}", state.key("meta"))
    if what := _set_difference(state.hash("queue"), state.zset("queues")):
        yield Violation(6, f"the list of queues: {what}", state.key("queues"))
    if what := _set_difference(state.hash("account"), state.zset("accounts")):
        yield Violation(6, f"the list of accounts: {what}", state.key("accounts"))
    able: dict[str, dict[str, int]] = {}
    for id, user in state.hash("user").items():
        served = state.zset("agent_queues", id)
        if len(served) != int(user.get("serves") or 0) or bool(served) != (id in state.zset("agents")):
            yield Violation(6, f"serves {len(served)} queues, says {user.get('serves')!r}", state.key("user", id))
        for queue_id, priority in served.items():
            if state.zset("queue_agents", queue_id).get(id) != int(bool(user.get("session"))):
                yield Violation(6, f"{id} is not counted right", state.key("queue_agents", queue_id))
            if state.is_able(id) and not state.deleting(queue_id):
                able.setdefault(queue_id, {})[id] = priority * step + int(user.get("idle_since") or 0)
        if state.is_able(id) != bool(user.get("idle_since")):
            yield Violation(6, "idle_since and the predicate do not agree", state.key("user", id))
    found = {queue_id: members for queue_id, members in state.zsets.get("able", {}).items() if members}
    for queue_id in able.keys() | found.keys():
        if what := difference(able.get(queue_id, {}), found.get(queue_id, {})):
            yield Violation(6, f"the able agents: {what}", state.key("able", queue_id))
    for queue_id, members in state.zsets.get("queue_agents", {}).items():
        for id in members:
            if queue_id not in state.zset("agent_queues", id):
                yield Violation(6, f"{id} does not serve it", state.key("queue_agents", queue_id))


def log_tells_the_state(state: State) -> Iterator[Violation]:
    """5 and 7. Matches by `order` were right when they were made, and the log, replayed, gives the state."""
    if state.log is None:
        return
    replay = Replay()
    replay.apply(state.log)
    for broken in replay.broken_order:
        yield Violation(5, broken, state.key("log"))
    real = {id: (c["state"], c["queue_id"], c.get("agent_id") or None) for id, c in state.open_contacts()}
    told = {id: (c["state"], c["queue_id"], c.get("agent_id")) for id, c in replay.contacts.items()}
    for id in real.keys() | told.keys():
        if real.get(id) != told.get(id):
            yield Violation(7, f"the log says {told.get(id)}, the keys {real.get(id)}", state.key("contact", id))
    if what := _set_difference(replay.queues, state.hash("queue")):
        yield Violation(7, f"the queues, by the log: {what}", state.key("queues"))
    for id, agent in replay.agents.items():
        if agent.queues != state.zset("agent_queues", id):
            what = difference(agent.queues, state.zset("agent_queues", id))
            yield Violation(7, f"the queues {id} serves, by the log: {what}", state.key("agent_queues", id))
        user = state.hash("user").get(id, {})
        if agent.queues and (agent.dnd, agent.capacity) != (int(user.get("dnd") or 0), int(user.get("capacity") or 1)):
            yield Violation(7, f"the log says dnd {agent.dnd}, capacity {agent.capacity}", state.key("user", id))


def nothing_left(state: State) -> Iterator[Violation]:
    """8. Nothing is left but what the key table names, and what has ended is on its way out."""
    for name in state.unknown:
        yield Violation(8, "no such key of this type in the key table", name)
    for name in state.immortal:
        yield Violation(8, "ended, but never expires", name)
    for queue_id in {id for facet in (*PLACES, "able", "queue_agents") for id in state.zsets.get(facet, {})}:
        if queue_id not in state.hash("queue"):
            yield Violation(8, "left over from a queue that is gone", state.key("waiting", queue_id))


INVARIANTS: tuple[Callable[[State], Iterator[Violation]], ...] = (
    one_place,
    one_agent,
    calls,
    timers,
    sessions,
    work_conservation,
    counts_and_index,
    log_tells_the_state,
    nothing_left,
)
