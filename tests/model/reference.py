"""The reference model: every command of the dispatcher on the plain `World`.

Methods have the names and arguments of `dispatcher.engine.Dispatcher`; each returns a plain result or raises
`Refused`, before it has changed anything. `events` holds what the last command said, in order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dispatcher.model import Actor, Policy, QueueCreate, QueuePatch, Service
from tests.model import views
from tests.model.command import Result
from tests.model.sessions import Sessions
from tests.model.state import GAP_MS, LEASE_MS, AssignmentState, ContactState, QueueState, Refused, UserState

TICK_TIMERS_MAX = 16
BATCH = 50
"""What one run does of the long work that goes on with the next tick; a session that ends counts as three."""


class Model(Sessions):
    """All commands in scope, on a virtual clock that only the tests move (`now`, ms)."""

    _queue_next = 1
    _batch_left = BATCH

    # Queues

    def create_queue(self, actor: Actor, queue: QueueCreate) -> Result:
        """Create a queue."""
        return self._once(actor, lambda: self._create_queue(actor, queue))

    def _create_queue(self, actor: Actor, queue: QueueCreate) -> Result:
        queue_id = queue.queue_id
        if queue_id is None:
            numbers = range(self._queue_next, self._queue_next + 1000)
            queue_id = next(str(n) for n in numbers if str(n) not in self.queues)
        name = queue.name or queue_id
        if queue_id in self.queues or name in {other.name for other in self.queues.values()}:
            raise Refused("QUEUE_EXISTS")
        policy = Policy(**queue.model_dump(exclude={"queue_id", "name"}))
        self.queues[queue_id] = QueueState(queue_id, name, policy)
        if re.fullmatch("[1-9][0-9]{0,8}", queue_id):
            self._queue_next = max(self._queue_next, int(queue_id) + 1)
        self._audit(actor, "create_queue", queue_id)
        return self._queue_changed(self.queues[queue_id])

    def _queue_changed(self, queue: QueueState) -> Result:
        self.say("queue.changed", queue.queue_id, queue.policy.priority, queue.policy.open, queue.deleting)
        return views.queue(queue)

    def update_queue(self, actor: Actor, queue_id: str, patch: QueuePatch) -> Result:
        """Change the given members of a queue's policy; the next decision uses them."""
        return self._once(actor, lambda: self._update_queue(actor, queue_id, patch))

    def _update_queue(self, actor: Actor, queue_id: str, patch: QueuePatch) -> Result:
        queue = self._queue(queue_id)
        if queue.deleting:
            raise Refused("QUEUE_CLOSED")
        if patch.name in {other.name for other in self.queues.values() if other is not queue}:
            raise Refused("QUEUE_EXISTS")
        queue.name = patch.name or queue.name
        queue.policy = queue.policy.model_copy(update=patch.model_dump(exclude_none=True, exclude={"name"}))
        self._audit(actor, "update_queue", queue_id)
        return self._queue_changed(queue)

    def delete_queue(self, actor: Actor, queue_id: str, force: bool = False) -> bool:
        """Delete a queue; True when it is gone."""
        return self._once(actor, lambda: self._delete_queue(actor, queue_id, force))

    def _delete_queue(self, actor: Actor, queue_id: str, force: bool) -> bool:
        queue = self._queue(queue_id)
        if self.contacts_in(queue_id, "waiting", "held", "preparing", "serving") and not force:
            raise Refused("QUEUE_NOT_EMPTY")
        self._audit(actor, "delete_queue", queue_id)
        if not queue.deleting:
            queue.deleting = True
            self._queue_changed(queue)
        self._batch_left = BATCH
        self._delete_batch(queue)
        return queue_id not in self.queues

    def _delete_batch(self, queue: QueueState) -> None:
        """End some contacts of a queue being deleted, then dismiss some of its agents, then let it go."""
        for state in ("waiting", "held", "preparing"):
            # Those who are prepared go in the order of their offers.
            found = sorted(self.contacts_in(queue.queue_id, state), key=lambda contact: contact.matched_at or 0)
            for contact in found[: self._batch_left]:
                self._batch_left -= 1
                self.end_whatever(contact, "removed")
        agents = [user for user in self.users.values() if queue.queue_id in user.serves]
        agents.sort(key=lambda user: (user.session != "", user.user_id.encode()))
        for user in agents[: self._batch_left]:
            self._batch_left -= 1
            self._dismiss(user, queue.queue_id)
        served = any(queue.queue_id in user.serves for user in agents)
        if served or self.contacts_in(queue.queue_id, "waiting", "held", "preparing"):
            self.timers[f"delete:{queue.queue_id}"] = self.now
        elif not self.contacts_in(queue.queue_id, "serving"):
            del self.queues[queue.queue_id]
            self.timers.pop(f"delete:{queue.queue_id}", None)
            self.say("queue.deleted", queue.queue_id)

    def _dismiss(self, user: UserState, queue_id: str) -> None:
        del user.serves[queue_id]
        self.forget_grace(user)
        self.say("agent.service", user.user_id, queue_id, False, None)

    # Agents

    def start_service(self, actor: Actor, agent_id: str, queues: Sequence[Service]) -> Result:
        """Serve one or several queues in one step."""
        return self._once_for_agent(actor, agent_id, lambda: self._start_service(actor, agent_id, queues))

    def _start_service(self, actor: Actor, agent_id: str, queues: Sequence[Service]) -> None:
        user = self.users.get(agent_id)
        if user is None or not user.session:
            raise Refused("NOT_LOGIN")
        if self.open_contact(agent_id):
            raise Refused("ROLE_CONFLICT")
        for service in queues:
            if self._queue(service.queue_id).deleting:
                raise Refused("QUEUE_CLOSED")
        self._audit(actor, "start_service", agent_id)
        for service in queues:
            user.serves[service.queue_id] = service.priority
            self.say("agent.service", agent_id, service.queue_id, True, service.priority)
        self.match_agent(user)

    def stop_service(self, actor: Actor, agent_id: str, queue_id: str) -> Result:
        """Stop serving a queue; an offer of it is withdrawn."""
        return self._once_for_agent(actor, agent_id, lambda: self._stop_service(actor, agent_id, queue_id))

    def _stop_service(self, actor: Actor, agent_id: str, queue_id: str) -> None:
        user = self.users.get(agent_id)
        if user is None or queue_id not in user.serves:
            raise Refused("QUE_SERVICE_NOT_START")
        self._audit(actor, "stop_service", agent_id)
        self._dismiss(user, queue_id)
        contact = self.prepared(user)
        if contact is not None and contact.queue_id == queue_id and not self.is_ringing(contact):
            self.end_assignment(contact, "cancelled", "withdrawn")
            self.give_back(contact, "withdrawn")
        self.match_agent(user)

    def set_dnd(self, actor: Actor, agent_id: str, dnd: int, reason: str = "") -> Result:
        """Set or clear manual mode."""
        return self._once_for_agent(actor, agent_id, lambda: self._set_dnd(actor, agent_id, dnd, reason))

    def _set_dnd(self, actor: Actor, agent_id: str, dnd: int, reason: str) -> None:
        user = self._user(agent_id)
        self._audit(actor, "set_dnd", agent_id)
        user.dnd, user.dnd_reason = dnd, reason if dnd else ""
        if dnd == 0:
            user.missed = 0
            self.end_rests(user)
        self.match_agent(user)

    def set_capacity(self, actor: Actor, agent_id: str, capacity: int) -> Result:
        """Set how many contacts an agent may hold at once."""
        return self._once_for_agent(actor, agent_id, lambda: self._set_capacity(actor, agent_id, capacity))

    def _set_capacity(self, actor: Actor, agent_id: str, capacity: int) -> None:
        user = self._user(agent_id)
        self._audit(actor, "set_capacity", agent_id)
        user.capacity = capacity
        self.match_agent(user)

    # Assignments

    def request_assignment(self, actor: Actor, agent_id: str, *, queue_id: str = "", customer_id: str = "") -> Result:
        """Give an agent one contact because he asks for it."""
        if agent_id != actor.user_id:
            raise Refused("API_NO_PERMISSION")
        if customer_id and not queue_id:
            raise Refused("PARAM_ERR")
        return self._once(actor, lambda: self._request_assignment(agent_id, queue_id, customer_id))

    def _request_assignment(self, agent_id: str, queue_id: str, customer_id: str) -> Result:
        user = self.users.get(agent_id)
        if user is None or not user.session:
            raise Refused("NOT_LOGIN")
        if queue_id:
            self._queue(queue_id)
        if not user.serves or (queue_id and queue_id not in user.serves):
            raise Refused("QUE_SERVICE_NOT_START")
        prepared = self.prepared(user)
        if prepared is not None and prepared.assignment is not None and prepared.assignment.state == "offered":
            return views.assignment(self, prepared.assignment)
        in_call = self.call_of(agent_id) is not None
        if prepared is not None or in_call or len(self.load(user)) >= user.capacity:
            raise Refused("AGENT_BUSY")
        contact, rule = self._requested(user, queue_id, customer_id)
        if contact is None:
            raise Refused("QUE_NOUSER")
        self.end_rests(user)
        return views.assignment(self, self.pair(contact, user, rule, requested=True))

    def _requested(self, user: UserState, queue_id: str, customer_id: str) -> tuple[ContactState | None, str]:
        """The contact asked for, if it can be given, and the rule that gives it."""
        if not queue_id:
            return self.best_contact(user), "order"
        waiting = [] if self.queues[queue_id].deleting else self.contacts_in(queue_id, "waiting")
        if not customer_id:
            return (waiting[0] if waiting else None), "requested_queue"
        found = [contact for contact in waiting if contact.customer_id == customer_id]
        return (found[0] if found else None), "requested_customer"

    def _own_assignment(self, actor: Actor, assignment_id: str) -> AssignmentState:
        given = self.assignments.get(assignment_id)
        if given is None or given.agent_id != actor.user_id:
            raise Refused("ASSIGNMENT_GONE")
        return given

    def accept(self, actor: Actor, assignment_id: str) -> Result:
        """Accept an offer; repeating it succeeds."""
        return self._once(actor, lambda: self._accept(actor, assignment_id))

    def _accept(self, actor: Actor, assignment_id: str) -> Result:
        given = self._own_assignment(actor, assignment_id)
        if given.state not in {"offered", "accepted", "serving"}:
            raise Refused("QUE_USER_CANCELLED" if given.reason == "customer_left" else "ASSIGNMENT_GONE")
        if given.state == "offered":
            policy = self.queues[self.contacts[given.contact_id].queue_id].policy
            self.users[given.agent_id].missed = 0
            given.state, given.deadline_at = "accepted", self.now + policy.connect_timeout * 1000
            self.timers[f"assignment:{given.contact_id}"] = given.deadline_at
            self.say_assignment("assignment.accepted", given)
        return views.assignment(self, given)

    def reject(self, actor: Actor, assignment_id: str) -> Result:
        """Reject an offer or an accepted assignment; repeating it succeeds."""
        return self._once(actor, lambda: self._reject(actor, assignment_id))

    def _reject(self, actor: Actor, assignment_id: str) -> Result:
        given = self._own_assignment(actor, assignment_id)
        rings = given.state == "accepted" and self.is_ringing(self.contacts[given.contact_id])
        if given.state == "serving" or rings:
            raise Refused("WRONG_STATE")
        if given.state not in {"offered", "accepted", "rejected"}:
            raise Refused("QUE_USER_CANCELLED" if given.reason == "customer_left" else "ASSIGNMENT_GONE")
        if given.state != "rejected":
            self.let_go(self.contacts[given.contact_id], "rejected")
        return views.assignment(self, given)

    # Time

    def tick(self, tenant: str) -> int | None:
        """Carry out at most 16 due timers in the order (deadline, member); answer when the next one is due."""
        self.events = []
        if self.paused:
            return self.now + 1000
        self._batch_left = BATCH
        with self._command():
            first = sorted((at, member) for member, at in self.timers.items())[:TICK_TIMERS_MAX]
            due = [member for at, member in first if at <= self.now]
            if due:
                self._find_gaps(self.timers[due[0]])
            self.ticked_at = self.now
            for member in due:
                # One that an earlier one has removed or moved is not due any more.
                at = self.timers.get(member, self.now + 1)
                if at <= self.now:
                    del self.timers[member]
                    self._fire_or_wait_again(member, at)
        next_due = min(self.timers.values(), default=None)
        if next_due is not None and next_due <= self.now:
            self.behind_at = self.now
        return next_due

    def _find_gaps(self, oldest_at: int) -> None:
        """Tell a gap (nobody ticked after something fell due) and a standstill (nobody ticked at all, for leases)."""
        if self.now - max(oldest_at, self.behind_at) > GAP_MS:
            self.gap_until = self.now
        is_silent = self.ticked_at is not None and self.now - self.ticked_at > GAP_MS
        if is_silent and self.now - self.still_until > 2 * LEASE_MS:
            self.still_until = self.now

    def _fire_or_wait_again(self, member: str, at: int) -> None:
        """What fell due in a gap is given its lease, grace or offer time once more; a call rings anew."""
        kind, _, name = member.partition(":")
        is_late = at < self.gap_until or (kind == "lease" and at < self.still_until)
        if not is_late or kind not in {"lease", "grace", "assignment", "ring"}:
            self._fire(kind, name)
        elif kind == "assignment":
            contact = self.contacts[name]
            given, policy = contact.assignment, self.queues[contact.queue_id].policy
            assert given is not None
            seconds = policy.offer_timeout if given.state == "offered" else policy.connect_timeout
            given.deadline_at = self.timers[member] = self.now + seconds * 1000
        elif kind == "ring":
            self.timers[member] = self.now + self.ring_ms(self.calls[name])
        else:
            self.timers[member] = self.now + (LEASE_MS if kind == "lease" else self.grace_ms(self.users[name]))

    def _fire(self, kind: str, name: str) -> None:
        if kind == "assignment":
            given = self.contacts[name].assignment
            assert given is not None
            self.let_go(self.contacts[name], "missed" if given.state == "offered" else "not_connected")
        elif kind == "wait":
            self.end_whatever(self.contacts[name], "timed_out")
        elif kind == "grace":
            self.lose(name)
            self._lose_agent(self.users[name])
        elif kind == "lease":
            for session, user in self.held_by_node(name)[: self._batch_left // 3]:
                self._batch_left -= 3
                self.end_session(user, session)
            if self.held_by_node(name):
                self.timers[f"lease:{name}"] = self.now
        elif kind == "ring":
            self.ring_out(self.calls[name])
        elif kind == "wrap":
            self.users[name].wrap_until = None
            self.match_agent(self.users[name])
        elif kind == "cool":
            self.users[name].cool_until = None
            self.match_agent(self.users[name])
        else:
            self._delete_batch(self.queues[name])

    def _lose_agent(self, user: UserState) -> None:
        """An agent has been away too long: he serves nothing, what he holds goes back or ends."""
        if self._batch_left < 3:
            self._lose_later(user)
            return
        self._batch_left -= 3
        for queue_id in sorted(user.serves, key=lambda queue_id: (user.serves[queue_id], queue_id)):
            self._dismiss(user, queue_id)
        contact = self.prepared(user)
        if contact is not None:
            self.withdraw(contact)
        in_order_of_offers = [given for given in self.assignments.values() if given.agent_id == user.user_id]
        for given in in_order_of_offers:
            if given.state == "serving" and self._batch_left:
                self._batch_left -= 1
                self.end_whatever(self.contacts[given.contact_id], "agent_lost")
        self._lose_later(user)

    def _lose_later(self, user: UserState) -> None:
        """What this run has no room for goes on with the next tick."""
        if user.serves or self.load(user):
            self.timers[f"grace:{user.user_id}"] = self.now
