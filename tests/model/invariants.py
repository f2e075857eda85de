"""The invariants of the dispatcher, checked by brute force on one observed state (see `observe`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

Shape = dict[str, Any]

PLACES = ("waiting", "held", "preparing", "serving")


def violations(shape: Shape) -> list[str]:
    """Check one state; answer a sentence for each violation."""
    checks = (_places, _loads, _timers, _conservation, _able, _heads, _leftovers)
    return [sentence for check in checks for sentence in check(shape)]


def _places(shape: Shape) -> Iterator[str]:
    """Every open contact is in exactly one place, and is his customer's one open contact."""
    places = {
        (contact_id, queue_id, place)
        for queue_id, queue in shape["queues"].items()
        for place in PLACES
        for contact_id in queue[place]
    }
    truth = {
        (contact_id, contact["queue_id"], contact["state"])
        for contact_id, contact in shape["contacts"].items()
        if contact["state"] != "ended"
    }
    if places != truth:
        yield f"places differ from states: {sorted(places ^ truth)}"
    for queue_id, queue in shape["queues"].items():
        for line in ("waiting", "held"):
            in_order = sorted(queue[line], key=lambda id: (shape["contacts"][id]["queued_at"], id))
            if queue[line] != in_order:
                yield f"{line} of {queue_id} is out of order: {queue[line]}"
    open_of = {user_id: user["contact"] for user_id, user in shape["users"].items() if user["contact"]}
    owners = {shape["contacts"][contact_id]["customer_id"]: contact_id for contact_id, _, _ in truth}
    if open_of != owners or len(owners) != len(truth):
        yield f"open contacts of users {open_of} differ from {owners}"


def _loads(shape: Shape) -> Iterator[str]:
    """An agent's load is his open assignments; he prepares one at a time; two agents never hold one contact."""
    held = Counter(contact_id for user in shape["users"].values() for contact_id in user["load"])
    if held and max(held.values()) > 1:
        yield f"a contact is held twice: {held}"
    for contact_id, contact in shape["contacts"].items():
        is_assigned = contact["state"] in {"preparing", "serving"}
        if is_assigned != (contact["assignment"] is not None) or is_assigned != (contact_id in held):
            yield f"{contact_id} is {contact['state']} with {contact['assignment']}, held {held[contact_id]} times"
        elif is_assigned and contact_id not in shape["users"][contact["agent_id"]]["load"]:
            yield f"{contact_id} names {contact['agent_id']}, who does not hold it"
    for user_id, user in shape["users"].items():
        prepared = [id for id in user["load"] if shape["contacts"][id]["state"] == "preparing"]
        if prepared != [user["preparing"]] * bool(user["preparing"]):
            yield f"{user_id} prepares {user['preparing']}, his contacts say {prepared}"
        if user["load"] and user["contact"]:
            yield f"{user_id} is customer and agent at once"


def _timers(shape: Shape) -> Iterator[str]:
    """Every pending deadline has exactly one timer, and no timer points at nothing."""
    wanted: dict[str, int | None] = {}
    for contact_id, contact in shape["contacts"].items():
        if contact["state"] == "preparing":
            wanted[f"assignment:{contact_id}"] = contact["assignment"][2]
        customer = shape["users"][contact["customer_id"]]
        if contact["state"] != "ended" and contact["presence"] != "none" and not customer["session"]:
            wanted[f"grace:{contact['customer_id']}"] = None
    for user_id, user in shape["users"].items():
        for kind in ("wrap", "cool"):
            if user[f"{kind}_until"] is not None:
                wanted[f"{kind}:{user_id}"] = user[f"{kind}_until"]
    for member, deadline in shape["timers"].items():
        kind, _, id = member.partition(":")
        if kind == "wait":
            if shape["contacts"][id]["state"] not in {"waiting", "held"}:
                yield f"{member} of a contact that is {shape['contacts'][id]['state']}"
        elif kind == "delete":
            if not shape["queues"].get(id, {}).get("deleting"):
                yield f"{member} of a queue that is not being deleted"
        elif member not in wanted or wanted[member] not in {None, deadline}:
            yield f"{member} @ {deadline}, but the deadline is {wanted.get(member, 'none')}"
    if missing := wanted.keys() - shape["timers"].keys():
        yield f"no timer for {sorted(missing)}"


def is_ready(user: Shape) -> bool:
    """Whether an agent may be given anything, as far as he himself is concerned."""
    return (
        user["session"] != ""
        and user["dnd"] == 0
        and user["serves"] > 0
        and user["preparing"] == ""
        and len(user["load"]) < user["capacity"]
        and user["wrap_until"] is None
        and user["cool_until"] is None
    )


def _conservation(shape: Shape) -> Iterator[str]:
    """Nobody waits unheld while an able agent serves his queue."""
    for queue_id, queue in shape["queues"].items():
        able = [agent for agent in queue["agents"] if is_ready(shape["users"][agent])]
        if queue["waiting"] and able and not queue["deleting"]:
            yield f"{queue['waiting']} wait in {queue_id} while {able} are able"


def _able(shape: Shape) -> Iterator[str]:
    """The able index equals the predicate and is in the order of the rule; `connected` is what it says."""
    for queue_id, queue in shape["queues"].items():
        users = {agent: shape["users"][agent] for agent in queue["agents"]}
        ready = [agent for agent, user in users.items() if is_ready(user) and not queue["deleting"]]
        ready.sort(key=lambda agent: (queue["agents"][agent], users[agent]["idle_since"] or 0, agent.encode()))
        if queue["able"] != ready:
            yield f"able of {queue_id} is {queue['able']}, should be {ready}"
        if queue["connected"] != sorted(agent for agent, user in users.items() if user["session"]):
            yield f"connected agents of {queue_id}: {queue['connected']}"
    for user_id, user in shape["users"].items():
        if is_ready(user) != (user["idle_since"] is not None):
            yield f"{user_id} is idle since {user['idle_since']}"
        serves = sum(user_id in queue["agents"] for queue in shape["queues"].values())
        if user["serves"] != serves:
            yield f"{user_id} serves {user['serves']} queues, should be {serves}"


def _heads(shape: Shape) -> Iterator[str]:
    """`heads` holds the queues with somebody waiting, with priority and age of the oldest."""
    heads = {
        queue_id: (queue["priority"], shape["contacts"][queue["waiting"][0]]["queued_at"])
        for queue_id, queue in shape["queues"].items()
        if queue["waiting"] and not queue["deleting"]
    }
    if shape["heads"] != heads:
        yield f"heads is {shape['heads']}, should be {heads}"


def _leftovers(shape: Shape) -> Iterator[str]:
    """Nothing of an ended contact points anywhere."""
    for contact_id, contact in shape["contacts"].items():
        if contact["state"] == "ended" and (contact["ended_at"] is None or not contact["reason"]):
            yield f"{contact_id} has ended without a reason"
