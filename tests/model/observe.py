"""One plain shape of a tenant's whole state, read from the real keys and from the reference model alike.

`{"queues": {id: …}, "heads": {id: …}, "users": {id: …}, "contacts": {id: …}, "ended": {id: …}, "timers": {member: ms}}`
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dispatcher.keyspace import State
from dispatcher.model import Why
from dispatcher.store.keys import TENANT_KEYS, key, parse

if TYPE_CHECKING:
    from dispatcher.store.connect import Store
    from tests.model.state import AssignmentState, ContactState, Event, QueueState, UserState
    from tests.model.world import World

Shape = dict[str, Any]

_TYPES = {row.facet: row.type for row in TENANT_KEYS}
_PRIORITY_STEP = 2**42
CHANGES = ("agent.changed", "user.status")


# The model


def observe_model(world: World) -> Shape:
    """Export the model's state."""
    return {
        "queues": {queue.queue_id: _model_queue(world, queue) for queue in world.queues.values()},
        "heads": {
            queue.queue_id: (queue.policy.priority, world.contacts_in(queue.queue_id, "waiting")[0].queued_at)
            for queue in world.queues.values()
            if world.contacts_in(queue.queue_id, "waiting") and not queue.deleting
        },
        "users": {user.user_id: _model_user(world, user) for user in world.users.values()},
        "contacts": {contact.contact_id: _model_contact(contact) for contact in world.contacts.values()},
        "ended": {
            given.assignment_id: (given.state, given.reason, given.agent_id)
            for given in world.assignments.values()
            if given.state == "rejected" or given.reason == "customer_left"
        },
        "calls": {
            call.call_id: (call.caller_id, call.callee_id, call.state, call.meeting, call.ext, call.contact_id)
            for call in world.calls.values()
        },
        "timers": dict(world.timers),
        "nodes": {
            node: [f"{session}:{user.user_id}" for session, user in world.held_by_node(node)]
            for node in {held.node for user in world.users.values() for held in world.connections(user)}
            if world.held_by_node(node)
        },
        "paused": {"": world.paused},
    }


def _model_queue(world: World, queue: QueueState) -> Shape:
    served_by = [user for user in world.users.values() if queue.queue_id in user.serves]
    able = [user for user in served_by if world.is_able(user, queue)]
    able.sort(key=lambda user: (user.serves[queue.queue_id], user.idle_since, user.user_id.encode()))
    lines = {
        state: [contact.contact_id for contact in world.contacts_in(queue.queue_id, state)]
        for state in ("waiting", "held", "preparing", "serving")
    }
    return {
        "priority": queue.policy.priority,
        "deleting": queue.deleting,
        **lines,
        "agents": {user.user_id: user.serves[queue.queue_id] for user in served_by},
        "connected": sorted(user.user_id for user in served_by if user.session),
        "able": [user.user_id for user in able],
    }


def _model_user(world: World, user: UserState) -> Shape:
    prepared, own = world.prepared(user), world.open_contact(user.user_id)
    in_call = world.call_of(user.user_id)
    return {
        "session": user.session,
        "node": user.node,
        "watches": [(watch.client, watch.session, watch.node, watch.request_id) for watch in user.watches],
        "serves": len(user.serves),
        "dnd": user.dnd,
        "dnd_reason": user.dnd_reason,
        "capacity": user.capacity,
        "missed": user.missed,
        "load": sorted(contact.contact_id for contact in world.load(user)),
        "preparing": prepared.contact_id if prepared else "",
        "contact": own.contact_id if own else "",
        "call": in_call.call_id if in_call else "",
        "idle_since": user.idle_since,
        "wrap_until": user.wrap_until,
        "cool_until": user.cool_until,
        "since_at": user.since_at,
    }


def _model_contact(contact: ContactState) -> Shape:
    given = contact.assignment
    return {
        "customer_id": contact.customer_id,
        "name": contact.name,
        "queue_id": contact.queue_id,
        "state": contact.state,
        "ext": contact.ext,
        "presence": contact.presence,
        "queued_at": contact.queued_at,
        "wait_from": contact.wait_from,
        "matched_at": contact.matched_at,
        "ended_at": contact.ended_at,
        "agent_id": contact.agent_id,
        "reason": contact.reason,
        "offers": contact.offers,
        "assignment": _model_assignment(given) if given else None,
    }


def _model_assignment(given: AssignmentState) -> tuple[object, ...]:
    return (given.assignment_id, given.state, given.deadline_at, given.requested, given.why)


# The real keys


