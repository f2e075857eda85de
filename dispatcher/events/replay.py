"""Rebuild a tenant's state from its log: invariants 5 and 7 of the doctor, and a lesson in reading events.

`Replay` applies log entries in order, starting from an empty tenant. What it knows afterwards must equal what
the keys hold, and each match by the rule `order` must have been the right one at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from dispatcher.model import LogEntry

LINE_STATES = ("waiting", "held")


@dataclass
class ReplayedAgent:
    """What the log tells about one agent."""

    state: str = "idle"
    dnd: int = 0
    capacity: int = 1
    queues: dict[str, int] = field(default_factory=dict)


@dataclass
class Replay:
    """A tenant's state as its log tells it. `broken_order` collects matches that the order rule forbids."""

    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    agents: dict[str, ReplayedAgent] = field(default_factory=dict)
    broken_order: list[str] = field(default_factory=list)

    def apply(self, entries: Iterable[LogEntry]) -> None:
        """Apply entries in order."""
        for entry in entries:
            for event in entry.events:
                noun, _, verb = event.event.partition(".")
                if noun == "contact":
                    self._contact(verb, event.data)
                elif noun == "assignment" and verb == "offered":
                    self._offered(event.data)
                elif noun == "agent":
                    self._agent(verb, event.data)
                elif noun == "queue":
                    self._queue(verb, event.data)

    def _queue(self, verb: str, data: dict[str, Any]) -> None:
        if verb == "deleted":
            del self.queues[data["queue_id"]]
        else:
            self.queues[data["queue_id"]] = data

    def _agent(self, verb: str, data: dict[str, Any]) -> None:
        agent = self.agents.setdefault(data["agent_id"], ReplayedAgent())
        if verb == "service":
            if data["serving"]:
                agent.queues[data["queue_id"]] = data["priority"]
            else:
                agent.queues.pop(data["queue_id"], None)
        else:
            agent.state, agent.dnd, agent.capacity = data["state"], data["dnd"], data["capacity"]

    def _contact(self, verb: str, data: dict[str, Any]) -> None:
        contact_id = data["contact_id"]
        if data["state"] == "ended":
            self.contacts.pop(contact_id, None)
        elif verb == "left" and data["state"] in LINE_STATES:
            # It leaves for its end or for another queue; what comes next in the same entry says where.
            self.contacts.pop(contact_id, None)
        else:
            self.contacts[contact_id] = data

    def _offered(self, data: dict[str, Any]) -> None:
        if data["why"]["rule"] == "order":
            self._check_order(data["contact"], data["agent_id"])
        self.contacts[data["contact"]["contact_id"]] = data["contact"]

    def _check_order(self, matched: dict[str, Any], agent_id: str) -> None:
        """Note a match while an older contact of the queue, or a better queue of the agent, had somebody waiting."""
        served = self.agents[agent_id].queues if agent_id in self.agents else {}
        priority = self.queues[matched["queue_id"]]["priority"]
        for other in self.contacts.values():
            if other["state"] != "waiting" or other["contact_id"] == matched["contact_id"]:
                continue
            queue = self.queues[other["queue_id"]]
            same = other["queue_id"] == matched["queue_id"]
            older = (other["queued_at"], other["contact_id"]) < (matched["queued_at"], matched["contact_id"])
            better = other["queue_id"] in served and not queue["deleting"] and queue["priority"] < priority
            if (same and older) or better:
                self.broken_order.append(
                    f"{agent_id} got {matched['contact_id']} while {other['contact_id']} waited in {queue['queue_id']}"
                )
