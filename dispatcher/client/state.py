"""Where a person stands, kept live: the last snapshot, with the events and answers since.

Events of one user come in order and without a gap, but the answer to a command travels beside them: it may
arrive after a later event, or before an earlier one. So what has ended, by either, is never brought back.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from pydantic import BaseModel

from dispatcher.client.wire import read
from dispatcher.model import (
    Agent,
    AgentState,
    Assignment,
    AssignmentState,
    Call,
    CallState,
    Contact,
    ContactState,
    Event,
    Service,
    Snapshot,
)

ENDED_KEPT = 256

_PROGRESS = {AssignmentState.OFFERED: 0, AssignmentState.ACCEPTED: 1, AssignmentState.SERVING: 2}
_AGENT_MEMBERS = ("name", "state", "since_at", "dnd", "dnd_reason", "load", "capacity")


class State:
    """The live snapshot. `ended` ids of contacts and assignments are remembered for a while."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._ended: deque[str] = deque(maxlen=ENDED_KEPT)
        self._services = self._changes = 0

    def restore(self, snapshot: Snapshot) -> list[Event]:
        """Take over a new snapshot; return the events that lie between the old one and it."""
        missed = difference(self.snapshot, snapshot)
        self.snapshot = snapshot
        self._services += 1
        self._changes += 1
        return missed

    @property
    def told(self) -> tuple[int, int]:
        """How often it was told which queues the agent serves, and how he is: an answer may be older than that."""
        return self._services, self._changes

    def apply(self, event: Event) -> None:
        """Change what an event says. Events about others change nothing."""
        kind, _, what = event.event.partition(".")
        if kind == "contact":
            self._apply_contact(what, event.data)
        elif kind == "assignment":
            assignment = read(Assignment, event.data)
            if assignment.state in _PROGRESS:
                self._hold(assignment)
            else:
                self._drop(assignment.assignment_id)
        elif kind == "call":
            self._apply_call(read(Call, event.data))
        elif kind == "agent" and event.data.get("agent_id") == self.snapshot.user.user_id:
            self._apply_agent(what, event.data)
        elif event.event == "queuing.info":
            self._apply_position(event.data)

    def count(self, offset: int) -> None:
        """Note the offset of the last frame."""
        self._set(offset=offset)

    def learn(self, answer: BaseModel, told: tuple[int, int]) -> None:
        """Take what the answer to an own command tells, unless an event told more since `told` was so."""
        if isinstance(answer, Assignment) and answer.state in _PROGRESS:
            self._hold(answer)
        elif isinstance(answer, Assignment):
            self._drop(answer.assignment_id)
        elif isinstance(answer, Agent) and answer.agent_id == self.snapshot.user.user_id:
            self._learn_agent(answer, *told)
        elif isinstance(answer, Call):
            self._apply_call(answer)
        elif isinstance(answer, Contact):
            self._learn_contact(answer)

    def _learn_agent(self, answer: Agent, services: int, changes: int) -> None:
        known = self.snapshot.agent or answer
        newer = answer if changes == self._changes and answer.since_at >= known.since_at else known
        queues = answer.queues if services == self._services else known.queues
        self._set(agent=newer.model_copy(update={"queues": queues}))
        self._set_assignments(self.snapshot.assignments)

    def _learn_contact(self, contact: Contact) -> None:
        mine = contact.customer_id == self.snapshot.user.user_id
        if contact.state is ContactState.ENDED:
            self._end_contact(contact.contact_id)
        elif mine and self.snapshot.contact is None and contact.contact_id not in self._ended:
            self._set(contact=contact)
        for held in self.snapshot.assignments:
            if held.contact.contact_id != contact.contact_id:
                continue
            if contact.state is ContactState.ENDED:
                self._drop(held.assignment_id)
            elif contact.state is ContactState.SERVING:
                serving = {"state": AssignmentState.SERVING, "contact": contact, "deadline_at": None}
                self._hold(held.model_copy(update=serving))

    def _apply_contact(self, what: str, data: dict[str, Any]) -> None:
        if what == "left":
            return
        contact = read(Contact, data)
        if contact.customer_id != self.snapshot.user.user_id:
            if what == "serving":
                self._begin_service(contact.contact_id)
            return
        if contact.state is ContactState.ENDED:
            self._end_contact(contact.contact_id)
        elif contact.contact_id not in self._ended:
            self._set(contact=contact.model_copy(update={"reason": None}))

    def _apply_call(self, call: Call) -> None:
        known = self.snapshot.call
        is_known = known is not None and known.call_id == call.call_id
        if call.state is CallState.ENDED:
            self._ended.append(call.call_id)
            if is_known:
                self._set(call=None)
        elif call.call_id not in self._ended and not (_is_answered(known, call) and call.state is CallState.RINGING):
            self._set(call=call.model_copy(update={"ext": known.ext}) if known and is_known else call)
        if call.call_id in self._ended:
            return
        if call.state is CallState.ANSWERED:
            self._begin_service(call.contact_id)
        else:
            self._stop_clock(call.contact_id)

    def _begin_service(self, contact_id: str | None) -> None:
        """Serve the contact whose call was answered."""
        for held in self.snapshot.assignments:
            if held.contact.contact_id == contact_id and held.state is not AssignmentState.SERVING:
                contact = held.contact.model_copy(update={"state": ContactState.SERVING})
                serving = {"state": AssignmentState.SERVING, "contact": contact, "deadline_at": None}
                self._hold(held.model_copy(update=serving))

    def _stop_clock(self, contact_id: str | None) -> None:
        """Accept the contact who is called: the offer has no deadline any more."""
        for held in self.snapshot.assignments:
            if held.contact.contact_id == contact_id and held.state is not AssignmentState.SERVING:
                accepted = {"state": AssignmentState.ACCEPTED, "deadline_at": None}
                self._hold(held.model_copy(update=accepted))

    def _apply_agent(self, what: str, data: dict[str, Any]) -> None:
        user = self.snapshot.user
        agent = self.snapshot.agent or Agent(
            agent_id=user.user_id, name=user.name, state=AgentState.IDLE, since_at=0,
            dnd=0, queues=(), load=0, capacity=1, contacts=(),
        )  # fmt: skip
        if what == "service":
            self._services += 1
            queues = tuple(queue for queue in agent.queues if queue.queue_id != data["queue_id"])
            if data["serving"]:
                queues += (Service(queue_id=data["queue_id"], priority=data.get("priority") or 0),)
            agent = agent.model_copy(update={"queues": queues})
        else:
            self._changes += 1
            members = agent.model_dump() | {name: data.get(name) for name in _AGENT_MEMBERS if name in data}
            agent = read(Agent, members | {"dnd_reason": data.get("dnd_reason")})
        self._set(agent=agent)

    def _apply_position(self, data: dict[str, Any]) -> None:
        contact = self.snapshot.contact
        if contact is not None and contact.queue_id == data["queue_id"]:
            place = {"position": data["position"], "queuing_time_s": data["queuing_time_s"]}
            self._set(contact=contact.model_copy(update=place))

    def _hold(self, assignment: Assignment) -> None:
        """Put an assignment in, or replace it by a later state of it."""
        if assignment.assignment_id in self._ended:
            return
        held = {known.assignment_id: known for known in self.snapshot.assignments}
        known = held.get(assignment.assignment_id)
        if known is None or _PROGRESS[known.state] <= _PROGRESS[assignment.state]:
            held[assignment.assignment_id] = assignment
            self._set_assignments(tuple(held.values()))

    def _drop(self, assignment_id: str) -> None:
        self._ended.append(assignment_id)
        rest = tuple(known for known in self.snapshot.assignments if known.assignment_id != assignment_id)
        self._set_assignments(rest)

    def _end_contact(self, contact_id: str) -> None:
        self._ended.append(contact_id)
        if self.snapshot.contact is not None and self.snapshot.contact.contact_id == contact_id:
            self._set(contact=None)

    def _set_assignments(self, assignments: tuple[Assignment, ...]) -> None:
        agent = self.snapshot.agent
        if agent is not None:
            contacts = tuple(held.contact.contact_id for held in assignments)
            agent = agent.model_copy(update={"contacts": contacts, "load": len(contacts)})
        self._set(assignments=assignments, agent=agent)

    def _set(self, **members: Any) -> None:
        self.snapshot = self.snapshot.model_copy(update=members)