Found = dict[str, dict[str, Any]]
"""What the keys hold: facet → id ("" for a single key) → value."""


async def read_keys(store: Store, tenant: str) -> Found:
    """Read every key of a tenant. A key that the key table does not have is an error."""
    names = [name async for name in store.client.scan_iter(match=f"acd:{{{tenant}}}:*", count=10_000)]
    found: Found = {facet: {} for facet in _TYPES}
    wanted = []
    pipe: Any = store.client.pipeline(transaction=False)
    for name in names:
        parsed = parse(name)
        assert parsed is not None, name
        _, facet, id = parsed
        assert facet in _TYPES, f"{name} is not in the key table"
        if facet in {"log", "clock"}:
            continue
        wanted.append((facet, id))
        if _TYPES[facet] == "HASH":
            pipe.hgetall(name)
        elif _TYPES[facet] == "ZSET":
            pipe.zrange(name, 0, -1, withscores=True)
        else:
            pipe.get(name)
    for (facet, id), value in zip(wanted, await pipe.execute(), strict=True):
        found[facet][id] = value
    return found


def doctors_state(tenant: str, found: Found) -> State:
    """Hand what was read to the doctor, in his form."""
    hashes = {facet: by_id for facet, by_id in found.items() if _TYPES[facet] == "HASH"}
    zsets = {
        facet: {id: {member: int(score) for member, score in pairs} for id, pairs in by_id.items()}
        for facet, by_id in found.items()
        if _TYPES[facet] == "ZSET"
    }
    return State(tenant, hashes, zsets)


def observe_keys(found: Found) -> Shape:
    """Bring what was read into the plain shape; the indexes that the shape does not show must be right."""
    assert not found["guard"], "the guard key exists"
    queue_ids = _members(found, "queues")
    assert sorted(queue_ids) == sorted(found["queue"]), "queues and their hashes differ"
    names = {fields["name"]: id for id, fields in found["queue"].items()}
    assert found["queue_names"].get("", {}) == names, "queue_names differs from the queues' names"
    for facet in ("waiting", "held", "preparing", "serving", "able", "queue_agents"):
        assert set(found[facet]) <= set(queue_ids), f"{facet} of a queue that is not there"
    users = {id: _user(fields) for id, fields in found["user"].items()}
    serving_agents = sorted(id for id, user in users.items() if user["serves"])
    assert sorted(_members(found, "agents")) == serving_agents, "agents differs from the users who serve"
    return {
        "queues": {id: _queue(found, id) for id in queue_ids},
        "heads": {id: divmod(int(score), _PRIORITY_STEP) for id, score in found["heads"].get("", [])},
        "users": users,
        "contacts": {id: _contact(id, fields) for id, fields in found["contact"].items()},
        "ended": {id: _ended(text) for id, text in found["assignment"].items()},
        "calls": {id: _call(fields) for id, fields in found["call"].items()},
        "timers": {member: int(score) for member, score in found["timers"].get("", [])},
        "nodes": {node: _members(found, "sessions", node) for node in found["sessions"]},
        "paused": {"": found["meta"].get("", {}).get("paused") == "1"},
    }


def _members(found: Found, facet: str, id: str = "") -> list[str]:
    return [member for member, _ in found[facet].get(id, [])]


def _queue(found: Found, id: str) -> Shape:
    fields = found["queue"][id]
    agents = {agent: dict(found["agent_queues"][agent]).get(id) for agent in _members(found, "queue_agents", id)}
    return {
        "priority": int(fields["priority"]),
        "deleting": fields["deleting"] == "1",
        "waiting": _members(found, "waiting", id),
        "held": _members(found, "held", id),
        "preparing": sorted(_members(found, "preparing", id)),
        "serving": sorted(_members(found, "serving", id)),
        "agents": {agent: None if priority is None else int(priority) for agent, priority in agents.items()},
        "connected": sorted(agent for agent, score in found["queue_agents"].get(id, []) if score == 1),
        "able": _members(found, "able", id),
    }


def _number(text: str | None) -> int | None:
    return int(text) if text else None


def _user(fields: dict[str, str]) -> Shape:
    return {
        "session": fields.get("session", ""),
        "node": fields.get("node", ""),
        "watches": [_watch(fields, entry) for entry in fields.get("watching", "").split()],
        "serves": int(fields.get("serves") or 0),
        "dnd": int(fields.get("dnd") or 0),
        "dnd_reason": fields.get("dnd_reason", ""),
        "capacity": int(fields.get("capacity") or 1),
        "missed": int(fields.get("missed") or 0),
        "load": sorted(fields.get("contacts", "").split()),
        "preparing": fields.get("preparing", ""),
        "contact": fields.get("contact", ""),
        "call": fields.get("call", ""),
        **{name: _number(fields.get(name)) for name in ("idle_since", "wrap_until", "cool_until", "since_at")},
    }


