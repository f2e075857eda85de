"""The dispatcher's world in plain lists and dicts: who there is, who waits where, and the matching of them.

It shares nothing with the scripts but the words. Every choice is computed anew from its definition: "able"
is a predicate over all users, the best contact and the best agent are `min()` over everybody.
Times are epoch milliseconds of a clock that the tests move.
"""

from __future__ import annotations

from tests.model.state import (
    AGENT_GRACE_MS,
    CUSTOMER_GRACE_MS,
    AssignmentState,
    CallState,
    ContactState,
    Event,
    QueueState,
    UserState,
    WatchState,
)


class World:
    """The state, the predicates, and the few moves that all commands are made of."""

    def __init__(self, now: int) -> None:
        self.now = now
        self.queues: dict[str, QueueState] = {}
        self.users: dict[str, UserState] = {}
        self.contacts: dict[str, ContactState] = {}
        self.assignments: dict[str, AssignmentState] = {}
        self.calls: dict[str, CallState] = {}
        self.customer_reach = "assigned"
        self.customer_grace_ms = CUSTOMER_GRACE_MS
        self.agent_grace_ms = AGENT_GRACE_MS
        self.watched_until = 0
        self.timers: dict[str, int] = {}
        self.events: list[Event] = []
        self.last_id = (0, 0)
        self.paused = False
        self.gap_until = 0
        self.behind_at = 0
        self.ticked_at: int | None = None
        self.still_until = 0

    # Predicates

    def load(self, user: UserState) -> list[ContactState]:
        """The contacts that this agent holds: offered, accepted or in service."""
        return [
            contact
            for contact in self.contacts.values()
            if contact.assignment is not None and contact.assignment.agent_id == user.user_id
        ]

    def prepared(self, user: UserState) -> ContactState | None:
        """The one contact that is offered to this agent or accepted by him."""
        found = [contact for contact in self.load(user) if contact.state == "preparing"]
        assert len(found) <= 1, f"{user.user_id} prepares {found}"
        return found[0] if found else None

    def is_ready(self, user: UserState) -> bool:
        """Whether this agent may be given a contact, as far as he himself is concerned."""
        return (
            user.session != ""
            and user.dnd == 0
            and user.serves != {}
            and len(self.load(user)) < user.capacity
            and self.prepared(user) is None
            and self.call_of(user.user_id) is None
            and user.wrap_until is None
            and user.cool_until is None
        )

    def is_able(self, user: UserState, queue: QueueState) -> bool:
        """Whether this agent may be given a contact of this queue."""
        return self.is_ready(user) and queue.queue_id in user.serves and not queue.deleting

    def is_present(self, contact: ContactState) -> bool:
        """Whether the customer is connected, as far as he is expected to be."""
        return contact.presence == "none" or self.users[contact.customer_id].session != ""

    def agent_state(self, user: UserState) -> str:
        """The agent's state: the first word that applies."""
        conditions = {
            "offline": user.session == "",
            "busy": self.call_of(user.user_id) is not None
            or any(contact.state == "serving" for contact in self.load(user)),
            "offered": self.prepared(user) is not None,
            "wrapping": user.wrap_until is not None,
            "cooling": user.cool_until is not None,
            "manual": user.dnd != 0,
            "idle": True,
        }
        return next(state for state, applies in conditions.items() if applies)

    def is_agent(self, user: UserState) -> bool:
        """Whether he serves a queue or still holds a contact."""
        return bool(user.serves) or bool(self.load(user))

    def contacts_in(self, queue_id: str, *states: str) -> list[ContactState]:
        """The contacts of a queue in these states, the one that queued first at the head."""
        found = [c for c in self.contacts.values() if c.queue_id == queue_id and c.state in states]
        return sorted(found, key=lambda contact: (contact.queued_at, contact.contact_id))

    def open_contact(self, user_id: str) -> ContactState | None:
        """The customer's open contact."""
        found = [c for c in self.contacts.values() if c.customer_id == user_id and c.state != "ended"]
        assert len(found) <= 1, f"{user_id} has {found}"
        return found[0] if found else None

    def call_of(self, user_id: str) -> CallState | None:
        """The call that a user is in."""
        found = [call for call in self.calls.values() if user_id in (call.caller_id, call.callee_id)]
        assert len(found) <= 1, f"{user_id} is in {found}"
        return found[0] if found else None

    def call_about(self, contact: ContactState) -> CallState | None:
        """The call of a contact."""
        found = [call for call in self.calls.values() if call.contact_id == contact.contact_id]
        assert len(found) <= 1, f"{contact.contact_id} has {found}"
        return found[0] if found else None

    def is_ringing(self, contact: ContactState) -> bool:
        """Whether the call of a contact rings."""
        call = self.call_about(contact)
        return call is not None and call.state == "ringing"

    def user_status(self, user: UserState) -> tuple[str, int]:
        """What others may know of a user: the first word that applies, and his manual mode."""
        conditions = {
            "offline": user.session == "",
            "in_call": self.call_of(user.user_id) is not None,
            "busy": self.open_contact(user.user_id) is not None or bool(self.load(user)),
            "idle": True,
        }
        return next(status for status, applies in conditions.items() if applies), user.dnd

    def position(self, contact: ContactState) -> int | None:
        """The 1-based place in the line, held ones counted; None outside of a line."""
        if contact.state not in {"waiting", "held"}:
            return None
        return self.contacts_in(contact.queue_id, "waiting", "held").index(contact) + 1

    # Choices

    def best_contact(self, user: UserState) -> ContactState | None:
        """The contact that the order rule gives to this agent."""
        choices = [
            (queue.policy.priority, contact.queued_at, contact.contact_id)
            for queue in self.queues.values()
            if queue.queue_id in user.serves and not queue.deleting
            for contact in self.contacts_in(queue.queue_id, "waiting")
        ]
        return self.contacts[min(choices)[2]] if choices else None

    def best_agent(self, queue: QueueState) -> UserState | None:
        """The agent that the order rule gives to a contact of this queue, of those who have become able."""
        choices = [
            (user.serves[queue.queue_id], user.idle_since, user.user_id.encode(), user)
            for user in self.users.values()
            if user.idle_since is not None and self.is_able(user, queue)
        ]
        return min(choices, key=lambda choice: choice[:3])[3] if choices else None

    # Moves

    def say(self, event: str, *details: object) -> None:
        """Note an event of the current command."""
        self.events.append((event, *details))

    def say_contact(self, event: str, contact: ContactState, reason: str = "") -> None:
        """Note an event about a contact."""
        self.say(event, contact.contact_id, contact.customer_id, contact.queue_id, reason)

    def say_assignment(self, event: str, given: AssignmentState) -> None:
        """Note an event about an assignment."""
        deadline = given.deadline_at if given.state in {"offered", "accepted"} else None
        key = (given.assignment_id, given.agent_id, given.contact_id, given.state, given.reason)
        self.say(event, *key, given.requested, deadline, given.why)

    def say_call(self, event: str, call: CallState, ext: str, reason: str = "") -> None:
        """Note an event about a call."""
        state = call.state if call.call_id in self.calls else "ended"
        key = (call.call_id, call.caller_id, call.callee_id, call.contact_id)
        self.say(event, *key, state, call.meeting, ext, reason)

    def next_id(self) -> str:
        """Make the next id: milliseconds, and a counter that starts at 0 in each of them."""
        at, count = self.last_id
        if self.now > at:
            at, count = self.now, 0
        elif count == 9999:
            at, count = at + 1, 0
        else:
            count += 1
        self.last_id = (at, count)
        self.now = at
        return f"{at:013d}-{count:04d}"

    def pair(self, contact: ContactState, user: UserState, rule: str, requested: bool = False) -> AssignmentState:
        """Offer a contact to an agent."""
        queue = self.queues[contact.queue_id]
        others = [u for u in self.users.values() if u is not user and u.idle_since is not None]
        others = [u for u in others if rule != "transfer" and self.is_able(u, queue)]
        why = (
            rule,
            queue.policy.priority,
            user.serves.get(queue.queue_id),
            self.now - contact.queued_at,
            0 if user.idle_since is None else self.now - user.idle_since,
            len(others),
        )
        if contact.state == "waiting":
            self.say_contact("contact.left", contact, "in_service")
            self.timers.pop(f"wait:{contact.contact_id}", None)
        contact.offers += 1
        deadline = self.now + queue.policy.offer_timeout * 1000
        assignment_id = f"{contact.contact_id}-{contact.offers}"
        given = AssignmentState(assignment_id, contact.contact_id, user.user_id, "offered", requested, deadline, why)
        contact.state, contact.assignment, contact.agent_id = "preparing", given, user.user_id
        contact.matched_at = self.now
        self.assignments[assignment_id] = given
        self.timers[f"assignment:{contact.contact_id}"] = deadline
        user.idle_since = None
        self.say_assignment("assignment.offered", given)
        self.say_contact("contact.matched", contact)
        return given

    def match_contact(self, contact: ContactState) -> None:
        """A contact starts waiting: give it to the best of the able agents."""
        self.forget_unable()
        queue = self.queues[contact.queue_id]
        user = self.best_agent(queue)
        if contact.state == "waiting" and user is not None:
            self.pair(contact, user, "order")

    def match_agent(self, user: UserState) -> None:
        """An agent is concerned: if he is able, he has become so by now at the latest; give him the best contact."""
        self.forget_unable()
        if not self.is_ready(user):
            return
        if self.paused and user.idle_since is None:
            # Nobody is matched now: he cools down until the ticks go on.
            user.cool_until = self.timers[f"cool:{user.user_id}"] = self.now
            return
        if user.idle_since is None:
            user.idle_since = self.now
        contact = self.best_contact(user)
        if contact is not None:
            self.pair(contact, user, "order")

    def forget_unable(self) -> None:
        """Whoever is no longer able is not idle either."""
        for user in self.users.values():
            if not self.is_ready(user):
                user.idle_since = None

    def end_assignment(self, contact: ContactState, state: str, reason: str = "", wraps: bool = True) -> UserState:
        """End the open assignment of a contact; after service its agent wraps up. Answers the agent."""
        given = contact.assignment
        assert given is not None
        event = {"missed": "cancelled"}.get(state, state)
        user = self.users[given.agent_id]
        contact.assignment = None
        if contact.state == "preparing":
            contact.agent_id = ""
        given.state, given.reason, given.deadline_at = state, reason, None
        self.timers.pop(f"assignment:{contact.contact_id}", None)
        self.say_assignment(f"assignment.{event}", given)
        self.forget_grace(user)
        if state == "completed" and wraps:
            ends_at = self.now + self.queues[contact.queue_id].policy.wrap_up * 1000
            if ends_at > (user.wrap_until or self.now):
                user.wrap_until = ends_at
                self.timers[f"wrap:{user.user_id}"] = user.wrap_until
        return user

    def leave_call(self, call: CallState) -> None:
        """Let both out of a call; a grace that only it needed ends too."""
        del self.calls[call.call_id]
        self.timers.pop(f"ring:{call.call_id}", None)
        for user_id in (call.caller_id, call.callee_id):
            self.forget_grace(self.users[user_id])

    def end_call(self, call: CallState | None, reason: str) -> None:
        """End a call, if there is one, by neither party's doing."""
        if call is not None:
            self.leave_call(call)
            self.say_call("call.ended", call, "", reason)

    def is_awaited(self, user: UserState) -> bool:
        """Whether something waits for him when he is not connected."""
        contact = self.open_contact(user.user_id)
        is_customer = contact is not None and contact.presence != "none"
        return is_customer or self.is_agent(user) or self.call_of(user.user_id) is not None

    def forget_grace(self, user: UserState) -> None:
        """A grace ends with the last thing it is for."""
        if not self.is_awaited(user):
            self.timers.pop(f"grace:{user.user_id}", None)

    def connections(self, user: UserState) -> list[UserState | WatchState]:
        """His session, and those that watch, also where they have ended."""
        return [user, *user.watches]

    def held_by_node(self, node: str) -> list[tuple[str, UserState]]:
        """The sessions that a node holds and whose they are, the longest connected first."""
        found = [
            (held.opened_at, held.session, user)
            for user in self.users.values()
            for held in self.connections(user)
            if held.session and held.node == node != ""
        ]
        found.sort(key=lambda held: (held[0], f"{held[1]}:{held[2].user_id}".encode()))
        return [(session, user) for _, session, user in found]

    def forget_lease(self, node: str) -> None:
        """A lease ends with the last session under it."""
        if not self.held_by_node(node):
            self.timers.pop(f"lease:{node}", None)

    def end_rests(self, user: UserState) -> None:
        """End wrap-up and cool-down."""
        user.wrap_until = user.cool_until = None
        self.timers.pop(f"wrap:{user.user_id}", None)
        self.timers.pop(f"cool:{user.user_id}", None)

    def end_contact(self, contact: ContactState, reason: str) -> None:
        """End a contact, out of the line or after its assignment."""
        if contact.state in {"waiting", "held"}:
            self.say_contact("contact.left", contact, reason)
        contact.state, contact.reason, contact.ended_at = "ended", reason, self.now
        self.timers.pop(f"wait:{contact.contact_id}", None)
        self.timers.pop(f"grace:{contact.customer_id}", None)
        self.say_contact("contact.ended", contact, reason)

    def end_whatever(self, contact: ContactState, reason: str) -> None:
        """End an open contact in whatever state it is; then its agent may get the next one."""
        user = None
        was, queue = contact.state, self.queues[contact.queue_id]
        self.end_call(self.call_about(contact), reason)
        if was == "serving":
            user = self.end_assignment(contact, "completed", wraps=reason != "agent_lost")
        elif was == "preparing":
            user = self.end_assignment(contact, "cancelled", "customer_left" if reason == "abandoned" else reason)
        self.end_contact(contact, reason)
        if was == "serving":
            self.look_again(queue)
        if user is not None:
            self.match_agent(user)

    def look_again(self, queue: QueueState) -> None:
        """A queue being deleted goes with the next tick once nobody is in service there."""
        if queue.deleting and not self.contacts_in(queue.queue_id, "serving"):
            self.timers[f"delete:{queue.queue_id}"] = self.now

    def enter(self, contact: ContactState) -> None:
        """Put a contact into its queue's line, waiting or held; its max_wait runs."""
        contact.agent_id = ""
        contact.matched_at = None
        contact.state = "waiting" if self.is_present(contact) else "held"
        max_wait = self.queues[contact.queue_id].policy.max_wait
        self.timers.pop(f"wait:{contact.contact_id}", None)
        if max_wait:
            # Past its end already: it is due now, and not since then, which would tell of a gap.
            self.timers[f"wait:{contact.contact_id}"] = max(self.now, contact.wait_from + max_wait * 1000)

    def give_back(self, contact: ContactState, word: str) -> None:
        """Let a contact without assignment find its place in its queue again, and match it.

        Past its max_wait it goes to an able agent or ends; one whose customer is gone is held first.
        """
        queue = self.queues[contact.queue_id]
        self.forget_unable()
        past = 0 < queue.policy.max_wait * 1000 <= self.now - contact.wait_from
        if queue.deleting:
            self.end_out_of_line(contact, "removed")
        elif past and self.is_present(contact) and self.best_agent(queue) is None:
            self.end_out_of_line(contact, "timed_out")
        else:
            self.enter(contact)
            self.say_contact("contact.returned" if contact.state == "waiting" else "contact.held", contact, word)
            self.say_contact("contact.entered", contact)
            self.match_contact(contact)

    def end_out_of_line(self, contact: ContactState, reason: str) -> None:
        """End a contact that has come back and finds no place."""
        contact.state = "preparing"
        self.end_contact(contact, reason)