def difference(old: Snapshot, new: Snapshot) -> list[Event]:
    """Return the events that would lead from one snapshot to the other, in the order of one command's.

    What happened between is not known: a reason is missing, steps there and back are not seen.
    """
    events = [*_call_ended(old, new), *_assignments_ended(old, new), *_contact_changes(old.contact, new.contact)]
    before = {known.assignment_id: known for known in old.assignments}
    for assignment in new.assignments:
        was = before.get(assignment.assignment_id)
        if was is None:
            events.append(_event("assignment.offered", assignment))
        elif was.state is AssignmentState.OFFERED and assignment.state is not AssignmentState.OFFERED:
            events.append(_event("assignment.accepted", assignment))
    events += _call_changes(old, new)
    if old.agent and new.agent and old.agent.state is not new.agent.state:
        members = new.agent.model_dump(mode="json", exclude={"queues", "contacts"})
        events.append(
            Event(event="agent.changed", data=members | {"old_state": old.agent.state.value, "cause": "snapshot"})
        )
    return events


def _assignments_ended(old: Snapshot, new: Snapshot) -> list[Event]:
    after = {known.assignment_id for known in new.assignments}
    events = []
    for assignment in old.assignments:
        if assignment.assignment_id not in after:
            served = assignment.state is AssignmentState.SERVING
            state = AssignmentState.COMPLETED if served else AssignmentState.CANCELLED
            ended = assignment.model_copy(update={"state": state, "deadline_at": None})
            events.append(_event(f"assignment.{state.value}", ended))
    return events