def _watch(fields: dict[str, str], entry: str) -> tuple[str, str, str, int]:
    client, session, node = entry.split(":")
    if not client:
        # It has ended: only what its client asked last is remembered.
        client, session = session, ""
    return client, session, node, int(fields.get(f"request_id:{client}", 0))


def _contact(id: str, fields: dict[str, str]) -> Shape:
    card = json.loads("{" + fields["card"] + "}")
    given = None
    if fields.get("assignment_state"):
        offer = json.loads("{" + fields["offer"] + "}")
        why = tuple(offer["why"][name] for name in Why.model_fields)
        assert offer["agent_id"] == fields["agent_id"], f"{id} is offered to {offer['agent_id']}"
        # What is left there of an answered assignment speaks of the past.
        deadline = _number(fields["deadline_at"]) if fields["state"] == "preparing" else None
        given = (offer["assignment_id"], fields["assignment_state"], deadline, offer["requested"], why)
    assert (card["contact_id"], card["customer_id"]) == (id, fields["customer_id"]), f"{id} carries another card"
    return {
        **{name: card[name] for name in ("customer_id", "name", "ext", "queued_at")},
        **{name: fields.get(name, "") for name in ("queue_id", "state", "presence", "agent_id", "reason")},
        "wait_from": _number(fields.get("wait_from")) or card["queued_at"],
        **{name: _number(fields.get(name)) for name in ("matched_at", "ended_at")},
        "offers": int(fields.get("offers") or 0),
        "assignment": given,
    }


def _call(fields: dict[str, str]) -> tuple[object, ...]:
    meeting = json.loads(fields["meeting"])
    return (fields["caller_id"], fields["callee_id"], fields["state"], meeting, fields["ext"], fields["contact_id"])


def _ended(text: str) -> tuple[str, str, str]:
    given = json.loads(text)
    return given["state"], given.get("reason", ""), given["agent_id"]


# The log


async def read_log(store: Store, tenant: str, cursor: str) -> tuple[str, list[list[Event]]]:
    """Read the entries after `cursor` ("0" from the start); answer the new cursor and each entry's events."""
    entries: Any = await store.client.xrange(key(tenant, "log"), min=f"({cursor}")
    events = [
        [_event(event["event"], event["data"]) for event in json.loads(fields["entry"])["events"]]
        for _, fields in entries
    ]
    return entries[-1][0] if entries else cursor, events


def _event(event: str, data: dict[str, Any]) -> Event:
    kind = event.partition(".")[0]
    if kind == "contact":
        return (event, data["contact_id"], data["customer_id"], data["queue_id"], data.get("reason", ""))
    if kind == "assignment":
        names = ("assignment_id", "agent_id", "state", "requested", "deadline_at")
        assignment_id, agent_id, state, requested, deadline_at = (data[name] for name in names)
        why = tuple(data["why"][name] for name in Why.model_fields)
        contact_id, reason = data["contact"]["contact_id"], data.get("reason", "")
        return (event, assignment_id, agent_id, contact_id, state, reason, requested, deadline_at, why)
    if kind == "call":
        parts = ("call_id", "caller_id", "callee_id", "contact_id", "state", "meeting", "ext", "reason")
        return (event, *(data.get(name, "") for name in parts))
    members = {
        "user.status": ("user_id", "status", "dnd"),
        "agent.changed": ("agent_id", "old_state", "state", "dnd", "dnd_reason", "capacity", "since_at", "load"),
        "agent.service": ("agent_id", "queue_id", "serving", "priority"),
        "queue.changed": ("queue_id", "priority", "open", "deleting"),
        "queue.deleted": ("queue_id",),
        "audit": ("actor_id", "command", "subject", "contact_id"),
        "session.replaced": ("session_id",),
    }[event]
    absent = {"dnd_reason": ""}
    return (event, *(data.get(name, absent.get(name)) for name in members))


def comparable(events: list[Event]) -> tuple[list[Event], list[str]]:
    """Split a command's events into those whose order counts, and changes of state, whose order does not."""
    ordered = [event for event in events if event[0] not in CHANGES]
    changed = sorted(repr(event) for event in events if event[0] in CHANGES)
    assert all(event[0] in CHANGES for event in events[len(ordered) :]), "a change of state is not last"
    return ordered, changed