def _call_ended(old: Snapshot, new: Snapshot) -> list[Event]:
    if old.call is None or (new.call is not None and new.call.call_id == old.call.call_id):
        return []
    return [_event("call.ended", old.call.model_copy(update={"state": CallState.ENDED, "ext": ""}))]


def _call_changes(old: Snapshot, new: Snapshot) -> list[Event]:
    call, was = new.call, old.call
    if call is None:
        return []
    is_new = was is None or was.call_id != call.call_id
    is_mine = call.caller_id == new.user.user_id
    if is_new and not is_mine:
        return [_event("call.incoming", call)]
    if is_mine and call.state is CallState.ANSWERED and (is_new or not _is_answered(was, call)):
        return [_event("call.accepted", call)]
    return []


def _is_answered(known: Call | None, call: Call) -> bool:
    """Whether the call is known to be answered."""
    return known is not None and known.call_id == call.call_id and known.state is CallState.ANSWERED


def _contact_changes(old: Contact | None, new: Contact | None) -> list[Event]:
    events = []
    if old is not None and (new is None or new.contact_id != old.contact_id):
        ended = old.model_copy(update={"state": ContactState.ENDED, "position": None})
        events.append(_event("contact.ended", ended))
        old = None
    if new is None:
        return events
    if old is None:
        events.append(_event("contact.entered", new))
    if old is None or old.state is not new.state:
        name = _contact_event(old, new)
        if name:
            events.append(_event(name, new))
    return events


def _contact_event(old: Contact | None, new: Contact) -> str:
    """Name the event that leads into the new state."""
    if new.state is ContactState.WAITING:
        if old is None:
            return ""
        return "contact.resumed" if old.state is ContactState.HELD else "contact.returned"
    names = {ContactState.HELD: "held", ContactState.PREPARING: "matched", ContactState.SERVING: "serving"}
    return f"contact.{names[new.state]}"


def _event(name: str, about: Assignment | Call | Contact) -> Event:
    return Event(event=name, data=about.model_dump(mode="json", exclude_none=True))
